"""A tier that joins on the way: the model's word on it is taken away."""

from typing import Any

import numpy as np
import pytest

from tracetier.evaluate.newcomer import as_newcomers
from tracetier.evaluate.scenario import Scenario, parse_event
from tracetier.evaluate.stream import Stream
from tracetier.heads.prior import Prediction


def _stream(artifact: Any, *events: str) -> Stream:
    prior = artifact.prior
    predictions = [
        Prediction(prior.quality_mean[b].tolist(), [0.001, 0.003, 0.01], [0.1, 0.3, 1.0], b)
        for b in (0, 1, 2)
    ]
    return Stream(
        predictions,
        np.zeros((3, 3)),
        np.zeros((3, 3)),
        np.zeros(3),
        prior,
        tiers=artifact.tiers.names,
        scenario=Scenario(events=tuple(map(parse_event, events))),
        cost_ref=artifact.cost_ref,
    )


def test_its_quality_is_mixed_of_its_neighbours_by_the_logarithm_of_cost(artifact: Any) -> None:
    """mid at $.0032 between low at .001 and high at .01: half of each, in every bucket."""
    found = as_newcomers(_stream(artifact, "add:mid@1"), artifact.tiers, [0.001, 10**-2.5, 0.01])

    means = artifact.prior.quality_mean
    for b, prediction in enumerate(found.predictions):
        assert prediction.quality[1] == pytest.approx((means[b, 0] + means[b, 2]) / 2)
        assert prediction.cost_usd[1] == pytest.approx(10**-2.5)
        assert prediction.quality[0] == means[b, 0]
    assert found.prior.quality_tau2[1] == pytest.approx(found.prior.quality_var[1] / 4)


def test_without_newcomers_nothing_changes(artifact: Any) -> None:
    """The very same stream."""
    stream = _stream(artifact, "drop:mid:5@1")

    assert as_newcomers(stream, artifact.tiers, [1.0, 1.0, 1.0]) is stream

"""What decides of two comparisons: with the incumbent's model, and with what the log did."""

import pytest

from tracetier.evaluate.comparison import Comparison, PolicyFacts
from tracetier.measures.bootstrap import Interval
from tracetier.retrain.judge import verdict

SOME = Interval(0.5, 0.4, 0.6)
BETTER, UNCLEAR, WORSE = Interval(1, 0.5, 2), Interval(0, -1, 1), Interval(-1, -2, -0.5)


def _comparison(gain: Interval, *, ess: float = 200.0) -> Comparison:
    incumbent, candidate = (
        PolicyFacts(name=name, kind="artifact", quality=SOME, cost_usd=SOME, reward=SOME, ess=n)
        for name, n in (("old", ess), ("new", 200.0))
    )
    return Comparison(
        incumbent=incumbent,
        candidate=candidate,
        table="t",
        lam=1.0,
        cost_ref=1.0,
        gain=gain,
        quality_gain=gain,
        cost_saved_usd=gain,
        n_rows=500,
        n_groups=500,
        n_logged=500,
        is_observational=False,
        seed=0,
        n_draws=100,
        passes=gain.low > 0 and ess >= 50,
    )


@pytest.mark.parametrize(
    ("model", "live", "passes"),
    [
        pytest.param(BETTER, BETTER, True, id="better than both"),
        pytest.param(BETTER, UNCLEAR, True, id="not worse than what was learned live"),
        pytest.param(BETTER, WORSE, False, id="what was learned live is better"),
        pytest.param(UNCLEAR, BETTER, False, id="no better than the model"),
        pytest.param(WORSE, BETTER, False, id="worse than the model"),
    ],
)
def test_the_model_is_what_must_be_beaten(model: Interval, live: Interval, passes: bool) -> None:
    """And what was learned on top of it must not be lost."""
    judged = verdict(_comparison(model), _comparison(live))

    assert judged.passes is passes
    assert judged.comparison.gain == model
    assert (judged.reason is not None) is (model is BETTER and live is WORSE)


@pytest.mark.parametrize(("live", "passes"), [(BETTER, True), (UNCLEAR, False), (WORSE, False)])
def test_a_model_that_the_router_left_is_no_measure(live: Interval, passes: bool) -> None:
    """What the log did is then in use, and must be beaten."""
    judged = verdict(_comparison(BETTER, ess=10.0), _comparison(live))

    assert judged.passes is passes
    assert judged.comparison.gain == live

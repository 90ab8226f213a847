"""What a log can tell, counted by hand."""

import numpy as np

from tracetier.train.logged.overlap import measure_overlap


def test_rare_rows_count_for_less_than_their_number() -> None:
    """Weights 2, 2 and 10: (14)^2 / 108 of three rows."""
    seen = np.array([[True], [True], [True]])
    found = measure_overlap(np.zeros(3, np.intp), seen, np.array([[0.5], [0.5], [0.1]]), 1)

    np.testing.assert_allclose(found.ess, [[196 / 108]])
    np.testing.assert_allclose(found.tier_ess, [196 / 108])


def test_what_cannot_be_known_is_named() -> None:
    """Bucket 0: 60 rows of low, none of high; bucket 1: 60 of either; bucket 2 is empty."""
    seen = np.zeros((120, 2), dtype=np.bool_)
    seen[:, 0], seen[60:, 1] = True, True
    bucket = np.repeat([0, 1], 60)
    found = measure_overlap(bucket, seen, np.full((120, 2), 0.5), 3)

    told = found.to_dict(["code", "chat", "other"], ["low", "high"])

    assert told["never_tried"] == [{"bucket": "code", "tier": "high"}]
    assert told["cannot_be_known"] == [{"bucket": "code", "tier": "high"}]
    assert told["tiers"] == {"low": {"n": 120, "ess": 120.0}, "high": {"n": 60, "ess": 60.0}}
    assert list(told["buckets"]) == ["code", "chat"]  # type: ignore[call-overload]


def test_forty_nine_effective_rows_are_too_few() -> None:
    """50 are enough."""
    for n, expected in ((49, 1), (50, 0)):
        found = measure_overlap(np.zeros(n, np.intp), np.ones((n, 1), np.bool_), np.ones((n, 1)), 1)
        told = found.to_dict(["b"], ["low"])
        assert len(told["cannot_be_known"]) == expected  # type: ignore[arg-type]
        assert told["never_tried"] == []

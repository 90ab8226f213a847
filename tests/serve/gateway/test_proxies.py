"""Implicit signs as a guess at quality."""

import pytest

from tracetier.serve.gateway.proxies import SIGNS, Seen, quality_of


@pytest.mark.parametrize(
    ("seen", "weights", "quality"),
    [
        pytest.param(Seen(), {"error": 1.0}, 10.0, id="nothing seen"),
        pytest.param(Seen(error=True), {"error": 1.0}, 0.0, id="all lost"),
        pytest.param(Seen(truncation=True), {"truncation": 0.5, "retry": 0.5}, 5.0, id="half"),
        pytest.param(Seen(error=True, retry=True), {"error": 0.8, "retry": 0.5}, 0.0, id="floor"),
        pytest.param(Seen(refusal=True), {"retry": 0.5}, 10.0, id="not declared"),
    ],
)
def test_each_sign_takes_its_weight(seen: Seen, weights: dict[str, float], quality: float) -> None:
    """10 * (1 - the sum), not below 0; a sign without a weight says nothing."""
    assert quality_of(seen, weights) == pytest.approx(quality)


def test_every_sign_can_be_seen() -> None:
    """A weight for something that nobody looks for would never count."""
    assert set(SIGNS) == set(Seen.__struct_fields__)

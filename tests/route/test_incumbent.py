"""Leaving the incumbent only on evidence, and shadow mode."""

import pytest

from tracetier.errors import SettingsError
from tracetier.route.choice import Choice
from tracetier.route.incumbent import Incumbent, abstain, shadow

NAMES = ("low", "mid", "high")


def _choice(reward: list[float], sd: float = 0.3, n_reports: int = 0, greedy: int = 0) -> Choice:
    blank = [0.0] * 3
    return Choice(
        tier=greedy,
        greedy=greedy,
        near_tie_with=-1,
        explored=False,
        epsilon=0.1,
        propensities=[0.9 if a == greedy else 0.05 for a in range(3)],
        quality=blank,
        cost=blank,
        reward=reward,
        sd=[sd] * 3,
        prior_reward=blank,
        n_reports=[n_reports] * 3,
    )


@pytest.mark.parametrize(
    ("lead", "leaves"), [(0.51, True), (0.49, False), (-0.2, False)], ids=["clear", "within", "no"]
)
def test_the_incumbent_is_left_for_a_lead_above_its_standard_error(
    lead: float, leaves: bool
) -> None:
    """Both sd .36: the lead's is sqrt(2) .36 = .509."""
    choice = _choice([8.0 + lead, 5.0, 8.0], sd=0.36)
    got, why = abstain(choice, Incumbent(tier=2), NAMES)

    assert (got is choice) is leaves
    assert bool(why) is not leaves
    if not leaves:
        assert got.tier == 2
        assert got.propensities == [0.05, 0.05, 0.9]
        assert why == (
            f"abstains and stays on high: low leads by {lead:.2f}, which must exceed 0.51"
        )


def test_a_tier_without_overlap_is_not_left_for() -> None:
    """30 effective outcomes and 19 reports are 49; one more report is enough."""
    incumbent = Incumbent(tier=2, effective=(30.0, 99.0, 99.0))

    got, why = abstain(_choice([9.9, 5.0, 8.0], n_reports=19), incumbent, NAMES)
    assert got.tier == 2
    assert why == ("abstains and stays on high: low was seen 49 times on such tasks, 50 are needed")
    assert abstain(_choice([9.9, 5.0, 8.0], n_reports=20), incumbent, NAMES)[1] == ""


def test_the_incumbent_itself_is_no_reason_to_abstain() -> None:
    """It is the best already."""
    choice = _choice([1.0, 1.0, 8.0], greedy=2)

    assert abstain(choice, Incumbent(tier=2, effective=(0.0, 0.0, 0.0)), NAMES) == (choice, "")


def test_shadow_mode_returns_the_incumbent_for_certain_and_tells_the_choice() -> None:
    """Or the allowed tier next to it, the dearer of two."""
    choice, incumbent = _choice([9.0, 1.0, 8.0]), Incumbent(tier=1, shadow=True)

    got, why = shadow(choice, incumbent, [0, 1, 2], NAMES)
    assert (got.tier, got.propensities) == (1, [0.0, 1.0, 0.0])
    assert why == "shadow mode: low would be taken, mid is"

    got, why = shadow(choice, incumbent, [0, 2], NAMES)
    assert (got.tier, why) == (
        2,
        "shadow mode: low would be taken, high is, since mid is ruled out",
    )


def test_a_wrong_number_of_standard_errors_is_told() -> None:
    """By its name in the file."""
    with pytest.raises(SettingsError, match="abstain_sd is -1, must be finite and >= 0"):
        Incumbent(tier=0, abstain_sd=-1.0)

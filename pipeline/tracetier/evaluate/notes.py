"""What limits the figures of an evaluation or a comparison, in sentences."""

from tracetier.evaluate.result import LoggedResult

FEW_GROUPS = 50
"""Independent groups of tasks below which intervals are called rough."""


def evaluation_notes(
    *,
    n_left_out: int,
    n_groups: int,
    logged: LoggedResult | None,
    n_out_of_fold: int,
    n_parts: int,
) -> tuple[str, ...]:
    """Say what limits the figures of an evaluation, a sentence each without its full stop."""
    notes: list[str] = []
    if n_left_out:
        notes.append(f"{n_left_out:,} tasks lack an outcome that is needed and are left out")
    notes += rough_intervals(n_groups)
    if n_parts:
        notes.append(
            f"the recipe was trained anew {n_parts} times for this split; what is told is what "
            "the recipe does, not the weights of the artifact"
        )
    if n_out_of_fold:
        # The heads had not seen these tasks; how they are blended and calibrated had.
        notes.append(
            f"{n_out_of_fold:,} tasks were in training: the models had not seen them, but the "
            "blend and its calibration were chosen on their outcomes, which flatters a little and "
            "is not in the intervals; a held-out table is the clean test"
        )
    if logged is not None:
        notes.append(
            f"{logged.n_logged:,} tasks are known on some tiers only: values are self-normalised "
            "doubly robust estimates"
        )
        if logged.n_estimated:
            notes.append(
                f"the propensities of {logged.n_estimated:,} tasks were estimated from the log: "
                "what its choice knew beyond the features is not corrected for (observational)"
            )
        thin = [name for name, each in logged.fixed.items() if not each.is_supported]
        if thin:
            notes.append(f"too few rows were logged on {', '.join(thin)} to claim a value")
    return tuple(notes)


def rough_intervals(n_groups: int) -> list[str]:
    """Say so where there are few independent groups of tasks.

    Examples
    --------
    >>> rough_intervals(12), rough_intervals(50)
    (['only 12 independent groups of tasks: the intervals are rough'], [])
    """
    if n_groups >= FEW_GROUPS:
        return []
    return [f"only {n_groups} independent groups of tasks: the intervals are rough"]

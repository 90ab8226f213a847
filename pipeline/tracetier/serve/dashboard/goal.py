"""How what the settings want held stands by now."""

from tracetier.serve.dashboard.answer import GoalView, TotalsView
from tracetier.settings import Settings


def goal_view(settings: Settings, totals: TotalsView, today: TotalsView) -> GoalView | None:
    """Return the goal with what it amounts to, ``None`` where none is set.

    A budget per request and a saving are held against all that the state knows, a budget per day
    against the present day (UTC).

    Examples
    --------
    >>> from tracetier.route.savings import Sums
    >>> from tracetier.serve.dashboard.answer import totals_view
    >>> spent = totals_view([Sums(decisions=4, spend_usd=0.02, dear_usd=0.08)])
    >>> goal_view(Settings(budget_usd=0.01), spent, spent)
    GoalView(kind='budget_usd', target=0.01, actual=0.005, is_held=True)
    >>> goal_view(Settings(saving=0.8), spent, spent).is_held
    False
    """
    if settings.budget_usd is not None:
        n = totals.decisions
        return _at_most("budget_usd", settings.budget_usd, totals.spend_usd / n if n else None)
    if settings.budget_usd_per_day is not None:
        return _at_most("budget_usd_per_day", settings.budget_usd_per_day, today.spend_usd)
    if settings.saving is not None:
        return _at_least("saving", settings.saving, totals.saved_share)
    if settings.quality_floor is not None:
        return _at_least("quality_floor", settings.quality_floor, totals.quality)
    return None


def _at_most(kind: str, target: float, actual: float | None) -> GoalView:
    is_held = None if actual is None else actual <= target
    return GoalView(kind=kind, target=target, actual=actual, is_held=is_held)


def _at_least(kind: str, target: float, actual: float | None) -> GoalView:
    is_held = None if actual is None else actual >= target
    return GoalView(kind=kind, target=target, actual=actual, is_held=is_held)

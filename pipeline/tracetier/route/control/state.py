"""What a pacer remembers between requests; an optional part of the state document."""

from msgspec import Struct

from tracetier.route.control.goal import Goal


class ControlState(Struct, kw_only=True):
    """The account of a goal, in USD (in quality 0-1 for a quality floor).

    Attributes
    ----------
    goal : Goal
    over : float
        Reported so far, less what the goal grants for it. Above 0: overdrawn.
    open_sum : float
        Expected sum of what is decided and not yet reported.
    open_grant : float
        What the goal grants for it.
    n_open : int
        Decisions not yet reported.
    actual, expected : float
        Discounted sums of reports and of expectations; their ratio corrects the expectations.
    actual_n, expected_n : float
        Discounted counts behind them.
    grant : float
        What the goal grants for one request, as last known.
    log_price, amount : list of float
        The curve that was solved last: `curve_scale` of prices, falling, and the mean amount per
        request expected at each, rising.
    base : float
        Expected USD per request at the present price if no tier beyond four grants is taken; 0
        where the goal has no period.
    seen : list of float
        Per tier, the share of its predicted cost that its last calls cost, at most 1; a tier
        beyond the end of the list counts in full.
    since_solved, n_decided : int
        Decisions since then, and in all.
    last_s, gap_s : float
        Time of the last decision and mean gap between two, in seconds; 0 while unknown.
    """

    goal: Goal
    over: float = 0.0
    open_sum: float = 0.0
    open_grant: float = 0.0
    n_open: int = 0
    actual: float = 0.0
    actual_n: float = 0.0
    expected: float = 0.0
    expected_n: float = 0.0
    grant: float = 0.0
    log_price: list[float] = []
    amount: list[float] = []
    base: float = 0.0
    seen: list[float] = []
    since_solved: int = 0
    n_decided: int = 0
    last_s: float = 0.0
    gap_s: float = 0.0

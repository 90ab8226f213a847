"""What displays ask of a learner beside its snapshot: how sure it is of Q, and the money by day."""

from collections.abc import Sequence

from msgspec import structs

from tracetier.heads.prior import Prediction
from tracetier.route.control.contexts import Contexts
from tracetier.route.savings import SavingsBook, Sums
from tracetier.route.strategy import Strategy


def q_sds(
    strategy: Strategy, buckets: Sequence[str], tiers: Sequence[str], lam: float
) -> dict[str, dict[str, float]]:
    """Return the standard deviation of Q per bucket and tier, in units of reward.

    It depends on no task, and is 0 throughout where the strategy keeps none.
    """
    zeros = [0.0] * len(tiers)
    contexts = Contexts(len(buckets))
    for bucket in range(len(buckets)):
        contexts.add(Prediction(zeros, zeros, zeros, bucket))
    contexts.refresh()
    rows = strategy.score_many(contexts, lam).sd.tolist()
    return {
        bucket: dict(zip(tiers, row, strict=True))
        for bucket, row in zip(buckets, rows, strict=True)
    }


def ledger_since(book: SavingsBook, day: str) -> dict[str, dict[str, Sums]]:
    """Return a copy of the rows of a ledger, by day and tier, from a day on.

    Examples
    --------
    >>> book = SavingsBook(days={"2026-01-01": {"low": Sums()}, "2026-01-02": {}})
    >>> list(ledger_since(book, "2026-01-02")), len(ledger_since(book, ""))
    (['2026-01-02'], 2)
    """
    return {
        at: {name: structs.replace(sums) for name, sums in tiers.items()}
        for at, tiers in book.days.items()
        if at >= day
    }

"""The tier that was taken and the cost that was paid, where the log leaves them open."""

from difflib import get_close_matches

import msgspec

from tracetier.errors import RecordError
from tracetier.ingest.issue import Fault
from tracetier.ingest.span import Span
from tracetier.prices import price_usd
from tracetier.records import Invocation
from tracetier.tiers import Tier, TierSet, family_of, normalize_model


class Resolver:
    """Fills in tier and cost.

    Parameters
    ----------
    tiers : TierSet, optional
        Declared tiers; a row of any other tier is a fault. Where none are declared, a tier is
        whatever the models or the log itself say.
    default_model : str, optional
        Model of rows that name neither model nor tier.

    Attributes
    ----------
    n_by_default : int
        Rows that took it.
    """

    def __init__(self, tiers: TierSet | None, default_model: str | None = None) -> None:
        self.n_by_default = 0
        self._tiers, self._default = tiers, default_model
        self._known: dict[tuple[str | None, str | None], str] = {}

    def resolve(self, row: Invocation, *, is_priced: bool = False) -> Invocation:
        """Return a row with its tier, and with its cost and where that came from.

        Parameters
        ----------
        row : Invocation
        is_priced : bool
            Whether its cost has been told as far as it can be.

        Raises
        ------
        Fault
            If the row names neither model nor tier, or none that is declared.
        """
        if self._default and row.model is None and row.tier is None:
            self.n_by_default += 1
            row = msgspec.structs.replace(row, model=self._default)
        key = (row.model, row.tier)
        tier = self._known.get(key)
        if tier is None:
            tier = self._known[key] = self._tier(*key)
        if is_priced:
            return msgspec.structs.replace(row, tier=tier)
        cost_usd, source = self._cost(row, tier)
        if (tier, cost_usd, source) == (row.tier, row.y_cost_usd, row.y_cost_source):
            return row
        return msgspec.structs.replace(row, tier=tier, y_cost_usd=cost_usd, y_cost_source=source)

    def tier_of(self, model: str | None) -> str | None:
        """Return the tier of a model, ``None`` where it is in none that is declared."""
        try:
            return self._known.get((model, None)) or self._tier(model, None)
        except Fault:
            return None

    def price(self, call: Span) -> float | None:
        """Return the cost of a model call by its tokens, at the time of the call."""
        model = call.model_answered or call.model_asked or self._default
        tier = self.tier_of(call.model_asked or call.model_answered or self._default)
        return price_usd(
            model,
            input_tokens=call.input_tokens or 0,
            output_tokens=call.output_tokens or 0,
            cache_read_tokens=call.cache_read_tokens or 0,
            cache_write_tokens=call.cache_write_tokens or 0,
            cache_write_1h_tokens=call.cache_write_1h_tokens or 0,
            timestamp=call.start,
            tier=None if tier is None else self._own(tier),
        )

    def _own(self, tier: str) -> Tier | None:
        return None if self._tiers is None else self._tiers.tiers[self._tiers.index(tier)]

    def _tier(self, model: str | None, logged: str | None) -> str:
        declared = None if self._tiers is None else self._tiers.names
        for claim in self._claims(model, logged):
            if claim and (declared is None or claim in declared):
                return claim
        if declared is None:
            told = "neither model nor tier is told; --default-model NAME gives such rows one"
            raise Fault("missing", told, pointer="tier")
        raise _undeclared(model, logged, declared)

    def _claims(self, model: str | None, logged: str | None) -> tuple[str | None, ...]:
        """Return what could be the tier, the surest first."""
        if model is None:
            return (logged,)
        matched = None if self._tiers is None else self._tiers.match(model)
        # What the log states is a fact of that log; a family is our reading of a name.
        return (matched, logged, family_of(model), normalize_model(model))

    def _cost(self, row: Invocation, tier: str) -> tuple[float | None, str | None]:
        n_tokens = (row.y_input_tokens or 0) + (row.y_output_tokens or 0)
        if row.y_cost_usd is not None and (row.y_cost_usd > 0 or n_tokens == 0):
            return row.y_cost_usd, row.y_cost_source or "logged"
        # Tokens were used, so a cost of 0 is what loggers write for a price they do not know.
        priced = self._priced(row, tier)
        return priced, None if priced is None else "priced"

    def _priced(self, row: Invocation, tier: str) -> float | None:
        if row.y_input_tokens is None or row.y_output_tokens is None:
            return None
        try:
            return price_usd(
                row.model,
                input_tokens=row.y_input_tokens,
                output_tokens=row.y_output_tokens,
                cache_read_tokens=row.y_cache_read_tokens or 0,
                cache_write_tokens=row.y_cache_write_tokens or 0,
                timestamp=row.timestamp,
                tier=self._own(tier),
            )
        except RecordError as error:
            raise Fault("bad_value", str(error), pointer="y_input_tokens") from error


def _undeclared(model: str | None, logged: str | None, declared: tuple[str, ...]) -> Fault:
    given = f"tier {logged!r}" if logged else "no tier"
    near = get_close_matches(logged or "", declared, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return Fault(
        "undeclared_tier",
        f"{given} of model {model!r} is none of the declared {', '.join(declared)}; {hint}Add the "
        "model to the `models` of a [[tier]], or declare the tier",
        pointer="tier",
        value=logged or model,
    )

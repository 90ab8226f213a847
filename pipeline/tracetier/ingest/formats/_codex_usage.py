"""What each call of a Codex thread used, from counts of which some run on and some repeat.

A ``token_count`` event has the thread's total so far, and is written again without a call, when
the rate limits change; newer versions write a ``token_usage_record`` per answer beside it.
"""

from tracetier.ingest.formats._codex_record import TokenInfo, Tokens

_FIELDS = Tokens.__struct_fields__


class Meter:
    """Tells new tokens from those that were counted before."""

    def __init__(self) -> None:
        self._total: Tokens | None = None
        self._answers: set[str] = set()
        self._has_records = False

    def rebase(self, info: TokenInfo) -> None:
        """Take a count that stands in a copied history: its tokens are another thread's."""
        self._total = info.total_token_usage or self._total

    def count(self, info: TokenInfo) -> Tokens | None:
        """Return what a running total adds to the last one; ``None`` where it is nothing.

        Where there was none before, or the total ran back, it is what the event says of the last
        call: a thread may begin with the total of the one that it was forked from. Once there are
        records per answer, counts only repeat them.

        Examples
        --------
        >>> meter, first = Meter(), Tokens(input_tokens=9, output_tokens=1)
        >>> meter.count(TokenInfo(first, first)) == first, meter.count(TokenInfo(first, first))
        (True, None)
        >>> meter.count(TokenInfo(Tokens(input_tokens=20, output_tokens=3))).input_tokens
        11
        """
        total, last, before = info.total_token_usage, info.last_token_usage, self._total
        self._total = total or before
        if self._has_records:
            return None
        if total is None or (before is not None and _ran_back(before, total)):
            found = last
        else:
            found = (last or total) if before is None else _minus(total, before)
        return found if _is_any(found) else None

    def record(self, usage: Tokens, response_id: str | None) -> Tokens | None:
        """Return what one answer used; ``None`` where it was told before."""
        self._has_records = True
        if response_id is not None:
            if response_id in self._answers:
                return None
            self._answers.add(response_id)
        return usage if _is_any(usage) else None


def _is_any(tokens: Tokens | None) -> bool:
    return tokens is not None and bool(tokens.input_tokens or tokens.output_tokens)


def _ran_back(before: Tokens, total: Tokens) -> bool:
    one = (before.input_tokens or 0, before.output_tokens or 0)
    other = (total.input_tokens or 0, total.output_tokens or 0)
    return other[0] < one[0] or other[1] < one[1]


def _minus(total: Tokens, before: Tokens) -> Tokens:
    found = {}
    for name in _FIELDS:
        value = getattr(total, name)
        found[name] = None if value is None else value - (getattr(before, name) or 0)
    return Tokens(**found)

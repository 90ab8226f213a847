"""A state document encoded a piece at a time, while the state that it was taken of goes on.

Open decisions are what makes a document long, and they never change: under the lock only the list
of them is taken. All else is short, and encoded at once.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from tracetier.route.ledger import Pending
from tracetier.route.state.document import StateDocument, pack_document

_AT_ONCE = 200
"""Open decisions encoded without a pause for others, in half a millisecond."""

_encode = msgspec.json.Encoder().encode
_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Waiting(NamedTuple):
    """Open decisions at one moment, oldest first."""

    ids: list[str]
    decisions: list[Pending]

    @classmethod
    def of(cls, ledger: "OrderedDict[str, Pending]") -> "Waiting":
        """Take the list of them."""
        # The methods of `dict` itself take a tenth of the time of the ordered ones. Their order is
        # that in which ids were put in, which is the same as long as none is moved to an end.
        return cls(list(dict.keys(ledger)), list(dict.values(ledger)))

    def by_id(self) -> dict[str, Pending]:
        """Return them as a document has them."""
        return dict(zip(self.ids, self.decisions, strict=True))


class Packing:
    """A document, taken at once and encoded later.

    Parameters
    ----------
    document : StateDocument
        Without its open decisions. It may change as soon as this returns.
    pending, partial : Waiting
        The open decisions.
    """

    def __init__(self, document: StateDocument, pending: Waiting, partial: Waiting) -> None:
        self._rest = pack_document(document)
        self._pending, self._partial = pending, partial

    @property
    def n_open(self) -> int:
        """Open decisions in it."""
        return len(self._pending.ids) + len(self._partial.ids)

    def finished(self, pause: Callable[[], object]) -> bytes:
        """Return the bytes that `pack_document` would, with a pause now and then."""
        fields = _fields_of(self._rest)
        fields["pending"] = _packed(self._pending, pause)
        fields["partial"] = _packed(self._partial, pause)
        return _encode(fields)


def _packed(waiting: Waiting, pause: Callable[[], object]) -> msgspec.Raw:
    ids, decisions = waiting
    pieces = []
    for first in range(0, len(ids), _AT_ONCE):
        last = first + _AT_ONCE
        some = dict(zip(ids[first:last], decisions[first:last], strict=True))
        pieces.append(_encode(some)[1:-1])
        pause()
    return msgspec.Raw(b"".join((b"{", b",".join(pieces), b"}")))

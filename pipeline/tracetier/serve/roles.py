"""Which roles a path needs: one table, and what is not in it is the administrator's."""

from collections.abc import Mapping
from typing import Final

OPEN: Final[frozenset[str]] = frozenset()
"""Needs no token."""

ADMIN: Final = frozenset({"admin"})

BASE: Final[Mapping[str, frozenset[str]]] = {
    "/v1/route": frozenset({"route"}),
    "/v1/route/batch": frozenset({"route"}),
    "/v1/feedback": frozenset({"feedback"}),
    "/v1/decisions/": frozenset({"route", "feedback", "read"}),
    "/v1/policy": frozenset({"read"}),
    "/v1/artifact": ADMIN,
    "/metrics": frozenset({"read"}),
    "/healthz": OPEN,
    "/readyz": OPEN,
    "/docs": OPEN,
    "/openapi.json": OPEN,
}
"""Path -> roles, one of which is needed. A path that ends in "/" stands for all below it."""


class RoleTable:
    """The roles of the paths of one app.

    Examples
    --------
    >>> table = RoleTable(BASE)
    >>> sorted(table.needed("/v1/route")), sorted(table.needed("/v1/decisions/4f"))
    (['route'], ['feedback', 'read', 'route'])
    >>> sorted(table.needed("/v1/routes")), table.needed("/healthz")
    (['admin'], frozenset())
    """

    def __init__(self, roles: Mapping[str, frozenset[str]]) -> None:
        self._exact: dict[str, frozenset[str]] = {}
        self._below: list[tuple[str, frozenset[str]]] = []
        self.add(roles)

    def add(self, roles: Mapping[str, frozenset[str]]) -> None:
        """Take in more paths; of several that fit, the longest counts."""
        for path, needed in roles.items():
            if path.endswith("/") and path != "/":
                self._below.append((path, needed))
            else:
                self._exact[path] = needed
        self._below.sort(key=lambda each: -len(each[0]))

    def needed(self, path: str) -> frozenset[str]:
        """Return the roles, one of which a caller of the path must have; none where it is open."""
        found = self._exact.get(path)
        if found is not None:
            return found
        for prefix, needed in self._below:
            if path.startswith(prefix):
                return needed
        return ADMIN

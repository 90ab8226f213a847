"""The parts that stand on the app beside its own routes, each one line of a table.

A part is a module with ``router(service, settings) -> APIRouter``. It is imported where it is
switched on, so that a service without it needs none of its libraries. Roles of its paths are given
here (see `tracetier.serve.roles`); who calls is checked before any part sees the request.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct
from starlette.routing import Route

from tracetier.serve.asgi import ASGIApp
from tracetier.serve.gate import Form
from tracetier.serve.roles import OPEN, RoleTable
from tracetier.serve.service import Service
from tracetier.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

ROUTE: Final = frozenset({"route"})
READ: Final = frozenset({"read"})


class Part(Struct, frozen=True):
    """A part of the service.

    ``roles`` maps its paths to the roles that they need, as in `tracetier.serve.roles`;
    ``max_body_bytes`` bounds what may be sent there, where the app's own bound does not fit; one
    that ``says_errors`` has ``FORMS``, by path, in which its clients are told of errors.
    """

    module: str
    is_on: Callable[[Settings], bool]
    roles: Mapping[str, frozenset[str]]
    max_body_bytes: int | None = None
    says_errors: bool = False


class Mounted(NamedTuple):
    """What the edge must know of the mounted paths.

    ``bounds`` of a body in bytes, ``forms`` of errors, and ``plain`` ASGI by POST, for which the
    framework would do nothing but take its time.
    """

    bounds: dict[str, int]
    forms: dict[str, Form]
    plain: dict[str, ASGIApp]


PARTS: Final[tuple[Part, ...]] = (
    Part(
        "tracetier.serve.gateway.routes",
        lambda settings: bool(settings.upstreams),
        {"/v1/chat/completions": ROUTE, "/v1/messages": ROUTE},
        max_body_bytes=32 << 20,
        says_errors=True,
    ),
    Part("tracetier.serve.hooks.routes", lambda settings: True, {"/hooks/claude-code": ROUTE}),
    Part(
        "tracetier.serve.dashboard.routes",
        lambda settings: True,
        {"/": OPEN, "/dashboard/": OPEN, "/v1/dashboard": READ},
    ),
)
"""Module, when it is on, its paths, and its bound of a body."""


def mount_all(app: "FastAPI", service: Service, settings: Settings, roles: RoleTable) -> Mounted:
    """Put every part that is switched on onto the app."""
    mounted = Mounted({}, {}, {})
    for part in PARTS:
        if part.is_on(settings):
            module = import_module(part.module)
            router = module.router(service, settings)
            app.include_router(router)
            for route in router.routes:
                is_plain = isinstance(route, Route) and route.app is route.endpoint
                if is_plain and route.methods == {"POST"}:
                    mounted.plain[route.path] = route.app
            roles.add(part.roles)
            if part.max_body_bytes is not None:
                mounted.bounds.update(dict.fromkeys(part.roles, part.max_body_bytes))
            if part.says_errors:
                mounted.forms.update(module.FORMS)
    return mounted


__all__ = ["OPEN", "PARTS", "READ", "ROUTE", "Mounted", "Part", "mount_all"]

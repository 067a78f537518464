"""Which pool a client's first bytes lead to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

from tidegate.core.preface.name_pattern import patterns_of


@dataclass(frozen=True, slots=True)
class FirstBytes:
    """What is known of a client: the name and the protocols of its ClientHello, the host and the path of its request.

    Names are in lower case. What is not known is empty.
    """

    sni: str = ""
    alpn: tuple[str, ...] = ()
    host: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """Leads to a pool the clients that meet all conditions that are given; of the values of one condition, one is enough.

    Names are patterns as `parse_name_pattern` returns them. Protocols are compared as they are (RFC 7301, section 3.1). The
    path begins with `path_prefix`, as plain text: `/api` is also for `/apis`, and `/api/` is not, as with nginx, Envoy and
    Traefik. The path is not decoded: a route is no access control. An empty pool refuses the client.
    """

    pool: str
    sni: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    path_prefix: str = ""

    @property
    def needs_hello(self) -> bool:
        """Whether a condition is about the ClientHello."""
        return bool(self.sni or self.alpn)

    @property
    def needs_head(self) -> bool:
        """Whether a condition is about the head of a request."""
        return bool(self.hosts or self.path_prefix)

    def __reduce__(self) -> tuple[type["Route"], tuple[object, ...]]:
        """For settings, which come by pickle: compiled, a frozen value cannot be made by setting its fields."""
        return Route, (self.pool, self.sni, self.alpn, self.hosts, self.path_prefix)

    def matches(self, known: FirstBytes) -> bool:
        """Whether the client meets all conditions."""
        return (
            (not self.sni or _any_of(patterns_of(known.sni), self.sni))
            and (not self.alpn or _any_of(known.alpn, self.alpn))
            and (not self.hosts or _any_of(patterns_of(known.host), self.hosts))
            and known.path.startswith(self.path_prefix)
        )


def pools_of(own: str, routes: Iterable[Route]) -> tuple[str, ...]:
    """The pools that clients of a listener may be given to: its own first, then those of its routes."""
    return tuple(dict.fromkeys((own, *(route.pool for route in routes if route.pool))))


Numbered = tuple[int, Route]
"""A route and its place in the order."""


class Routes:
    """Routes in order: the first that matches wins.

    A route with names is found by them, as if there were one for each, so that a thousand names cost no more than one. Only
    routes without names are tried one after the other. `needs_hello` and `needs_head` say which first bytes matter.
    """

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self._by_sni: dict[str, list[Numbered]] = {}
        self._by_host: dict[str, list[Numbered]] = {}
        self._nameless: list[Numbered] = []
        self.needs_hello = False
        self.needs_head = False
        for number, route in enumerate(routes):
            self._add((number, route))
            self.needs_hello = self.needs_hello or route.needs_hello
            self.needs_head = self.needs_head or route.needs_head
            if not route.needs_hello and not route.needs_head:
                break  # it matches every client, so that no later one is reached

    @property
    def need_bytes(self) -> bool:
        """Whether first bytes can make a difference."""
        return self.needs_hello or self.needs_head

    def pool_for(self, known: FirstBytes) -> str | None:
        """The pool of the first route that matches; None if none does."""
        for _, route in sorted(self._candidates(known), key=itemgetter(0)):
            if route.matches(known):
                return route.pool
        return None

    def _add(self, numbered: Numbered) -> None:
        route = numbered[1]
        if not route.sni and not route.hosts:
            self._nameless.append(numbered)
            return
        for name in route.sni:
            self._by_sni.setdefault(name, []).append((numbered[0], replace(route, sni=(name,))))
        for name in () if route.sni else route.hosts:
            self._by_host.setdefault(name, []).append((numbered[0], replace(route, hosts=(name,))))

    def _candidates(self, known: FirstBytes) -> list[Numbered]:
        """The routes that a name of the client leads to, and those without names."""
        found = list(self._nameless)
        for index, name in ((self._by_sni, known.sni), (self._by_host, known.host)):
            for pattern in patterns_of(name):
                found += index.get(pattern, ())
        return found


def _any_of(found: Sequence[str], wanted: Sequence[str]) -> bool:
    return any(value in wanted for value in found)

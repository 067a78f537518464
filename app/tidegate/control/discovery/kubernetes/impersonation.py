"""Impersonation: the `Impersonate-*` headers of every request, from the user of a kubeconfig.

Source: k8s.io/client-go/transport/round_trippers.go, and tools/clientcmd/validation.go for the refusals.
"""

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from multidict import CIMultiDict

from tidegate.control.discovery.kubernetes.trouble import UnusableCredentialsError

EXTRA = "Impersonate-Extra-"
TOKEN = "!#$&'*+-.^_`|~"  # noqa: S105  valid in a header's name besides letters and digits; without the escape character


def impersonation(user: Mapping[str, object]) -> CIMultiDict[str]:
    """The headers for `as`, `as-uid`, `as-groups` and `as-user-extra`. Raises UnusableCredentialsError.

    Without them, a request would have all rights of the user itself.
    """
    headers = CIMultiDict(_headers(user))
    if headers and "Impersonate-User" not in headers:
        reason = "its user has as-uid, as-groups or as-user-extra, and no user to act as: expected as"
        raise UnusableCredentialsError(reason)
    return headers


def one_line(owner: str, key: str, value: object) -> str:
    """The value of an entry, which must be a text on one line, valid in a header. Raises UnusableCredentialsError."""
    if not (isinstance(value, str) and value.isprintable()):
        raise UnusableCredentialsError(f"its {owner}'s {key}: expected text on one line")
    return value


def _headers(user: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key, header in (("as", "Impersonate-User"), ("as-uid", "Impersonate-Uid")):
        if user.get(key):
            yield header, one_line("user", key, user[key])
    for group in _texts("as-groups", user.get("as-groups") or [], "a list of texts"):
        yield "Impersonate-Group", group
    extra = user.get("as-user-extra") or {}
    expected = "a list of texts for each key"
    for name, values in (extra if isinstance(extra, Mapping) else {"": extra}).items():
        for value in _texts("as-user-extra", values, expected):
            yield EXTRA + quote(str(name).encode().lower(), safe=TOKEN), value


def _texts(key: str, values: object, expected: str) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) and value.isprintable() for value in values):
        raise UnusableCredentialsError(f"its user's {key}: expected {expected}")
    return values

"""Recognises service links: the variables that kubelet sets in every pod for each Service of its namespace."""

import ipaddress
import re

_SERVICE = r"TIDEGATE(?:_[A-Z0-9_]*[A-Z0-9])?"
_LINK = r"_PORT_[0-9]{1,5}_(?:TCP|UDP|SCTP)"
_PORT_NAME = r"[A-Z0-9](?:[A-Z0-9_]*[A-Z0-9])?"

_ADDRESS = re.compile(rf"{_SERVICE}(?:_SERVICE_HOST|{_LINK}_ADDR)")
_NUMBER = re.compile(rf"{_SERVICE}(?:_SERVICE_PORT(?:_{_PORT_NAME})?|{_LINK}_PORT)")
_PROTOCOL = re.compile(rf"{_SERVICE}{_LINK}_PROTO")
_URL = re.compile(rf"{_SERVICE}(?:_PORT|{_LINK})")

_LONGEST = 128
"""No link has a longer name: a Service has at most 63 characters, and a port 15. Longer names would take long to match."""

_URL_VALUE = re.compile(r"(?:tcp|udp|sctp)://(?:\[([^\[\]]+)\]|([^:\[\]]+)):([0-9]{1,5})")


def has_link_name(variable: str) -> bool:
    """Whether kubelet can set a variable of this name, for a Service named tidegate or tidegate-something."""
    return any(_matches(name, variable) for name in (_ADDRESS, _NUMBER, _PROTOCOL, _URL))


def is_service_link(variable: str, value: str) -> bool:
    """Whether kubelet can set a variable of this name to this value, for such a Service.

    The value decides, too: `TIDEGATE_HEALTH_PORT=8001` is a typo, `TIDEGATE_HEALTH_PORT=tcp://10.96.0.7:8001` is a link. The
    variables are those of `FromServices` in kubelet's `pkg/kubelet/envvars`.
    """
    return (
        (_matches(_ADDRESS, variable) and _is_address(value))
        or (_matches(_NUMBER, variable) and _is_port(value))
        or (_matches(_PROTOCOL, variable) and value in {"tcp", "udp", "sctp"})
        or (_matches(_URL, variable) and _is_url(value))
    )


def _matches(name: re.Pattern[str], variable: str) -> bool:
    return len(variable) <= _LONGEST and name.fullmatch(variable) is not None


def _is_url(value: str) -> bool:
    url = _URL_VALUE.fullmatch(value)
    return url is not None and _is_address(url[1] or url[2]) and _is_port(url[3])


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _is_port(value: str) -> bool:
    return re.fullmatch(r"[0-9]{1,5}", value) is not None and 1 <= int(value) <= 65535

"""Settings of the PROXY protocol at a listener."""

from typing import Annotated, Any

from pydantic import Field, create_model

from tidegate.settings.notation.networks import NETWORKS, NetworkList
from tidegate.settings.parts.section import Section

# `from` is a word of Python, so no class statement can have such a field.
_FIELDS: dict[str, Any] = {
    "from": (
        Annotated[NetworkList | None, NETWORKS.or_none()],
        Field(
            default=None,
            description="networks of proxies: their connections must begin with a PROXY header (v1, v2), others never do",
        ),
    )
}
ProxyProtocolSettings = create_model(
    "ProxyProtocolSettings", __base__=Section, __doc__="Who tells clients' addresses.", **_FIELDS
)

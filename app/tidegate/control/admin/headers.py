"""The headers of every answer of the admin port, and the Content-Security-Policy of the status page."""

import hashlib
import re
from base64 import b64encode
from typing import Final

SERVER: Final = "tidegate"
NO_CONTENT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The policy of all answers except the page: a browser may show them, and load nothing."""


def page_policy(page: str) -> str:
    """Return the policy that allows only the scripts and styles inside this page."""
    return (
        f"{NO_CONTENT}; script-src {_hashes('script', page)}; style-src {_hashes('style', page)}; "
        "connect-src 'self'; img-src data:"
    )


def _hashes(tag: str, page: str) -> str:
    contents = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    return " ".join(f"'sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode()}'" for content in contents)

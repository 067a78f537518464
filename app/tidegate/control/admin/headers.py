"""The headers that every answer of the admin port has, whoever makes it, and the page's own policy."""

import hashlib
import re
from base64 import b64encode
from typing import Final

SERVER: Final = "tidegate"
NO_CONTENT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""What a browser may do with an answer that is not the page: show it, and load nothing."""


def page_policy(page: str) -> str:
    """Return the policy that lets a page use the scripts and styles that it holds, and no other."""
    return (
        f"{NO_CONTENT}; script-src {_hashes('script', page)}; style-src {_hashes('style', page)}; "
        "connect-src 'self'; img-src data:"
    )


def _hashes(tag: str, page: str) -> str:
    contents = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    return " ".join(f"'sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode()}'" for content in contents)

"""The header Retry-After of an API server."""

from tidegate.control.discovery.kubernetes.trouble import MOST_RETRY_AFTER, refused


def target(data: bytes) -> None:
    """Refuse a request with this header: the pause that it asks for has bounds."""
    error = refused(429, "", "list pods", data.decode(errors="surrogateescape"))
    assert 0 <= error.retry_after <= MOST_RETRY_AFTER

"""The notations that only some kinds of probes use: bytes, regular expressions, host names, passwords, CA files."""

from tidegate.core.address import is_ip, parse_host
from tidegate.settings.notation.escapes import format_escapes, parse_escapes
from tidegate.settings.notation.files import content_of
from tidegate.settings.notation.values import Notation
from tidegate.settings.secrets import Secret

LARGEST_CA_FILE = 1 << 20
LONGEST_EXPRESSION = 1000
LONGEST_PASSWORD = 512


def escaped_bytes(most: int) -> Notation:
    """The notation of 1 to `most` bytes, written as text with escapes. Whitespace is kept."""

    def read(value: object) -> bytes:
        if isinstance(value, bytes):
            return value
        data = parse_escapes(value) if isinstance(value, str) else b""
        if not 1 <= len(data) <= most:
            raise ValueError(rf"expected text of 1 to {most} bytes, with \r, \n, \t, \\ and \xHH for what cannot be written")
        return data

    return Notation(read, format_escapes)


def _read_expression(value: object) -> str:
    import regex  # noqa: PLC0415  megabytes that most sidecars do not need

    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_EXPRESSION:
        raise ValueError(f"expected a regular expression of 1 to {LONGEST_EXPRESSION} characters")
    try:
        regex.compile(value.encode())
    except (regex.error, ValueError, OverflowError, RecursionError) as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"not a regular expression: {reason}: expected one as in Python's re, like ^220 .*ESMTP") from None
    return value


def _read_ip(value: object) -> str:
    host = value.strip().strip("[]") if isinstance(value, str) else ""
    if not is_ip(host):
        raise ValueError("expected an IP address, like 10.0.0.5 or fd00::5; names are not resolved here")
    return host.lower()


def _read_server_name(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("expected a host name, like chat.example.com")
    host = value.strip().strip("[]")
    return host.lower() if is_ip(host) else parse_host(host).removesuffix(".")


def _read_password(value: object) -> Secret:
    secret = value.reveal() if isinstance(value, Secret) else value
    if not isinstance(secret, str) or not 1 <= len(secret) <= LONGEST_PASSWORD or not secret.isprintable():
        raise ValueError(f"expected 1 to {LONGEST_PASSWORD} printable characters, without line breaks")
    if not secret.strip("*"):
        raise ValueError("this is the mask that stands for a password, not a password")
    return Secret(secret)


def _read_ca_file(value: object) -> str:
    name = value.strip() if isinstance(value, str) else ""
    _check_certificates(content_of(name, LARGEST_CA_FILE, "certificates in PEM form"))
    return name


def _check_certificates(content: bytes) -> None:
    import ssl  # noqa: PLC0415  needed only when a pool has a `ca_file`

    try:
        ssl.create_default_context(cadata=content.decode("ascii", errors="ignore"))
    except (ssl.SSLError, ValueError):
        raise ValueError("has no certificate that can be read: expected certificates in PEM form") from None


EXPRESSION = Notation(_read_expression, str)
IP_ADDRESS = Notation(_read_ip, str)
SERVER_NAME = Notation(_read_server_name, str)
PASSWORD = Notation(_read_password, str)
CA_FILE = Notation(_read_ca_file, str)

"""The HTTP client of the probes: one connection per probe, bounded answers, no redirects, no environment."""

import aiohttp

MOST_BODY = 64 * 1024


def session(host_header: str) -> aiohttp.ClientSession:
    """A client session for one probe; the caller closes it."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True, limit=1),
        headers={"Host": host_header, "User-Agent": "tidegate-probe"},
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        read_bufsize=MOST_BODY,
    )

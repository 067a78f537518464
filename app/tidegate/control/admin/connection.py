"""A connection of the admin port: aiohttp's, with our headers on every answer, even on aiohttp's own errors."""

from aiohttp import web
from aiohttp.web_request import BaseRequest

from tidegate.control.admin.headers import NO_CONTENT, SERVER


class AdminConnection(web.RequestHandler):
    """Reads requests and writes answers.

    Middleware and the signals of an application see only the answers of routes. This class also sees aiohttp's answer to a
    malformed request.
    """

    __slots__ = ()

    async def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Add the headers, and write the answer."""
        resp.headers["Server"] = SERVER
        resp.headers["Cache-Control"] = "no-store"
        resp.headers["X-Content-Type-Options"] = "nosniff"
        resp.headers.setdefault("Content-Security-Policy", NO_CONTENT)
        return await super().finish_response(request, resp, start_time)

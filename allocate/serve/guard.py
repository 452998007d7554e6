"""Who may ask, and for what: hosts, origins, the token of this start, sizes; and what every answer tells a browser.

The page listens on 127.0.0.1, but every other page that is open in the browser can send requests there too: a name
that was bound to 127.0.0.1 after the fact (seen by its Host), or a form that posts to us (seen by its Origin). Neither
has the cookie of this start, which no other site is sent.
"""

import hmac
import logging
from collections.abc import Callable, Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger("allocate.serve")
_SAFE = ("GET", "HEAD")
# What the page may load: itself. No script or style stands in the page, so none that slipped in by a name runs.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# What a map or an answer may do, which brings its own scripts with it: nothing that reaches us, not even its cookie.
FRAMED = "sandbox allow-scripts allow-downloads allow-modals; frame-ancestors 'self'"
# The same, of a page that has all it needs within itself: it asks nothing of anybody, neither of us nor of others.
APART = (
    f"{FRAMED}; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src data:; base-uri 'none'; form-action 'none'"
)
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    # (Without any referrer a browser says that a form of ours comes from nowhere: Origin: null.)
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class TooLarge(Exception):
    """A body that is larger than what may be sent."""


class Guard:
    """The first to see every request, and the last to see every answer.

    Parameters
    ----------
    hosts
        What the Host of a request may be, port and all; none: any, where one listens for others on purpose.
    most_bytes
        How large a body may be [bytes].
    refuse
        Returns the page or the JSON that says why: status, key of the sentence, whether JSON is wanted, the language's
        cookie.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str,
        cookie: str,
        hosts: Iterable[str],
        most_bytes: int,
        refuse: Callable[[int, str, Scope], tuple[bytes, str]],
    ) -> None:
        self.app, self.token, self.cookie = app, token, cookie
        self.hosts, self.most_bytes, self.refuse = frozenset(hosts), most_bytes, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or say why not."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        why = self._wrong(scope, headers)
        if why is not None:
            await self._answer(scope, send, *why)
            return
        offered = self._offered(scope)
        if offered is not None:
            await self._enter(scope, send, is_right=hmac.compare_digest(offered.encode(), self.token.encode()))
            return
        if not self._is_known(headers):
            await self._answer(scope, send, 401, "serve.no_token")
            return
        began = False

        async def passed(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                message = {**message, "headers": [*message.get("headers", ()), *_added(message)]}
            await send(message)

        try:
            await self.app(scope, self._counted(receive), passed)
        except TooLarge:
            if not began:
                await self._answer(scope, send, 413, "serve.too_large")
        except Exception:
            # (What nobody foresaw is told to whoever started the program, and never to the browser.)
            _log.exception("%s %s", scope["method"], scope["path"])
            if not began:
                await self._answer(scope, send, 500, "serve.failed")

    def _wrong(self, scope: Scope, headers: dict[bytes, str]) -> tuple[int, str] | None:
        """Return what is wrong with where a request comes from, as a status and the key of a sentence."""
        host = headers.get(b"host", "")
        if self.hosts and host.lower() not in self.hosts:
            return 421, "serve.wrong_host"
        if scope["method"] not in _SAFE:
            origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site")
            if (origin is None and site is None) or site not in (None, "same-origin"):
                return 403, "serve.wrong_origin"
            if origin is not None and _host_of(origin) != host.lower():
                return 403, "serve.wrong_origin"
        length = headers.get(b"content-length", "0")
        if not (length.isascii() and length.isdigit()) or int(length) > self.most_bytes:
            return 413, "serve.too_large"
        return None

    @staticmethod
    def _offered(scope: Scope) -> str | None:
        if scope["path"] != "/" or scope["method"] not in _SAFE:
            return None
        return next(iter(parse_qs(scope["query_string"].decode("latin-1")).get("token", ())), None)

    def _is_known(self, headers: dict[bytes, str]) -> bool:
        try:
            found = SimpleCookie(headers.get(b"cookie", "")).get(self.cookie)
        except CookieError:
            return False
        return found is not None and hmac.compare_digest(found.value.encode(), self.token.encode())

    async def _enter(self, scope: Scope, send: Send, *, is_right: bool) -> None:
        """Take the token out of the address, where it would stay in the browser's history."""
        if not is_right:
            await self._answer(scope, send, 401, "serve.no_token")
            return
        cookie = f"{self.cookie}={self.token}; Path=/; HttpOnly; SameSite=Strict"
        headers = [(b"location", b"/"), (b"set-cookie", cookie.encode("latin-1")), (b"content-length", b"0")]
        start: Message = {"type": "http.response.start", "status": 303, "headers": headers}
        await send({**start, "headers": [*headers, *_added(start)]})
        await send({"type": "http.response.body", "body": b""})

    def _counted(self, receive: Receive) -> Receive:
        """Return a way to receive a body that ends where it grows larger than it may be, whatever it said of itself."""
        count = 0

        async def counted() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > self.most_bytes:
                raise TooLarge
            return message

        return counted

    async def _answer(self, scope: Scope, send: Send, status: int, key: str) -> None:
        body, kind = self.refuse(status, key, scope)
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        start: Message = {"type": "http.response.start", "status": status, "headers": headers}
        await send({**start, "headers": [*headers, *_added(start)]})
        await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})


def _host_of(origin: str) -> str:
    """Return the host and port of an origin; nothing where it is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _added(message: Message) -> list[tuple[bytes, bytes]]:
    """Return the headers that every answer has and this one has not."""
    there = {name.lower() for name, _ in message.get("headers", ())}
    every = (
        *_HEADERS,
        (b"content-security-policy", POLICY.encode()),
        (b"cache-control", b"no-store"),
    )
    return [(name, value) for name, value in every if name not in there]

"""The HTTP side: routes, headers, and a stop that loses no request."""

from __future__ import annotations

import contextlib
import json
import random
import re
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from shop import __version__
from shop.cart import Line
from shop.metrics import Metrics

JSON = "application/json"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"

# Asked by machines about the server itself: never slowed, failed or counted.
UNMETERED = ("/health", "/metrics")

# Status, content type, body.
Reply = tuple[HTTPStatus, str, bytes]


@dataclass(frozen=True)
class Settings:
    """How one server runs; refuses what could not be served."""

    release: str
    host: str = "127.0.0.1"
    port: int = 0
    fail_percent: float = 0.0
    delay_ms: float = 0.0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}", self.release):
            raise ValueError(f"release must be letters, digits and . _ + -, not {self.release!r}")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must be from 0 to 65535, not {self.port}")
        if not 0 <= self.fail_percent <= 100:
            raise ValueError(f"fail-percent must be from 0 to 100, not {self.fail_percent}")
        if not 0 <= self.delay_ms <= 60_000:
            raise ValueError(f"delay-ms must be from 0 to 60000, not {self.delay_ms}")


class Server(ThreadingHTTPServer):
    """One thread for each connection, all of them joined at the end."""

    daemon_threads = False
    request_queue_size = 128
    # How long `stop` still accepts connections, and then still reads requests.
    grace_s = 0.1
    # How long clients that come back at once can hold the listening socket open.
    drain_s = 5.0

    def __init__(self, settings: Settings, dice: Callable[[], float] = random.random) -> None:
        self.settings = settings
        self.dice = dice
        self.metrics = Metrics(settings.release)
        self.ready = threading.Event()
        self.stopping = threading.Event()
        self._backlog_empty = False
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__((settings.host, settings.port), Handler)

    @property
    def port(self) -> int:
        """The port it really listens on."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Serve from a thread of its own; ready from here on."""
        threading.Thread(target=self.serve_forever, args=(0.01,), name="accept").start()
        self.ready.set()

    def stop(self) -> None:
        """Finish what has begun, accepted or not, then close."""
        self.ready.clear()
        self.stopping.set()
        # Still accepting: each answer now asks its client to leave.
        time.sleep(self.grace_s)
        self.shutdown()
        self.timeout = 0
        until = time.monotonic() + self.drain_s
        while not self._backlog_empty and time.monotonic() < until:
            self.handle_request()
        self.socket.close()
        # The last clients have connected, and their requests are on the way.
        time.sleep(self.grace_s)
        with self._open_lock:
            for connection in self._open:
                # What has arrived is still read and answered; then the connection ends.
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
        self.server_close()

    def handle_timeout(self) -> None:
        """Called by `handle_request` when no connection waits."""
        self._backlog_empty = True

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection: `stop` must end it when it idles."""
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget it, before its descriptor can be used again."""
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = f"shop/{__version__}"
    timeout = 75
    # An answer leaves in one piece, at once.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer, and count it when it is a user's request."""
        begun = time.monotonic()
        path, _, query = self.path.partition("?")
        if path in UNMETERED:
            self._answer(self._route(path, query))
            return
        reply = self._fault() or self._route(path, query)
        self.server.metrics.observe(int(reply[0]), time.monotonic() - begun)
        self._answer(reply)

    def _fault(self) -> Reply | None:
        """The delay and the failure that the settings ask for."""
        settings = self.server.settings
        if settings.delay_ms:
            time.sleep(settings.delay_ms / 1000)
        if self.server.dice() * 100 < settings.fail_percent:
            return _json(HTTPStatus.INTERNAL_SERVER_ERROR, error="this release fails on purpose")
        return None

    def _route(self, path: str, query: str) -> Reply:
        release = self.server.settings.release
        if path == "/health":
            ready = self.server.ready.is_set()
            status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
            return _json(status, ready=ready, release=release)
        if path == "/version":
            return _json(HTTPStatus.OK, release=release, version=__version__)
        if path == "/price":
            return price(query)
        if path == "/metrics":
            return HTTPStatus.OK, PROMETHEUS, self.server.metrics.render().encode()
        return _json(HTTPStatus.NOT_FOUND, error="no such page")

    def _answer(self, reply: Reply) -> None:
        status, content_type, body = reply
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection or self.server.stopping.is_set():
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the base class refuses (a bad request line, another method), as JSON too."""
        status = HTTPStatus(code)
        self.close_connection = True
        self._answer(_json(status, error=message or status.phrase))

    def end_headers(self) -> None:
        """Every answer names the release."""
        self.send_header("X-Release", self.server.settings.release)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """The proxy in front keeps the access log."""


def price(query: str) -> Reply:
    """``quantity=3&unit=3.35``: the price of one line, or what is wrong with it."""
    fields = parse_qs(query)
    try:
        line = Line(_integer(fields["quantity"][0]), Decimal(fields["unit"][0]))
    except KeyError as missing:
        return _json(HTTPStatus.BAD_REQUEST, error=f"{missing.args[0]} is missing")
    except InvalidOperation:
        return _json(HTTPStatus.BAD_REQUEST, error="unit must be a decimal number")
    except ValueError as wrong:
        return _json(HTTPStatus.BAD_REQUEST, error=str(wrong))
    return _json(
        HTTPStatus.OK,
        quantity=line.quantity,
        unit=f"{line.unit:f}",
        discount=str(line.discount),
        total=str(line.total),
    )


def _integer(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError("quantity must be a whole number")
    return int(text)


def _json(status: HTTPStatus, **fields: Any) -> Reply:
    return status, JSON, json.dumps(fields).encode() + b"\n"

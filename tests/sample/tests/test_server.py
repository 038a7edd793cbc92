"""The real server on a free port, asked over HTTP."""

import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from shop.server import Server, Settings


@contextmanager
def running(dice: float = 0.5, **settings: Any) -> Iterator[Server]:
    server = Server(Settings(release="r1", **settings), dice=lambda: dice)
    server.grace_s = 0.0
    server.start()
    try:
        yield server
    finally:
        if not server.stopping.is_set():
            server.stop()


def get(server: Server, path: str, method: str = "GET") -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def test_health_follows_readiness() -> None:
    with running() as server:
        assert get(server, "/health")[0] == 200
        server.ready.clear()
        status, _, body = get(server, "/health")
        assert (status, json.loads(body)) == (503, {"ready": False, "release": "r1"})


@pytest.mark.parametrize(
    ("path", "status"),
    [("/version", 200), ("/price?quantity=1&unit=1", 200), ("/price", 400), ("/nowhere", 404)],
)
def test_each_answer_is_json_and_names_the_release(path: str, status: int) -> None:
    with running() as server:
        got, headers, body = get(server, path)
        assert (got, headers["X-Release"]) == (status, "r1")
        assert headers["Content-Type"] == "application/json"
        assert json.loads(body)


def test_price() -> None:
    with running() as server:
        _, _, body = get(server, "/price?quantity=3&unit=3.375")
        assert json.loads(body) == {
            "quantity": 3,
            "unit": "3.375",
            "discount": "0.00",
            "total": "10.13",
        }


def test_price_says_what_is_wrong() -> None:
    with running() as server:
        for query, reason in {
            "quantity=3": "unit is missing",
            "quantity=x&unit=1": "quantity must be a whole number",
            "quantity=1&unit=x": "unit must be a decimal number",
            "quantity=0&unit=1": "quantity must be from 1 to 10000, not 0",
        }.items():
            status, _, body = get(server, f"/price?{query}")
            assert (status, json.loads(body)["error"]) == (400, reason)


def test_other_method_is_refused_as_json() -> None:
    with running() as server:
        status, headers, body = get(server, "/price", method="DELETE")
        assert (status, headers["X-Release"]) == (501, "r1")
        assert "DELETE" in json.loads(body)["error"]


def test_metrics_count_users_requests() -> None:
    with running() as server:
        for path in ("/version", "/version", "/nowhere", "/health"):
            get(server, path)
        _, headers, text = get(server, "/metrics")
        assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
        lines = text.splitlines()
        assert 'http_requests_total{status="200"} 2' in lines
        assert 'http_requests_total{status="404"} 1' in lines
        assert 'http_request_duration_seconds_bucket{le="+Inf"} 3' in lines
        assert "http_request_duration_seconds_count 3" in lines


def test_faults_spare_health() -> None:
    with running(dice=0.29, fail_percent=30, delay_ms=20) as server:
        begun = time.monotonic()
        assert get(server, "/version")[0] == 500
        assert time.monotonic() - begun >= 0.02
        assert get(server, "/health")[0] == 200
    with running(dice=0.30, fail_percent=30) as server:
        assert get(server, "/version")[0] == 200


def test_stop_answers_what_is_in_flight_and_ends_idle_connections() -> None:
    with running(delay_ms=300) as server:
        idle = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        answers: list[int] = []
        client = threading.Thread(target=lambda: answers.append(get(server, "/version")[0]))
        client.start()
        time.sleep(0.1)
        server.stop()
        client.join()
        assert answers == [200]
        assert idle.recv(1) == b""
        idle.close()
        with pytest.raises(ConnectionRefusedError):
            get(server, "/health")


def test_client_that_goes_away_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    with running(delay_ms=30) as server:
        client = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        client.sendall(b"GET /version HTTP/1.1\r\n\r\nGET /version HTTP/1.1\r\n\r\n")
        time.sleep(0.01)
        # Lingering for 0 s, `close` resets the connection.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        assert get(server, "/version")[0] == 200
    assert capsys.readouterr().err == ""

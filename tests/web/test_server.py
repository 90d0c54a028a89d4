"""Both listeners on the real gunicorn: who is served what, how much is read, and how it stops."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from service.store import Store, deliveries
from service.store.migrate import migrate
from service.web.body import MOST_BYTES
from service.web.lanes import LARGE_BYTES
from tests.fixtures.commands import MERGEPORT, SECRET, Command, command
from tests.web.deliveries import headers, push, raw

HOOK = "/webhooks/github"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Store]]:
    """Give a state directory with a migrated store."""
    folder = tmp_path_factory.mktemp("web")
    store = Store(f"sqlite:///{folder}/mergeport.db")
    migrate(store)
    yield folder, store
    store.close()


@pytest.fixture(scope="module")
def web(state: tuple[Path, Store]) -> Iterator[Command]:
    """Give a running `mergeport web`."""
    with command(state[0], [*MERGEPORT, "web"]) as running:
        yield running


@pytest.fixture(scope="module")
def store(state: tuple[Path, Store]) -> Store:
    return state[1]


def connect(address: str) -> http.client.HTTPConnection:
    parts = urlsplit(address)
    return http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)


def signed(body: bytes, **known: str) -> dict[str, str]:
    return headers(body, secret=SECRET.encode(), **known)


def padded(size: int) -> bytes:
    """Give a valid push of so many bytes."""
    payload = raw(push(padding=""))
    return raw(push(padding="x" * (size - len(payload))))


def rows_of(store: Store, delivery: str) -> list[deliveries.StoredDelivery]:
    with store.read() as tx:
        return [row for row in deliveries.newest(tx, limit=1000) if row.id == delivery]


# --- who is served what --------------------------------------------------------------------------

PUBLIC = {"/healthz": 200, HOOK: 405}
PRIVATE = {
    "/": 200,
    "/deliveries": 200,
    "/healthz": 200,
    "/metrics": 200,
    "/readyz": 503,
    "/static/style.css": 200,
    "/runs/unknown": 404,
    "/runs/unknown/log": 404,
    "/deliveries/unknown": 404,
}
DISGUISES: dict[str, dict[str, str]] = {
    "none": {},
    "the other's Host": {"Host": "OTHER"},
    "a forwarded port": {"X-Forwarded-Port": "OTHER_PORT", "X-Forwarded-Host": "OTHER", "Forwarded": "host=OTHER"},
    "the server's own variable": {"SERVER_PORT": "OTHER_PORT", "Server-Port": "OTHER_PORT"},
    "a script name": {"SCRIPT_NAME": "/", "PATH_INFO": "/metrics"},
}


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("path", sorted({**PUBLIC, **PRIVATE}))
def test_each_listener_serves_its_own_routes_whatever_the_headers_say(web: Command, path: str, disguise: str) -> None:
    public, private = web.addresses
    told = {}
    for listener, here, other in (("public", public, private), ("private", private, public)):
        host = urlsplit(other).netloc
        sent = {
            name: value.replace("OTHER_PORT", str(urlsplit(other).port)).replace("OTHER", host)
            for name, value in DISGUISES[disguise].items()
        }
        told[listener] = requests.get(here + path, headers=sent, timeout=10).status_code
    assert told == {"public": PUBLIC.get(path, 404), "private": PRIVATE.get(path, 404)}


def test_an_absolute_address_in_the_request_line_changes_no_listener(web: Command) -> None:
    public, private = web.addresses
    with closing(connect(public)) as connection:
        connection.request("GET", f"{private}/metrics")
        assert connection.getresponse().status == 404


def test_deliveries_are_taken_on_the_public_listener_only(web: Command, store: Store) -> None:
    public, private = web.addresses
    body = raw(push())
    refused = requests.post(private + HOOK, data=body, headers=signed(body, id="on-private-only"), timeout=10)
    taken = requests.post(public + HOOK, data=body, headers=signed(body, id="on-public-only"), timeout=10)
    assert (refused.status_code, taken.status_code) == (404, 202)
    assert rows_of(store, "on-private-only") == []


def test_a_stranger_s_name_for_the_private_listener_shows_nothing(web: Command) -> None:
    _, private = web.addresses
    told = {
        (host, path): requests.get(private + path, headers={"Host": host}, timeout=10).status_code
        for host in ("rebound.example", "mergeport.example", "localhost:9", "[::1]")
        for path in ("/", "/metrics")
    }
    assert told["rebound.example", "/"] == 421
    assert set(told.values()) == {200, 421}
    assert [place for place, status in told.items() if status == 421] == [("rebound.example", "/")]


# --- how much is read ----------------------------------------------------------------------------


def test_a_told_length_over_the_cap_is_refused_before_the_body_comes(web: Command) -> None:
    with closing(connect(web.addresses[0])) as connection:
        connection.putrequest("POST", HOOK)
        connection.putheader("Content-Length", str(MOST_BYTES + 1))
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == 413
        assert json.loads(answer.read())["error"] == "body-too-large"


def test_a_chunked_body_is_counted_while_it_comes(web: Command, store: Store) -> None:
    piece = b"x" * LARGE_BYTES
    sent = 0
    with closing(connect(web.addresses[0])) as connection:
        connection.putrequest("POST", HOOK)
        connection.putheader("Transfer-Encoding", "chunked")
        for name, value in signed(b"", id="chunked-too-large").items():
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.sock is not None
        try:
            for _ in range(40):
                connection.sock.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                sent += len(piece)
        except OSError:
            assert sent > MOST_BYTES
        answer = connection.getresponse()
        assert answer.status == 413
    assert rows_of(store, "chunked-too-large") == []


def test_a_chunked_delivery_is_taken_whole(web: Command, store: Store) -> None:
    body = padded(3 * LARGE_BYTES)
    pieces = (body[at : at + 100_000] for at in range(0, len(body), 100_000))
    answer = requests.post(
        web.addresses[0] + HOOK, data=pieces, headers=signed(body, id="chunked-and-whole"), timeout=20
    )
    assert answer.status_code == 202
    with store.read() as tx:
        assert deliveries.body(tx, rows_of(store, "chunked-and-whole")[0].id) == body


def test_a_delivery_just_under_the_cap_is_taken(web: Command) -> None:
    body = padded(MOST_BYTES)
    assert len(body) == MOST_BYTES
    answer = requests.post(web.addresses[0] + HOOK, data=body, headers=signed(body), timeout=20)
    assert answer.status_code == 202


@pytest.mark.parametrize(
    "rest",
    [b"", b"5\r\nhel", b"nonsense\r\n", b"5\r\nhello", b"5\r\nhelloXX0\r\n\r\n"],
    ids=["nothing", "half a chunk", "no length", "no end", "a wrong end"],
)
def test_a_body_that_breaks_off_is_no_delivery(web: Command, rest: bytes) -> None:
    with closing(connect(web.addresses[0])) as connection:
        connection.putrequest("POST", HOOK)
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        assert connection.sock is not None
        connection.sock.sendall(rest)
        connection.sock.shutdown(socket.SHUT_WR)
        assert connection.getresponse().status == 400


def test_a_body_shorter_than_told_is_no_delivery(web: Command, store: Store) -> None:
    body = raw(push())
    with closing(connect(web.addresses[0])) as connection:
        connection.putrequest("POST", HOOK)
        for name, value in signed(body, id="shorter-than-told").items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body) + 10))
        connection.endheaders(body)
        assert connection.sock is not None
        connection.sock.shutdown(socket.SHUT_WR)
        assert connection.getresponse().status == 400
    assert rows_of(store, "shorter-than-told") == []


@pytest.mark.parametrize(
    "sent", [{"X-Large": "x" * 9000}, {f"X-Many-{number}": "x" for number in range(80)}], ids=["large", "many"]
)
def test_headers_are_bounded(web: Command, sent: dict[str, str]) -> None:
    assert requests.get(web.addresses[0] + "/healthz", headers=sent, timeout=10).status_code in {400, 431}


# --- at once, and the end ------------------------------------------------------------------------


def test_the_same_delivery_ten_times_at_once_is_one_row(web: Command, store: Store) -> None:
    body = raw(push())
    sent = signed(body, id="ten-times-at-once")
    barrier = threading.Barrier(10)

    def send() -> int:
        barrier.wait()
        return requests.post(web.addresses[0] + HOOK, data=body, headers=sent, timeout=20).status_code

    with ThreadPoolExecutor(10) as threads:
        told = [future.result() for future in [threads.submit(send) for _ in range(10)]]
    assert told == [202] * 10
    assert [row.repeats for row in rows_of(store, "ten-times-at-once")] == [9]


def test_the_log_has_no_query_and_no_body(web: Command) -> None:
    body = raw(push(note="words-of-the-body"))
    requests.get(web.addresses[1] + "/?application=words-of-the-query", timeout=10)
    requests.post(web.addresses[0] + HOOK, data=body, headers=signed(body, id="read-the-log"), timeout=10)
    web.wait_for("delivery stored", delivery="read-the-log")
    told = web.server.log.read_text()
    assert "words-of-the-body" not in told
    assert "words-of-the-query" not in told


def test_a_stop_finishes_the_request_that_is_under_way(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/mergeport.db")
    migrate(store)
    body = raw(push())
    with (
        command(tmp_path, [*MERGEPORT, "web"]) as web,
        closing(connect(web.addresses[0])) as idle,
        closing(connect(web.addresses[0])) as busy,
    ):
        for connection in (idle, busy):
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        busy.putrequest("POST", HOOK)
        for name, value in signed(body, id="under-way-at-the-end").items():
            busy.putheader(name, value)
        busy.putheader("Content-Length", str(len(body)))
        busy.endheaders(body[:10])
        web.server.process.send_signal(signal.SIGTERM)
        assert idle.sock is not None
        assert idle.sock.recv(1) == b"", "an idle connection is closed when the stop begins"
        with pytest.raises(ConnectionRefusedError):
            connect(web.addresses[0]).connect()
        busy.send(body[10:])
        assert busy.getresponse().status == 202
        busy.close()
        assert web.server.process.wait(20) == 0
    assert len(rows_of(store, "under-way-at-the-end")) == 1
    store.close()

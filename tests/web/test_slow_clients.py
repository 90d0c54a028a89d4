"""Clients that send slowly, say nothing or do not read, against the real gunicorn: they do not delay other clients."""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from service.store import Store
from service.store.migrate import migrate
from service.web.lanes import LARGE_BYTES
from tests.fixtures.commands import MERGEPORT, SECRET, Command, command
from tests.fixtures.processes import wait_until
from tests.web.deliveries import headers, push, raw

HOOK = "/webhooks/github"
SOON = 4.0
"""Seconds: less than a slow connection has, even on a busy machine. `python -m benchmarks slow` measures it."""
BEGINNINGS = {
    "nothing": b"",
    "a line": b"POST /webho",
    "a header": b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nX-Slow: y",
    "a body": b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n[",
    "a chunk": b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n[",
    "a body for health": b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx",
}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """Give a running `mergeport web`."""
    folder = tmp_path_factory.mktemp("slow")
    store = Store(f"sqlite:///{folder}/mergeport.db")
    migrate(store)
    store.close()
    with command(folder, [*MERGEPORT, "web"]) as running:
        yield running


def opened(address: str, beginning: bytes) -> socket.socket:
    parts = urlsplit(address)
    sock = socket.create_connection((str(parts.hostname), parts.port or 0), timeout=10)
    sock.sendall(beginning)
    return sock


@contextmanager
def slow(address: str, each: int) -> Iterator[list[socket.socket]]:
    """Keep so many slow connections of each kind open for the block."""
    with ExitStack() as until_done:
        yield [
            until_done.enter_context(closing(opened(address, beginning)))
            for beginning in BEGINNINGS.values()
            for _ in range(each)
        ]


def delivered(address: str, body: bytes) -> tuple[int, float]:
    """Send a signed delivery; give status and seconds."""
    began = time.monotonic()
    sent = headers(body, secret=SECRET.encode())
    status = requests.post(address + HOOK, data=body, headers=sent, timeout=20).status_code
    return status, time.monotonic() - began


@pytest.mark.parametrize("listener", [0, 1], ids=["public", "private"])
def test_slow_connections_keep_no_delivery_and_no_probe_waiting(web: Command, listener: int) -> None:
    public, private = web.addresses
    with slow(web.addresses[listener], 35), ThreadPoolExecutor(8) as clients:
        told = list(clients.map(lambda _: delivered(public, raw(push())), range(40)))
        looks = [(url, requests.get(url, timeout=10)) for url in (f"{public}/healthz", f"{private}/healthz", private)]
    assert {status for status, _ in told} == {202}
    assert max(seconds for _, seconds in told) < SOON
    assert {url: (answer.status_code, answer.elapsed.total_seconds() < SOON) for url, answer in looks} == {
        url: (200, True) for url, _ in looks
    }


def test_large_bodies_that_trickle_refuse_no_large_delivery_of_others(web: Command) -> None:
    with slow(web.addresses[0], 10):
        told = [delivered(web.addresses[0], raw(push(padding="x" * 2 * LARGE_BYTES))) for _ in range(3)]
    assert [status for status, _ in told] == [202] * 3
    assert max(seconds for _, seconds in told) < SOON


def test_more_large_deliveries_at_once_than_threads_for_them_are_all_taken(web: Command) -> None:
    body = raw(push(padding="x" * 2 * LARGE_BYTES))
    with ThreadPoolExecutor(8) as clients:
        told = list(clients.map(lambda _: delivered(web.addresses[0], body), range(8)))
    assert {status for status, _ in told} == {202}


def test_requests_in_one_piece_are_each_answered(web: Command) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with closing(opened(web.addresses[0], 3 * request)) as client:
        wait_until(lambda: client.recv(65536, socket.MSG_PEEK).count(b"HTTP/1.1 200") == 3, timeout=5)


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it(web: Command) -> None:
    body = raw(push())
    told = {**headers(body, secret=SECRET.encode()), "Expect": "100-continue", "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    head = f"POST {HOOK} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n"
    with closing(opened(web.addresses[0], head.encode())) as client:
        assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert client.recv(65536).startswith(b"HTTP/1.1 202")


def test_chunks_of_one_byte_are_refused_early(web: Command) -> None:
    head = b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with closing(opened(web.addresses[0], head + 40_000 * b"1\r\nx\r\n")) as client:
        assert client.recv(65536).startswith(b"HTTP/1.1 400")


# --- deadlines -----------------------------------------------------------------------------------

SERVER = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({files}, {files}))
from service.web import server
from service.web.reading import Patience
def hello(environ, start_response):
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", "0")])
    return [b""]
listeners = server.bind("127.0.0.1:0", "127.0.0.1:0")
print(*listeners.ports, flush=True)
patience = Patience({patience})
server.serve(listeners, lambda: hello, threads=2, patience=patience)
"""


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a server that waits for half a second."""
    patience = "head_seconds=0.5, grace_seconds=0.5, least_rate=1000, request_seconds=1.5, idle_seconds=0.5"
    with _server(tmp_path_factory.mktemp("impatient"), patience=patience) as (public, _):
        yield public


@contextmanager
def _server(folder: Path, *, patience: str = "", files: int = 1024) -> Iterator[tuple[str, str]]:
    """Run a server of an application that does next to nothing; give both addresses."""
    with command(folder, [sys.executable, "-c", SERVER.format(files=files, patience=patience)]) as running:
        wait_until(lambda: " " in running.server.log.read_text(), timeout=20)
        public, private = (f"http://127.0.0.1:{port}" for port in running.server.log.read_text().split()[:2])
        yield public, private


def dribbled(address: str, beginning: bytes, piece: bytes) -> tuple[bytes, float]:
    """Send a piece every tenth of a second until there is an answer or an end; give the answer and the seconds."""
    with closing(opened(address, beginning)) as client:
        began = time.monotonic()
        while time.monotonic() - began < 10:
            if select.select([client], [], [], 0.1)[0]:
                return client.recv(65536), time.monotonic() - began
            if piece:
                client.sendall(piece)
    raise TimeoutError


@pytest.mark.parametrize("kind", ["a line", "a header", "a body", "a chunk"])
def test_who_dribbles_is_told_in_words_and_soon(impatient: str, kind: str) -> None:
    answer, seconds = dribbled(impatient, BEGINNINGS[kind], b"x")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408")
    assert json.loads(body)["error"] == "request-too-slow"
    assert seconds < 2.5


def test_who_says_nothing_is_ended(impatient: str) -> None:
    answer, seconds = dribbled(impatient, b"", b"")
    assert answer == b""
    assert seconds < 2.5


def test_a_body_that_keeps_the_least_rate_has_longer_but_not_for_ever(impatient: str) -> None:
    answer, seconds = dribbled(impatient, BEGINNINGS["a body"], b"x" * 1000)
    assert answer.startswith(b"HTTP/1.1 408")
    assert 1.2 < seconds < 4


def test_clients_that_do_not_close_keep_nobody_waiting(impatient: str) -> None:
    request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with ExitStack() as until_done:
        for _ in range(20):
            client = until_done.enter_context(closing(opened(impatient, request)))
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        assert requests.get(impatient, timeout=10).status_code == 200
        assert time.monotonic() - began < 1


def test_more_connections_than_may_be_make_room_and_each_listener_has_its_own(tmp_path: Path) -> None:
    with _server(tmp_path, files=148) as (public, private), slow(public, 5) as clients:
        answers = [requests.get(address, timeout=5).status_code for address in (public, private, public)]
        oldest = clients[5]  # the first that has sent something
        told = oldest.recv(65536)
    assert answers == [200, 200, 200]
    assert b'"too-many-connections"' in told

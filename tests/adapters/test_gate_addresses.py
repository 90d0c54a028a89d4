"""An address is asked once, signed, in time and within bounds, and only where it may be."""

from __future__ import annotations

import hashlib
import hmac
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from service.adapters.gate_addresses import HttpGateAddresses, _is_public
from service.core.gates.http import LONGEST_ANSWER
from service.errors import PermanentError, RetryableError
from service.ports import GateQuestion
from tests.fixtures.certificates import SelfSigned, tls_front

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
BODY = b'{"application":"checkout"}'
ALLOW = b'{"verdict": "allow"}'


@dataclass
class Address:
    """A server of one thread that reads a request and then does what a test says with the connection."""

    does: Callable[[socket.socket], object]
    heard: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listening.accept()
                with connection, suppress(OSError):
                    heard = b""
                    while BODY not in heard and (more := connection.recv(65536)):
                        heard += more
                    self.heard.append(heard)
                    self.does(connection)

    def stop(self) -> None:
        with suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join(5)


Serve = Callable[[Callable[[socket.socket], object]], Address]


@pytest.fixture
def serve() -> Iterator[Serve]:
    made: list[Address] = []

    def start(does: Callable[[socket.socket], object]) -> Address:
        made.append(Address(does))
        return made[-1]

    yield start
    for one in made:
        one.stop()


def saying(body: bytes, status: str = "200 OK", *headers: str) -> Callable[[socket.socket], object]:
    lines = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers])
    return lambda connection: connection.sendall(f"{lines}\r\n\r\n".encode() + body)


def asking(address: Address, *, timeout: float = 5.0, path: str = "/ask?x=1", secret: str = "GATE") -> GateQuestion:  # noqa: S107 - its name
    return GateQuestion(f"http://127.0.0.1:{address.port}{path}", secret, BODY, timedelta(seconds=timeout))


def addresses(*hosts: str) -> HttpGateAddresses:
    return HttpGateAddresses({"GATE": "s3cret"}, frozenset(hosts or ("127.0.0.1",)), now=lambda: NOW)


def test_question_is_posted_and_signed(serve: Serve) -> None:
    address = serve(saying(ALLOW))
    reply = addresses().ask(asking(address))
    seconds = int(NOW.timestamp())
    wanted = hmac.new(b"s3cret", b"%d.%b" % (seconds, BODY), hashlib.sha256).hexdigest()
    assert (reply.status, reply.body) == (200, ALLOW)
    assert address.heard[0].startswith(b"POST /ask?x=1 HTTP/1.1\r\n")
    assert f"mergeport-signature: t={seconds},v1={wanted}".encode() in address.heard[0].lower()
    assert address.heard[0].endswith(BODY)


def test_redirect_is_an_answer_and_is_not_followed(serve: Serve) -> None:
    other = serve(saying(ALLOW))
    address = serve(saying(b"", "307 Temporary Redirect", f"Location: http://127.0.0.1:{other.port}/"))
    assert (addresses().ask(asking(address)).status, other.heard) == (307, [])


def test_answer_is_read_no_further_than_it_may_be_long(serve: Serve) -> None:
    address = serve(saying(b" " * (LONGEST_ANSWER * 4)))
    assert len(addresses().ask(asking(address)).body) == LONGEST_ANSWER + 1


def hanging(beginning: bytes = b"") -> Callable[[socket.socket], object]:
    def hang(connection: socket.socket) -> None:
        connection.sendall(beginning)
        connection.recv(1)  # until the other side goes

    return hang


def dripping(beginning: bytes) -> Callable[[socket.socket], object]:
    def drip(connection: socket.socket) -> None:
        connection.sendall(beginning)
        for _ in range(1000):
            connection.sendall(b" ")
            threading.Event().wait(0.02)

    return drip


@pytest.mark.parametrize(
    "does",
    [
        hanging(),
        hanging(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"),
        dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\nConnection: close\r\n\r\n"),
        dripping(b"HTTP/1.1 200 OK\r\nX-Never: "),
    ],
    ids=["says nothing", "stops in the body", "drips its body", "drips its headers"],
)
def test_address_that_does_not_end_in_time_is_left(serve: Serve, does: Callable[[socket.socket], object]) -> None:
    address = serve(does)
    with pytest.raises(RetryableError) as caught:
        addresses().ask(asking(address, timeout=0.3))
    assert caught.value.code == "gate-address-timeout"


@pytest.mark.parametrize("said", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n" + ALLOW])
def test_what_is_no_answer_is_told(serve: Serve, said: bytes) -> None:
    with pytest.raises(RetryableError) as caught:
        addresses().ask(asking(serve(lambda connection: connection.sendall(said))))
    assert caught.value.code == "gate-address-unreachable"


def test_nobody_at_the_address_is_told(serve: Serve) -> None:
    address = serve(saying(ALLOW))
    address.stop()
    with pytest.raises(RetryableError) as caught:
        addresses().ask(asking(address))
    assert caught.value.code == "gate-address-unreachable"


def test_secret_that_is_not_there_asks_nothing(serve: Serve) -> None:
    address = serve(saying(ALLOW))
    with pytest.raises(PermanentError) as caught:
        addresses().ask(asking(address, secret="OTHER"))
    assert (caught.value.code, "MERGEPORT_GATE_SECRET_OTHER" in caught.value.hint) == ("gate-secret-missing", True)
    assert address.heard == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}/", "https://127.0.0.1:{}/", "https://localhost:{}/"])
def test_private_address_or_one_without_tls_is_not_asked_unless_it_is_named(serve: Serve, url: str) -> None:
    address = serve(saying(ALLOW))
    with pytest.raises(PermanentError) as caught:
        addresses("gates.acme.dev").ask(GateQuestion(url.format(address.port), "GATE", BODY, timedelta(seconds=5)))
    assert (caught.value.code, address.heard) == ("gate-address-refused", [])


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("10.0.0.1", False),
        ("172.16.5.4", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - an address to refuse
        ("224.0.0.1", False),
        ("::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("fd00:ec2::254", False),
        ("fe80::1%eth0", False),
        ("2002:7f00:1::", False),
    ],
)
def test_public_addresses_are_told_from_private_ones(address: str, public: bool) -> None:
    assert _is_public(address) is public


def test_answer_comes_over_tls_from_a_host_that_is_trusted_and_no_other_hears_the_question(
    serve: Serve, self_signed: SelfSigned
) -> None:
    address, told = serve(saying(ALLOW)), list[object]()
    with tls_front(f"http://127.0.0.1:{address.port}", self_signed) as url:
        for host, ca_file in (
            ("127.0.0.1", self_signed.certificate),
            ("127.0.0.1", None),  # an authority that nobody knows
            ("127.1", self_signed.certificate),  # the same address by a name that the certificate does not have
        ):
            asking_them = HttpGateAddresses({"GATE": "s3cret"}, frozenset({host}), now=lambda: NOW, ca_file=ca_file)
            question = GateQuestion(url.replace("127.0.0.1", host), "GATE", BODY, timedelta(seconds=20))
            try:
                told.append(asking_them.ask(question).body)
            except RetryableError as error:
                told.append((error.code, "certificate verify failed" in str(error)))
    assert told == [ALLOW, ("gate-address-unreachable", True), ("gate-address-unreachable", True)]
    assert len(address.heard) == 1


def test_host_that_never_ends_its_handshake_is_left(serve: Serve) -> None:
    address = serve(hanging())
    question = GateQuestion(f"https://127.0.0.1:{address.port}/", "GATE", BODY, timedelta(seconds=0.3))
    with pytest.raises(RetryableError) as caught:
        addresses().ask(question)
    assert caught.value.code == "gate-address-timeout"

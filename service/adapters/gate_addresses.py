"""Asks the addresses of http gates, as the port `GateAddresses`: one signed POST, bounded in time and size.

Bootstrap makes it and the worker asks. No redirect is followed, no proxy is used, and the address is looked up once, so
that what was checked is what is connected to. Addresses of private networks and plain HTTP are asked only where the
settings name the host, because whoever writes the configuration must not reach what only we can reach.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import cast
from urllib.parse import SplitResult, urlsplit

from service.core.gates.http import LONGEST_ANSWER, SIGNATURE_HEADER, signature
from service.errors import PermanentError, RetryableError
from service.ports import GateQuestion, GateReply

_AGAIN = 60.0
_PORTS = {"https": 443, "http": 80}


class HttpGateAddresses:
    """Asks by HTTP, with the secrets and the hosts of the settings."""

    def __init__(
        self,
        secrets: Mapping[str, str],
        hosts: frozenset[str],
        *,
        now: Callable[[], datetime],
        ca_file: Path | None = None,
    ) -> None:
        """Keep the secrets by name, and the hosts that are asked although they are private or without TLS."""
        self._secrets, self._now = secrets, now
        self._hosts = frozenset(host.lower() for host in hosts)
        self._ca_file = ca_file

    def ask(self, question: GateQuestion) -> GateReply:
        """POST the question once, and give what came in time."""
        secret = self._secrets.get(question.secret)
        if secret is None:
            raise PermanentError(
                f"there is no secret {question.secret} to sign the question with",
                code="gate-secret-missing",
                hint=f"set MERGEPORT_GATE_SECRET_{question.secret}, or its _FILE, for the worker",
            )
        parts = urlsplit(question.url)
        until = time.monotonic() + question.timeout.total_seconds()
        named = self._is_named(parts)
        if parts.scheme != "https" and not named:
            raise _refused(parts, "it is not https")
        place = _looked_up(parts, named=named)
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "mergeport",
            SIGNATURE_HEADER: signature(secret.encode(), question.body, self._now()),
        }
        return self._posted(parts, place, question.body, headers, until)

    def _is_named(self, parts: SplitResult) -> bool:
        host = (parts.hostname or "").lower()
        return host in self._hosts or f"{host}:{_port(parts)}" in self._hosts

    def _posted(
        self, parts: SplitResult, place: tuple[str, int], body: bytes, headers: Mapping[str, str], until: float
    ) -> GateReply:
        """Connect, send and read; a timer ends whatever goes on for too long, byte by byte as well."""
        host, late, used = parts.hostname or "", threading.Event(), list[socket.socket]()
        connection = http.client.HTTPConnection(host, _port(parts))
        timer = threading.Timer(_left(until), _cut_off, [used, late])
        timer.daemon = True
        try:
            used.append(socket.create_connection(place, timeout=_left(until)))
            timer.start()
            if parts.scheme == "https":
                used.append(self._secured(used[0], host))
                cast(ssl.SSLSocket, used[1]).do_handshake()
            connection.sock = used[-1]
            connection.request("POST", _target(parts), body, dict(headers))
            with connection.getresponse() as answer:
                reply = GateReply(answer.status, answer.read(LONGEST_ANSWER + 1))
                if answer.length and len(reply.body) <= LONGEST_ANSWER:
                    raise http.client.IncompleteRead(reply.body, answer.length)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if late.is_set() or isinstance(error, TimeoutError):
                raise _too_late(host) from error
            raise RetryableError(
                f"{host} could not be asked: {str(error) or type(error).__name__}",
                code="gate-address-unreachable",
                retry_after=_AGAIN,
            ) from error
        finally:
            timer.cancel()
            connection.close()
            for one in used:
                one.close()
        if late.is_set():
            raise _too_late(host)
        return reply

    def _secured(self, plain: socket.socket, host: str) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=str(self._ca_file) if self._ca_file else None)
        return context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)


def _left(until: float) -> float:
    return max(0.05, until - time.monotonic())


def _cut_off(used: Sequence[socket.socket], late: threading.Event) -> None:
    """End the connection under whoever reads from it; TLS takes the first socket over."""
    late.set()
    for one in used:
        with suppress(OSError):
            socket.socket.shutdown(one, socket.SHUT_RDWR)


def _looked_up(parts: SplitResult, *, named: bool) -> tuple[str, int]:
    """Give the first address of the host; none of them may be private unless the host is named."""
    host, port = parts.hostname or "", _port(parts)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise RetryableError(
            f"{host} has no address: {error}", code="gate-address-unreachable", retry_after=_AGAIN
        ) from error
    addresses = [str(one[4][0]) for one in found]
    inside = [one for one in addresses if not _is_public(one)]
    if inside and not named:
        raise _refused(parts, f"{inside[0]} is no public address")
    return addresses[0], port


def _is_public(address: str) -> bool:
    """Tell whether an address is of the internet, also where IPv6 only wraps an older one."""
    one = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(one, ipaddress.IPv6Address):
        within = one.ipv4_mapped or one.sixtofour or (one.teredo[1] if one.teredo else None)
        if within is not None:
            return within.is_global and not within.is_multicast
        if one in ipaddress.ip_network("64:ff9b::/96"):
            return ipaddress.IPv4Address(int(one) & 0xFFFFFFFF).is_global
    return one.is_global and not one.is_multicast


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or _PORTS.get(parts.scheme, 443)
    except ValueError:
        raise _refused(parts, "its port is none") from None


def _target(parts: SplitResult) -> str:
    return f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"


def _refused(parts: SplitResult, why: str) -> PermanentError:
    return PermanentError(
        f"{parts.hostname} is not asked: {why}",
        code="gate-address-refused",
        hint="name the host in MERGEPORT_GATE_HOSTS of the worker, if it is to be asked all the same",
    )


def _too_late(host: str) -> RetryableError:
    return RetryableError(f"{host} did not answer in time", code="gate-address-timeout", retry_after=_AGAIN)

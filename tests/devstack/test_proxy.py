"""The TCP proxy: plain by default, and each fault at run time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pytest
import requests

from devstack.proxy import FaultProxy
from devstack.serving import LoopbackServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

BODY = b"x" * 100_000


def _answer(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", str(len(BODY)))])
    return [BODY]


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    with LoopbackServer(_answer) as server, FaultProxy(("127.0.0.1", server.port)) as running:
        yield running


def _get(proxy: FaultProxy) -> bytes:
    with requests.get(proxy.url, timeout=10) as answer:
        return answer.content


def test_everything_passes_when_nothing_is_set(proxy: FaultProxy) -> None:
    assert _get(proxy) == BODY


def test_delay_is_added_in_each_direction(proxy: FaultProxy) -> None:
    proxy.delay = 0.1
    started = time.monotonic()
    assert _get(proxy) == BODY
    assert time.monotonic() - started >= 0.2


def test_throttle_limits_the_rate(proxy: FaultProxy) -> None:
    proxy.bytes_per_second = 400_000
    started = time.monotonic()
    assert _get(proxy) == BODY
    assert time.monotonic() - started >= 0.2


def test_cut_in_the_middle_fails_the_client_once(proxy: FaultProxy) -> None:
    proxy.cut_after(50_000)
    with pytest.raises(requests.RequestException):
        _get(proxy)
    assert _get(proxy) == BODY


def test_refused_connection_works_again_after_restore(proxy: FaultProxy) -> None:
    proxy.refuse = True
    with pytest.raises(requests.ConnectionError):
        _get(proxy)
    proxy.restore()
    assert _get(proxy) == BODY

"""A TCP proxy between a client and a server that can cut, delay and throttle, switched at run time.

For races and slow networks in tests and benchmarks. It understands nothing of what passes.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from types import TracebackType
from typing import Self

CHUNK = 1 << 14
TICK = 0.2


class FaultProxy:
    """Listens on a free loopback port and passes all to `target` (host, port).

    `delay` is seconds added to each piece in each direction, `bytes_per_second` a limit for each direction of each
    connection, `refuse` closes new connections at once. All can be set at any time.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.delay = 0.0
        self.bytes_per_second: int | None = None
        self.refuse = False
        self.connections = 0
        self._cut_after: int | None = None
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name=f"proxy-{self.port}", daemon=True)
        self._acceptor.start()

    @property
    def url(self) -> str:
        """The proxy's address in plain HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> int:
        """Close every connection that is open now, and return how many sockets that were."""
        with self._lock:
            doomed = list(self._open)
        for one in doomed:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        return len(doomed)

    def cut_after(self, amount: int) -> None:
        """Cut all connections, once, after so many more bytes have passed in both directions together."""
        with self._lock:
            self._cut_after = amount

    def restore(self) -> None:
        """Be a plain proxy again."""
        with self._lock:
            self._cut_after = None
        self.delay, self.bytes_per_second, self.refuse = 0.0, None, False

    def stop(self) -> None:
        """Stop listening, cut all connections and join the threads; calling this again is harmless."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._acceptor.join(timeout=5)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            while not self._stopping.is_set():
                if selector.select(TICK):
                    client, _address = self._listener.accept()
                    self._join(client)

    def _join(self, client: socket.socket) -> None:
        self.connections += 1
        if self.refuse:
            client.close()
            return
        try:
            server = socket.create_connection(self.target, timeout=10)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open |= {client, server}
        ends = _Ends(2)
        for source, sink in ((client, server), (server, client)):
            thread = threading.Thread(target=self._pump, args=(source, sink, ends), daemon=True)
            self._threads.append(thread)
            thread.start()
        self._threads = [thread for thread in self._threads if thread.is_alive()]

    def _pump(self, source: socket.socket, sink: socket.socket, ends: _Ends) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                self._wait(self.delay)
                if self.bytes_per_second:
                    self._wait(len(data) / self.bytes_per_second)
                if self._spend(len(data)):
                    self.cut()
                    break
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
        if ends.leave():
            with self._lock:
                self._open -= {source, sink}
            source.close()
            sink.close()

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self._stopping.wait(seconds)

    def _spend(self, amount: int) -> bool:
        """Count bytes against `cut_after`; true once, when it is used up."""
        with self._lock:
            if self._cut_after is None:
                return False
            self._cut_after -= amount
            if self._cut_after > 0:
                return False
            self._cut_after = None
            return True


class _Ends:
    """Counts the directions of a connection that still run, so that the last one closes it."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._lock = threading.Lock()

    def leave(self) -> bool:
        """Leave, and tell whether this was the last one."""
        with self._lock:
            self._count -= 1
            return self._count == 0

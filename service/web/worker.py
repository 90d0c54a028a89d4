"""gunicorn's threaded worker with a loop that reads whole requests before a thread has anything to do with them.

gunicorn itself gives a connection to a thread as soon as there is a byte, and says: put a proxy before it that keeps
slow clients away (https://gunicorn.org/deploy). Here the loop is that proxy. It reads what sockets have, without
waiting for any; ends what is slower than the patience allows; makes room by ending what has been under way for
longest; and lets clients that are still sending read their answer. It never runs the application.
"""

from __future__ import annotations

import errno
import selectors
import socket
import time
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from service.web.lanes import Lanes, lane_of
from service.web.lingering import Lingering
from service.web.reading import Patience, Reading
from service.web.refusals import NO_ROOM, TOO_LARGE_TOGETHER, TOO_MANY, TOO_SLOW, Refusal, RefusalLog
from service.web.rules import Rules

_RECEIVE = 256 * 1024
_ACCEPTS = 64
"""How many new connections are accepted before others get their turn."""
_SWEEP_SECONDS = 0.2
_STOP_IDLE_SECONDS = 2.0
_FULL = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Connection(TConn):  # type: ignore[misc]  # gunicorn has no types
    """A client's connection: what it is sending, and since when it is being answered."""

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any) -> None:  # noqa: ANN401 - gunicorn's own
        """Take an accepted socket."""
        super().__init__(cfg, sock, client, server)
        self.initialized = True  # the parser is made of what was read, never of the socket
        self.reading: Reading | None = None
        self.answering_since: float | None = None


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """The worker; its rules come from the application object that gunicorn was started with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - gunicorn's own
        """Begin with no connection."""
        super().__init__(*args, **kwargs)
        self._rules: Rules = self.app.rules
        self._patience: Patience = self._rules.patience
        self._reading: dict[Connection, None] = {}
        self._lingering: Lingering[Connection] = Lingering(self._drop)
        self._answering: dict[Connection, None] = {}
        self._of_listener: dict[Any, int] = {}
        self._paused: set[socket.socket] = set()
        self._accepting: bool = False
        self._held = 0
        self._next_sweep = 0.0
        self._stopped_at: float | None = None
        self._refused = RefusalLog()

    def get_thread_pool(self) -> Lanes:
        """Give each kind of requests its own threads."""
        return Lanes(self.cfg.threads)

    # --- accepting -------------------------------------------------------------------------------

    def set_accept_enabled(self, enabled: bool) -> None:
        """Accept or not; when stopping, close the listeners, so that new clients are refused, not left waiting."""
        if enabled == self._accepting:
            return
        for listener in self.sockets:
            if enabled:
                listener.setblocking(False)
                self.poller.register(listener, selectors.EVENT_READ, self.accept)
            elif listener not in self._paused:
                self.poller.unregister(listener)
        self._paused.clear()
        self._accepting = enabled
        if not enabled and not self.alive:
            for listener in self.sockets:
                listener.close()

    def accept(self, listener: socket.socket) -> None:
        """Take new connections, and read at once what has come with them."""
        for _ in range(_ACCEPTS):
            if not self._has_room(listener):
                return
            try:
                sock, client = listener.accept()
            except OSError as error:
                if error.errno in _FULL:
                    self._pause(listener)
                return
            server = listener.getsockname()
            conn = Connection(self.cfg, sock, client, server)
            self.nr_conns += 1
            self._of_listener[server] = self._of_listener.get(server, 0) + 1
            with suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._await_request(conn, self._patience.head_seconds)
            self._receive(conn, sock)

    def _has_room(self, listener: socket.socket) -> bool:
        """Make room for one more connection of a listener; if none can be closed, leave new ones in the queue."""
        server = listener.getsockname()
        if self._of_listener.get(server, 0) < self._rules.most_connections(self._is_private(server)):
            return True
        done = self._lingering.first(lambda conn: conn.server == server)
        if done is not None:
            self._drop(done)
            return True
        oldest = next((conn for conn in self._reading if conn.server == server), None)
        if oldest is None:
            self._pause(listener)
            return False
        self._refuse(oldest, TOO_MANY)
        self._drop(oldest)
        return True

    def _pause(self, listener: socket.socket) -> None:
        if listener not in self._paused:
            self._paused.add(listener)
            self.poller.unregister(listener)

    def _is_private(self, server: Any) -> bool:  # noqa: ANN401 - a socket's address
        return int(server[1]) == self._rules.private_port

    # --- reading ---------------------------------------------------------------------------------

    def _await_request(self, conn: Connection, idle: float) -> None:
        """Wait for a request on a connection; connections are kept in the order of arrival."""
        most = self._rules.most_body(self._is_private(conn.server))
        conn.reading = Reading(self.cfg, self._patience, most=most, began=time.monotonic(), idle=idle)
        conn.sock.setblocking(False)
        self._reading[conn] = None
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._receive, conn))

    def _receive(self, conn: Connection, sock: socket.socket) -> None:
        """Read what a socket has. Work on another connection may have closed this one meanwhile."""
        if conn not in self._reading:
            return
        try:
            data = sock.recv(_RECEIVE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._drop(conn)
            return
        self._take(conn, data)

    def _take(self, conn: Connection, data: bytes) -> None:
        reading = conn.reading
        assert reading is not None  # noqa: S101 - every connection in _reading has one
        if not data:
            if not reading.headed:
                self._drop(conn)
                return
            reading.end()
        else:
            before, headed = reading.size, reading.headed
            try:
                reading.feed(data, time.monotonic())
            except OSError:  # the disk for large bodies is full
                self._refuse(conn, NO_ROOM)
                self._linger(conn)
                return
            self._held += reading.size - before
            if reading.wants_word and not headed:
                with suppress(OSError):
                    conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if reading.whole:
            self._hand_over(conn, reading)
        self._keep_within_budget()

    def _hand_over(self, conn: Connection, reading: Reading) -> None:
        """Give a whole request to a thread of its lane."""
        self._leave_reading(conn)
        conn.parser = reading.parser(self.cfg, conn.client)
        lane = lane_of(reading.target, reading.size, private=self._is_private(conn.server))
        self._answering[conn] = None
        future = self.tpool.submit(lane, self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def _leave_reading(self, conn: Connection) -> None:
        del self._reading[conn]
        with suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)

    def _keep_within_budget(self) -> None:
        """End the oldest requests under way while there are more bytes than allowed."""
        while self._held > self._rules.most_held:
            oldest = next((conn for conn in self._reading if conn.reading and conn.reading.in_file), None)
            if oldest is None:
                return
            self._refuse(oldest, TOO_LARGE_TOGETHER)
            self._linger(oldest)

    # --- answering -------------------------------------------------------------------------------

    def handle(self, conn: Connection) -> Any:  # noqa: ANN401 - gunicorn's own
        """Answer one whole request; runs in a thread."""
        conn.answering_since = time.monotonic()
        return super().handle(conn)

    def finish_request(self, conn: Connection, done: Any) -> None:  # noqa: ANN401 - gunicorn's own
        """Wait for the next request on a connection, or let the client read its answer and close."""
        self._answering.pop(conn, None)
        conn.answering_since = None
        try:
            stays = not done.cancelled() and done.exception() is None and bool(done.result())
        finally:
            rest, spoiled = self._let_go(conn)
        if not stays or spoiled:
            self._linger(conn)
            return
        try:
            self._await_request(conn, self._patience.idle_seconds if self.alive else _STOP_IDLE_SECONDS)
        except (OSError, ValueError):
            self._drop(conn)
            return
        if rest:
            self._take(conn, rest)

    def _let_go(self, conn: Connection) -> tuple[bytes, bool]:
        """Forget the answered request; give the bytes of the next one, and whether the connection must end."""
        reading, conn.reading = conn.reading, None
        if reading is None:
            return b"", True
        self._held -= reading.size
        reading.close()
        return reading.rest, reading.spoiled

    # --- ending ----------------------------------------------------------------------------------

    def _refuse(self, conn: Connection, refusal: Refusal) -> None:
        """Send the reason, as far as the client takes it at once."""
        self._refused.add(refusal)
        if hasattr(self.wsgi, "refused") and not self._is_private(conn.server):
            self.wsgi.refused(refusal.code)
        with suppress(OSError):
            conn.sock.send(refusal.answer())

    def _linger(self, conn: Connection) -> None:
        """Close our side, and let the client read its answer."""
        if conn in self._reading:
            self._leave_reading(conn)
            self._let_go(conn)
        self._lingering.begin(self.poller, conn, conn.sock, time.monotonic())

    def _drop(self, conn: Connection) -> None:
        """Close a connection, in whatever state it is."""
        if conn in self._reading:
            self._leave_reading(conn)
        self._let_go(conn)
        self._lingering.forget(self.poller, conn)
        self.nr_conns -= 1
        self._of_listener[conn.server] -= 1
        conn.close()

    # --- deadlines -------------------------------------------------------------------------------

    def murder_pending(self) -> None:
        """End connections that are too slow; the loop calls this each time it wakes up."""
        now = time.monotonic()
        if now < self._next_sweep:
            return
        self._next_sweep = now + _SWEEP_SECONDS
        if not self.alive and self._stopped_at is None:
            self._stopped_at = now
        for conn in [conn for conn in self._reading if conn.reading and self._until(conn.reading) <= now]:
            if conn.reading and conn.reading.empty:
                self._drop(conn)
            else:
                self._refuse(conn, TOO_SLOW)
                self._linger(conn)
        for conn in self._lingering.overdue(now):
            self._drop(conn)
        self._end_long_answers(now)
        if self._accepting:
            for listener in self._paused:
                self.poller.register(listener, selectors.EVENT_READ, self.accept)
            self._paused.clear()
        self._refused.tell(now)

    def _until(self, reading: Reading) -> float:
        if reading.empty and self._stopped_at is not None:
            return min(reading.until, self._stopped_at + _STOP_IDLE_SECONDS)
        return reading.until

    def _end_long_answers(self, now: float) -> None:
        """Free the threads of clients that do not read their answers."""
        for conn in list(self._answering):
            since = conn.answering_since
            if since is not None and now - since > self._patience.answer_seconds:
                with suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RDWR)

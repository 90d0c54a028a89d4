"""A TCP proxy that lets every byte arrive later by a fixed time, as a long line does, and no slower.

Used by the git server of the benchmarks. The devstack's own proxy waits before it reads on, so that its delay also
limits the rate: a clone through it would be slow for a reason that networks do not have.
"""

from __future__ import annotations

import asyncio
import socket
import threading

_CHUNK = 1 << 16
_HELD = 1 << 10


class LongLine:
    """Listens on a free loopback port and passes all to the target, `delay` seconds later in each direction."""

    def __init__(self, target: tuple[str, int], delay: float) -> None:
        """Begin to listen, on a thread of its own that ends with the process."""
        self._target = target
        self._delay = delay
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=lambda: asyncio.run(self._serve()), name=f"line-{self.port}", daemon=True).start()

    @property
    def url(self) -> str:
        """The address in plain HTTP."""
        return f"http://127.0.0.1:{self.port}"

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._join, sock=self._listener)
        async with server:
            await server.serve_forever()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))
        for one in (writer, far_writer):
            one.close()

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_HELD)
        arriving = asyncio.create_task(self._arrive(on_the_way, sink))
        clock = asyncio.get_running_loop().time
        data = b"begin"
        while data:
            try:
                data = await source.read(_CHUNK)
            except OSError:
                data = b""
            await on_the_way.put((clock() + self._delay, data))
        await arriving

    async def _arrive(self, on_the_way: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter) -> None:
        """Deliver what is due; an empty piece is the end.

        What cannot be delivered is dropped, because the receiver is gone.
        """
        clock = asyncio.get_running_loop().time
        broken = False
        while True:
            due, data = await on_the_way.get()
            if (left := due - clock()) > 0:
                await asyncio.sleep(left)
            try:
                if not data:
                    if not broken and sink.can_write_eof():
                        sink.write_eof()
                    return
                if not broken:
                    sink.write(data)
                    await sink.drain()
            except OSError:
                broken = True
                if not data:
                    return

"""Trouble between Mergeport and git: lines cut, slow and narrow, answers lost, hooks that refuse, servers that say 503.

A thread that changes the weather at random and leaves it fair. All of it comes before, during or after a push, or in
the middle of a fetch, as it happens.
"""

from __future__ import annotations

import random
import threading

from tests.race.plan import Plan
from tests.race.world import World

_PUSH = "git-receive-pack$"
_HOOK = """\
#!/bin/sh
number=$(od -An -N2 -tu2 /dev/urandom)
[ $((number % 100)) -ge {refused} ] || { echo 'refused by a hook' >&2; exit 1; }
sleep {seconds}
"""


class Weather(threading.Thread):
    """The faults of one world, until `stop` is set."""

    def __init__(self, world: World, plan: Plan, stop: threading.Event) -> None:
        super().__init__(name="weather", daemon=True)
        self.error: Exception | None = None
        self.done: dict[str, int] = {}
        self._world = world
        self._stopped = stop
        self._random = random.Random(f"{plan.seed} weather")  # noqa: S311 - a race, no secret

    def run(self) -> None:
        """Change the faults now and then; none is left at the end."""
        kinds = [self._cut, self._cut_within, self._slow, self._narrow, self._refuse, self._lose_answer]
        kinds += [self._unavailable, self._hang_before, self._hang_after, self._hooks, self._hooks, self._closed]
        try:
            while not self._stopped.wait(self._random.uniform(0.3, 6.0)):
                kind = self._random.choice(kinds)
                name = kind.__name__.removeprefix("_")
                self.done[name] = self.done.get(name, 0) + 1
                kind()
                self._clear()
        except Exception as error:  # noqa: BLE001 - told by who joins this thread
            self.error = error
        finally:
            self._clear()

    def _clear(self) -> None:
        self._world.proxy.restore()
        self._world.git.faults.clear()
        for name in self._world.manifests:
            self._world.git.install_hook(name, "pre-receive", "")

    def _last(self, longest: float) -> None:
        self._stopped.wait(self._random.uniform(longest / 5, longest))

    def _cut(self) -> None:
        self._world.proxy.cut()

    def _cut_within(self) -> None:
        self._world.proxy.cut_after(self._random.randint(100, 30_000))
        self._last(1.0)

    def _slow(self) -> None:
        self._world.proxy.delay = self._random.uniform(0.02, 0.2)
        self._last(2.0)

    def _narrow(self) -> None:
        self._world.proxy.bytes_per_second = self._random.randint(2_000, 40_000)
        self._last(2.0)

    def _refuse(self) -> None:
        self._world.proxy.refuse = True
        self._last(1.5)

    def _unavailable(self) -> None:
        times = self._random.randint(1, 6)
        self._world.git.faults.answer("503 Service Unavailable", path="git-(receive|upload)-pack$", times=times)
        self._last(1.0)

    def _lose_answer(self) -> None:
        """Let the push take effect, but lose its answer."""
        self._world.git.faults.cut(method="POST", path=_PUSH, times=self._random.randint(1, 3))
        self._last(1.5)

    def _hang_before(self) -> None:
        self._world.git.faults.hang(method="POST", path=_PUSH)
        self._last(3.0)

    def _hang_after(self) -> None:
        """Let the push take effect and others go on, but delay its answer."""
        self._world.git.faults.hang(method="POST", path=_PUSH, after=True)
        self._last(3.0)

    def _hooks(self) -> None:
        """Let a hook refuse many pushes, and delay the others."""
        self._hook(self._random.randint(20, 60), self._random.choice(["0", "0.1", "0.6"]))
        self._last(3.0)

    def _closed(self) -> None:
        """Let a hook refuse every push for a while."""
        self._hook(100, "0")
        self._last(2.5)

    def _hook(self, refused: int, seconds: str) -> None:
        script = _HOOK.replace("{refused}", str(refused)).replace("{seconds}", seconds)
        self._world.git.install_hook(self._random.choice(list(self._world.manifests)), "pre-receive", script)

"""How much a benchmark does: the sizes, rounds and seconds of a whole run, and of a toy run that only shows it works.

Read by every benchmark; chosen by the command.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes and limits; `seconds` bounds one measurement, of which a benchmark may have several."""

    rounds: int = 15
    seconds: float = 25.0
    values_lines: tuple[int, ...] = (20, 1_500, 15_000)
    start_lines: int = 2_000
    files: tuple[int, ...] = (1_500, 15_000)
    delays: tuple[float, ...] = (0.05,)
    accepts: int = 200
    clients: int = 8
    accept_turns: int = 6
    slow_clients: int = 200
    deliveries: int = 12
    applications: int = 100
    clones: int = 4
    crowd_files: int = 15_000
    worker_counts: tuple[int, ...] = (1, 2, 4)
    rate_seconds: float = 60.0
    recoveries: int = 3
    take_over: bool = True
    waiting: int = 5_000
    hints: int = 100
    idle_seconds: float = 20.0
    settle_seconds: float = 25.0
    asking: tuple[int, ...] = (1, 100)
    planned: int = 1_000

    def brief(self) -> Scale:
        """Give the same sizes with fewer rounds, for about half of the time."""
        return replace(
            self, rounds=5, seconds=8.0, accept_turns=3, deliveries=6, clones=1, rate_seconds=20.0, recoveries=1,
            hints=40, idle_seconds=15.0, settle_seconds=15.0,
        )  # fmt: skip

    def large(self) -> Scale:
        """Give the same with the largest repository too."""
        return replace(self, files=(*self.files, 150_000))


TOY = Scale(
    rounds=2,
    seconds=3.0,
    values_lines=(20, 100),
    start_lines=50,
    files=(20, 60),
    delays=(0.005,),
    accepts=16,
    clients=4,
    accept_turns=2,
    slow_clients=12,
    deliveries=3,
    applications=4,
    clones=1,
    crowd_files=20,
    worker_counts=(2,),
    rate_seconds=2.0,
    recoveries=1,
    take_over=False,
    waiting=50,
    hints=3,
    idle_seconds=1.0,
    settle_seconds=0.5,
    asking=(1, 3),
    planned=12,
)

"""What the demo prints: headings, aligned steps, a coloured difference, and progress while it waits.

On a terminal a spinner shows what is under way; elsewhere each step is a plain line when it has ended. Can record an
excerpt as a picture. Used by the story and the command; knows nothing of what it prints.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from rich.console import Console, RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.panel import Panel
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.table import Table
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from devstack.demo.product import Run, Step

WIDTH = 100
MARKS = {"succeeded": ("✓", "green"), "failed": ("✗", "red"), "stopped": ("✗", "red")}
STATES = {"succeeded": "green", "failed": "red", "cancelled": "red"}
NAME_WIDTH = 13
"""The width of the names in front of each fact: ` digest sha256:…`."""

_THEME = TerminalTheme(
    (250, 250, 248),
    (45, 50, 58),
    [
        (45, 50, 58), (190, 50, 60), (30, 125, 70), (150, 105, 10),
        (45, 95, 175), (130, 70, 150), (20, 120, 130), (90, 95, 105),
    ],
)  # fmt: skip
_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
_REGISTRY = re.compile(r"\b[\w.-]+\.amazonaws\.com/")
_REMOTE_FONTS = re.compile(r"\s*@font-face\s*\{[^}]*\}")


class Screen:
    """Prints to the standard output; with `picture`, what is printed within `recorded()` is drawn there too."""

    def __init__(self, picture: Path | None = None) -> None:
        terminal = sys.stdout.isatty()
        self._console = Console(highlight=False, width=None if terminal else WIDTH)
        self._picture = picture
        self._recorder = Console(
            record=True, file=io.StringIO(), width=WIDTH, highlight=False, force_terminal=True, color_system="truecolor"
        )
        self._recording = False
        self._shown: set[tuple[str, str]] = set()

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Add what is printed in the block to the picture."""
        self._recording = True
        try:
            yield
        finally:
            self._recording = False

    def save_picture(self, title: str) -> Path | None:
        """Write the picture, if one was asked for; it loads no fonts from the network."""
        if self._picture is None:
            return None
        self._picture.parent.mkdir(parents=True, exist_ok=True)
        drawn = self._recorder.export_svg(title=title, theme=_THEME)
        drawn = _REMOTE_FONTS.sub("", drawn).replace("Fira Code", "ui-monospace, Menlo, Consolas")
        self._picture.write_text(drawn, encoding="utf-8")
        return self._picture

    def say(self, text: RenderableType = "") -> None:
        """Print a line, a table, or nothing but a line end."""
        self._console.print(text)
        if self._recording:
            self._recorder.print(text)

    def title(self, text: str, under: str) -> None:
        """Begin the output."""
        self.say(Text(text, style="bold"))
        self.say(Text(under, style="dim"))
        self.say()

    def heading(self, text: str) -> None:
        """Begin an act."""
        self.say()
        self.say(Rule(Text(text, style="bold"), align="left", style="dim", characters="─"))

    def fact(self, name: str, *values: str, style: str = "") -> None:
        """Print one fact: its name, and one line for each value."""
        for position, value in enumerate(values):
            head = f"  {name if position == 0 else '':<{NAME_WIDTH}}"
            self.say(Text.assemble((head, "dim"), (value, style)))

    def text(self, lines: Sequence[str]) -> None:
        """Show text from elsewhere as it is, beside a bar."""
        for line in lines:
            self.say(Text("  │ ", style="dim").append(Text(line, style="not dim")))

    def document(self, body: str) -> None:
        """Show a Markdown text as readers see it."""
        shown = Markdown(body.replace("\u200b", ""), hyperlinks=False)
        self.say(Padding(Panel(shown, border_style="dim", padding=(0, 1)), (0, 0, 0, 2)))

    def difference(self, diff: str) -> None:
        """Show a difference as git writes it, without its head."""
        for line in diff.splitlines():
            if line.startswith(("diff --git", "index ", "--- ")):
                continue
            colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
            if line.startswith("+++ b/"):
                line, colour = line.removeprefix("+++ b/"), "bold"  # noqa: PLW2901 - shown by its name
            self.say(Text(f"    {line}".rstrip(), style=colour, no_wrap=True, overflow="ellipsis"))

    @contextmanager
    def waiting(self, text: str) -> Iterator[Progress]:
        """Show that something is under way; its first task can be renamed. Plain output prints it once."""
        columns = (TextColumn(" "), SpinnerColumn(style="cyan"), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True, disable=not self._console.is_terminal) as shown:
            shown.add_task(text)
            yield shown

    def steps(self, run: Run, since: datetime) -> None:
        """Print the steps of a run that have ended since the last call; times count from the merge."""
        for step in run.steps:
            if step.state in MARKS and (run.id, step.name) not in self._shown:
                self._shown.add((run.id, step.name))
                self._step(step, since)

    def pending(self, run: Run, since: datetime) -> None:
        """Print the step at which a run waits."""
        for step in run.steps[-1:]:
            if step.state not in MARKS:
                self._step(step, since)

    def _step(self, step: Step, since: datetime) -> None:
        mark, colour = MARKS.get(step.state, ("…", "yellow"))
        seconds = "" if step.seconds is None or step.state not in MARKS else f"{step.seconds:.1f} s"
        at = f"{(step.started_at - since).total_seconds():+.1f} s"
        message = _REGISTRY.sub("", _DIGEST.sub(r"\1…", " ".join(step.message.split())))
        line = Text.assemble(
            (f"  {mark}", colour), (f"{at:>10}", "dim"), f"  {step.name:<30}{seconds:>7}", (f"  {message}", "dim")
        )
        line.rstrip()
        line.truncate(self._console.width, overflow="ellipsis")
        self.say(line)

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print rows under heads."""
        table = Table(*heads, box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
        for row in rows:
            table.add_row(*(Text(cell, style=STATES.get(cell, "")) for cell in row))
        self.say(Padding(table, (0, 0, 0, 2)))

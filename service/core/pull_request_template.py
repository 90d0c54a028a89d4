"""Renders a team's template of pull requests in Jinja's sandbox, and tells what is wrong with one before it is used.

Called in a process of its own, because a template may take any time and memory, and by `mergeport config check`, which
only reads it. A template is the team's text. What it puts in is other people's, and is made harmless there: it shows as
it is, mentions nobody and closes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from service.core.foreign_text import markdown
from service.core.reserved_files import TEMPLATE_FILE

NAMES = (
    "application", "environment", "commit", "source", "title", "run_url", "compare_url", "previous", "warning",
    "because", "back", "images", "changes", "pull_requests", "direct", "overrides", "runs_in", "marks", "gates",
    "rendered", "applications", "out", "sections",
)  # fmt: skip
"""What a template may use. Names are added and never change their meaning: docs/promotion.md has them."""
LONGEST_TEMPLATE, LONGEST_VALUE, LONGEST_TEXT = 100_000, 2_000, 30_000
_URLS = ("url", "_url")


class Markdown(str):
    """A text of ours that is Markdown already: a section, or an address."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class TemplateFaultError(Exception):
    """What is wrong with a template, and in which line; 0 where that is not known."""

    message: str
    line: int = 0

    def __str__(self) -> str:
        """Say where and what."""
        where = f"{TEMPLATE_FILE}, line {self.line}" if self.line else TEMPLATE_FILE
        return f"{where}: {self.message}"


def render_template(text: str, context: Mapping[str, Any]) -> str:
    """Give the text that a template makes of plain data; TemplateFaultError where it makes none."""
    if len(text) > LONGEST_TEMPLATE:
        raise TemplateFaultError(f"it has more than {LONGEST_TEMPLATE} characters")
    try:
        written = _environment().from_string(text).render(_marked(dict(context)))
    except TemplateSyntaxError as error:
        raise TemplateFaultError(error.message or "it is no template", error.lineno) from None
    except Exception as error:  # noqa: BLE001 - a template is a program of people's, and raises what it likes
        said = str(error) if isinstance(error, TemplateError) else f"{type(error).__name__}: {error}".rstrip(": ")
        raise TemplateFaultError(said[:LONGEST_VALUE], _line_of(error)) from None
    if len(written.encode("utf-8", "replace")) > LONGEST_TEXT:
        raise TemplateFaultError(f"it makes more than {LONGEST_TEXT} bytes")
    if not written.strip():
        raise TemplateFaultError("it makes no text")
    return written.strip("\n")


def faults_of(text: str) -> Iterator[TemplateFaultError]:
    """Tell what is wrong with a template as far as reading it tells: its syntax, and names that there are not."""
    if len(text) > LONGEST_TEMPLATE:
        yield TemplateFaultError(f"it has more than {LONGEST_TEMPLATE} characters")
        return
    environment = _environment()
    try:
        read = environment.parse(text)
    except TemplateSyntaxError as error:
        yield TemplateFaultError(error.message or "it is no template", error.lineno)
        return
    except RecursionError:
        yield TemplateFaultError("it is nested too deep")
        return
    named = list(read.find_all(nodes.Name))
    made = {one.name for one in named if one.ctx != "load"} | {one.name for one in read.find_all(nodes.Macro)}
    known = {*made, *NAMES, *environment.globals, "loop", "caller", "varargs", "kwargs", "true", "false", "none"}
    for one in named:
        if one.ctx == "load" and one.name not in known:
            yield TemplateFaultError(f"there is no {one.name}", one.lineno)
            known.add(one.name)
    for loading in read.find_all((nodes.Include, nodes.Extends, nodes.Import, nodes.FromImport)):
        yield TemplateFaultError("it cannot load other templates", loading.lineno)


def _environment() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, finalize=_harmless, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )


def _harmless(value: object) -> object:
    """Make one value harmless where it is put in."""
    if isinstance(value, Markdown | StrictUndefined):
        return value
    return "" if value is None else markdown(str(value), LONGEST_VALUE)


def _marked(value: Any, key: str = "") -> Any:  # noqa: ANN401 - plain data of any shape
    """Mark what is ours: the sections, and the addresses, which were checked."""
    match value:
        case dict():
            return {name: _marked(one, key if key == "sections" else name) for name, one in value.items()}
        case list():
            return [_marked(one, key) for one in value]
        case str() if key == "sections" or key.endswith(_URLS):
            return Markdown(value)
        case _:
            return value


def _line_of(error: Exception) -> int:
    """Give the line of the template in which an error was raised; Jinja rewrites the traceback to tell it."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line

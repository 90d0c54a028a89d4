"""Write docs/cli.md out of the commands themselves. Run it after a change of a command; the tests call `reference`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from service.cli.main import cli

PAGE = Path(__file__).parent.parent / "docs" / "cli.md"
_HEAD = """\
# The command line

Made of the commands themselves by `python scripts/cli_reference.py`. `-h` and `--help` say the same of each. The exit
status is 0 when it is done, 1 after an error, with its [code](errors.md) and what to do, and 2 if the command was not
understood. How commands go together is on other pages: [asking](ask.md), [promotion](promotion.md),
[rollback](rollback.md), [state](state.md), [values commit](values-commit.md), [init](init.md), [doctor](doctor.md),
[operation](operate.md).
"""


def commands(found: click.Command = cli, words: str = "mergeport") -> Iterator[tuple[str, click.Command]]:
    """Give each command that does something, with its words, in alphabetical order."""
    if not isinstance(found, click.Group):
        yield words, found
        return
    context = click.Context(found)
    for name in found.list_commands(context):
        below = found.get_command(context, name)
        if below is not None and not below.hidden:
            yield from commands(below, f"{words} {name}")


def reference() -> str:
    """Give the page."""
    known = list(commands())
    rows = "".join(
        f"| [`{words}`](#{words.replace(' ', '-')}) | {_plain(_first(command))} |\n" for words, command in known
    )
    sections = "".join(_section(words, command) for words, command in known)
    return f"{_HEAD}\n| command | does |\n|---|---|\n{rows}{sections}"


def _section(words: str, command: click.Command) -> str:
    context = click.Context(command, info_name=words)
    usage = " ".join([words, *command.collect_usage_pieces(context)])
    text = "\n\n".join(_plain(part) for part in cleandoc(command.help or "").replace("\b\n", "").split("\n\n"))
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    rows = "".join(_row(one, context) for one in options)
    table = f"\n| option | meaning |\n|---|---|\n{rows}" if rows else ""
    return f"\n## {words}\n\n```text\n{usage}\n```\n\n{text}\n{table}"


def _row(option: click.Option, context: click.Context) -> str:
    takes = "" if option.is_flag else f" {option.make_metavar(context)}"
    names = ", ".join(f"`{name}{takes}`" for name in option.opts).replace("|", "\\|")
    words = [_plain(option.help or "")]
    if option.required:
        words.append("Required.")
    if option.multiple and " given " not in (option.help or ""):
        words.append("May be given several times.")
    if option.show_default and option.default not in {None, ""}:
        words.append(f"Default: `{option.default}`.")
    return f"| {names} | {' '.join(words)} |\n"


def _first(command: click.Command) -> str:
    return cleandoc(command.help or "").split("\n\n")[0]


def _plain(text: str) -> str:
    """Give text in one line, with options as code, and without what a table or Markdown would take for its own."""
    line = " ".join(text.split()).replace("|", "\\|").replace("<", "\\<")
    return re.sub(r"(?<!`)(--[a-z][\w-]*)(?!`)", r"`\1`", line) if "`" not in line else line


def main() -> None:
    """Write the page."""
    PAGE.write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()

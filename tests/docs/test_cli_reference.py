"""docs/cli.md is what the commands say of themselves."""

from __future__ import annotations

import click

from scripts.cli_reference import commands, reference
from tests.docs.pages import page


def test_page_is_what_the_commands_say_now() -> None:
    assert page("docs/cli.md").text == reference(), "run  python scripts/cli_reference.py"


def test_every_command_and_option_says_what_it_is_for() -> None:
    silent = [words for words, command in commands() if not command.help]
    silent += [
        f"{words} {option.opts[0]}"
        for words, command in commands()
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert silent == []

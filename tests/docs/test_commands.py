"""Every command that the documentation shows exists, with the options that it shows."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from service.cli.main import cli
from tests.docs.pages import Page, all_pages
from tests.fixtures.tools import ROOT

_PLACEHOLDER = re.compile(r"[A-Z…\[<]")


def fault_of(command: str) -> str:
    """Say what is wrong with a `mergeport …` line; empty if it could be called."""
    words = [word.strip("[]") for word in shlex.split(command.replace("…", ""), comments=True)[1:]]
    found: click.Command = cli
    context = click.Context(cli)
    while isinstance(found, click.Group) and words and not words[0].startswith("-"):
        word = words.pop(0)
        following = found.get_command(context, word)
        if following is None:
            return "" if _PLACEHOLDER.match(word) else f"{found.name} has no command {word}"
        found = following
    known = {name for parameter in found.params if isinstance(parameter, click.Option) for name in parameter.opts}
    known |= {"-h", "--help"} | ({"--version"} if found is cli else set())
    unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in known]
    return f"{found.name} has no option {', '.join(unknown)}" if unknown else ""


@pytest.mark.parametrize("one", all_pages(), ids=lambda one: one.name)
def test_every_mergeport_command_exists(one: Page) -> None:
    faults = {command: fault_of(command) for command in one.commands("mergeport")}
    assert {command: fault for command, fault in faults.items() if fault} == {}


@pytest.mark.parametrize("one", all_pages(), ids=lambda one: one.name)
def test_every_make_word_and_variable_exists(one: Page) -> None:
    makefile = (ROOT / "Makefile").read_text()
    words = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    variables = set(re.findall(r"^([A-Z_]+) [?:]?=", makefile, re.MULTILINE))
    used = [part for command in one.commands("make") for part in command.split()[1:] if part != "…"]
    assert {part for part in used if "=" not in part} - words == set()
    assert {part.partition("=")[0] for part in used if "=" in part} - variables == set()


_CURL_OPTIONS = {
    "--data",
    "--fail",
    "--header",
    "--output",
    "--request",
    "--silent",
    "--user",
    "-d",
    "-f",
    "-H",
    "-o",
    "-s",
    "-u",
    "-X",
}
"""The options that the pages use and that curl 7.81 of Ubuntu 22.04 knows. `--json` (7.82), for example, is newer.
https://curl.se/docs/manpage.html says for each option which version added it."""


@pytest.mark.parametrize("one", all_pages(), ids=lambda one: one.name)
def test_no_curl_command_uses_what_curl_7_81_has_not(one: Page) -> None:
    used = {option for command in one.commands("curl") for option in re.findall(r"\s(--?[A-Za-z][\w-]*)", command)}
    assert used - _CURL_OPTIONS == set()


def test_curl_commands_are_found_where_they_are() -> None:
    found = [command for one in all_pages() for command in one.commands("curl")]
    assert any("/hooks" in command and "--data" in command for command in found)


def test_what_does_not_exist_is_found() -> None:
    assert fault_of("mergeport runs undo RUN") == "runs has no command undo"
    assert fault_of("mergeport values set FILE PATH=VALUE --force") == "set has no option --force"
    assert fault_of("mergeport values set FILE image.tag=1 --diff") == ""


def test_every_command_is_in_the_documentation() -> None:
    shown = {" ".join(command.split()[1:3]) for one in all_pages() for command in one.commands("mergeport")}
    context = click.Context(cli)
    wanted = set()
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        wanted |= {f"{name} {inner}" for inner in command.commands} if isinstance(command, click.Group) else {name}
    assert {one for one in wanted if not any(text == one or text.split(" ")[0] == one for text in shown)} == set()

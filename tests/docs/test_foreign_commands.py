"""Commands of other programs in the pages, which need AWS, GitHub or a cluster, have the options that they show.

`data/foreign_options.json` has the options of each command as kubectl 1.32, docker 28.2, Helm 3.17 and the AWS CLI 1.46
told them, and as docs/user-guide/commands of argoproj/argo-cd (3.x) and docs.docker.com (for `docker compose`) list
them. Those of the other commands of AWS are asked from botocore. git is asked itself.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from functools import cache

import botocore.session
import pytest
from botocore import xform_name

from tests.docs.pages import Page, all_pages
from tests.docs.test_commands import fault_of
from tests.fixtures.tools import ROOT

TABLES: dict[str, str] = json.loads((ROOT / "tests/docs/data/foreign_options.json").read_text())
_AWS = {"--query", "--output", "--region", "--profile"}
"""What every command of AWS takes: https://docs.aws.amazon.com/cli/latest/reference/."""
_UNSAID = {
    "log": {"--format", "--max-count", "--oneline", "--patch", "-p"},
    "rev-parse": {"--short", "--show-toplevel", "--verify"},
}
"""What `git COMMAND -h` leaves out: https://git-scm.com/docs."""
PROGRAMS = ("argocd", "aws", "docker", "git", "helm", "kubectl")


@cache
def _git_options(command: str) -> frozenset[str]:
    told = subprocess.run(["git", command, "-h"], check=False, capture_output=True, text=True, cwd="/")
    text = re.sub(r"--\[no-\]([\w-]+)", r"--\1 --no-\1", told.stdout + told.stderr)
    return frozenset(re.findall(r"(?<![\w-])(--?\w[\w-]*)", text)) | _UNSAID.get(command, set())


@cache
def _aws_options(service: str, command: str) -> frozenset[str]:
    model = botocore.session.get_session().get_service_model(service)
    (name,) = [one for one in model.operation_names if xform_name(one, "-") == command]
    shape = model.operation_model(name).input_shape
    return frozenset({f"--{xform_name(member, '-')}" for member in (shape.members if shape else {})} | _AWS)


def options_of(words: list[str]) -> tuple[int, frozenset[str]]:
    """Give how many words name the command, and the options that it has. Raises KeyError if it is in no table."""
    for count in range(4, 1, -1):
        known = TABLES.get(" ".join(words[:count]))
        if known is not None:
            return count, frozenset(known.split()) | (_AWS if words[0] == "aws" else frozenset())
    if words[0] == "aws":
        return 3, _aws_options(words[1], words[2])
    if words[0] == "git":
        return 2, _git_options(words[1])
    raise KeyError(" ".join(words[:3]))


def unknown_options(command: str) -> list[str]:
    """Give the options of a command that its program does not have, and what is wrong with what it runs after `--`."""
    before, _, after = command.partition(" -- ")
    words = [word for word in shlex.split(before, comments=True) if word not in {">", "2>"}]
    if words[0] == "git" and words[1] == "-C":
        del words[1:3]
    if words[0] == "kubectl" and words[1] == "-n":
        del words[1:3]
    try:
        count, known = options_of(words)
    except KeyError as missing:
        return [f"{missing} is not in data/foreign_options.json"]
    given = [re.split(r"[=\s]", word)[0] for word in words[count:] if re.match(r"--?[A-Za-z]", word)]
    wrong = [option for option in given if option not in known]
    if after.startswith("mergeport ") and (fault := fault_of(after)):
        wrong.append(fault)
    return wrong


def shown(one: Page) -> list[str]:
    """Give the commands of other programs on a page that have a subcommand with options."""
    found = [command for program in PROGRAMS for command in one.commands(program)]
    return [command.rstrip(")") for command in found if re.search(r"\s--?[A-Za-z]", command)]


@pytest.mark.parametrize("one", all_pages(), ids=lambda one: one.name)
def test_every_command_of_another_program_has_the_options_that_it_shows(one: Page) -> None:
    faults = {command: unknown_options(command) for command in shown(one)}
    assert {command: fault for command, fault in faults.items() if fault} == {}


def test_commands_are_found_and_what_does_not_exist_is_told() -> None:
    commands = [command for one in all_pages() for command in shown(one)]
    assert {command.split()[0] for command in commands} == set(PROGRAMS)
    assert unknown_options("kubectl exec --namespace shop pod -- mergeport status --wide") == [
        "status has no option --wide"
    ]
    assert "not in" in unknown_options("docker dance --fast")[0]
    assert unknown_options("aws ecr create-repository --repository cart") == ["--repository"]
    assert unknown_options("git -C here push --set-upstraem origin main") == ["--set-upstraem"]

"""`mergeport build dockerfile` prints what a build from a template would use."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli.main import cli
from service.core.dockerfiles.project import Template
from service.core.dockerfiles.render import dockerfile_for
from service.core.dockerfiles.wishes import Wishes
from service.errors import PermanentError
from tests.core.dockerfiles.cases import FOLDER, read_case

CASE = read_case(FOLDER / "flask-plain.txt")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in CASE.files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def call(*argv: str) -> Result:
    return CliRunner().invoke(cli, ["build", "dockerfile", *argv])


def test_it_finds_the_template_and_prints_the_dockerfile(project: Path) -> None:
    done = call(str(project))
    assert (done.exit_code, done.stdout) == (0, CASE.expected)


def test_options_are_the_keys_of_with(project: Path) -> None:
    base = f"registry.example.com/python@sha256:{'0' * 64}"
    options = ["--base", base, "--port", "9000", "--package", "libpq5", "--package", "libgomp1", "--health", "/up"]
    done = call(str(project), "--index", "https://packages.example.com/simple", "--credentials", *options)
    wishes = Wishes(
        base=base,
        port=9000,
        packages=("libpq5", "libgomp1"),
        health="/up",
        index="https://packages.example.com/simple",
        credentials=True,
    )
    assert done.stdout == dockerfile_for(Template.PYTHON_WEB, CASE.files, wishes)


def test_a_template_that_does_not_fit_is_told(project: Path) -> None:
    done = call(str(project), "--template", "r-model")
    assert isinstance(done.exception, PermanentError)
    assert (done.exception.code, "plumber.R" in done.exception.message) == ("project-file-missing", True)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--package", "a;b", 'found "a;b" (lower-case letters, digits, + - and ., such as libgomp1)'),
        ("--port", "80", "expected at least 1024"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed(project: Path, option: str, value: str, words: str) -> None:
    done = call(str(project), option, value)
    assert (done.exit_code, words in " ".join(done.stderr.split())) == (2, True)


@pytest.mark.parametrize(
    ("option", "value"), [("--index", "https://me:secret@x.example/simple"), ("--package", "a;b"), ("--entry", "app")]
)
def test_a_wrong_value_names_its_option(project: Path, option: str, value: str) -> None:
    done = call(str(project), option, value)
    assert (done.exit_code, option in done.stderr) == (2, True)
    assert "secret" not in done.stderr

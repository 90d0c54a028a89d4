"""Git is started in an environment of our own, ends in time, and shows no secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import pytest

from service.adapters.git.driver import Git
from service.adapters.git.remote import Remote
from service.adapters.git.running import BrokenRepositoryError, Talk
from service.errors import PermanentError, RetryableError
from tests.adapters.git.served import TOKEN, Served
from tests.fixtures.processes import wait_until

SAY_ENVIRONMENT = "alias.tell=!python3 -c 'import json,os; print(json.dumps(dict(os.environ)))'"
SECRET = "p@ss/w:rd s3cret"


@pytest.fixture
def git(tmp_path: Path) -> Git:
    git = Git(tmp_path)
    git.run("init", "--quiet", "--bare")
    return git


def environment_of(git: Git, remote: Remote | None = None) -> dict[str, str]:
    told: dict[str, str] = json.loads(git.run("-c", SAY_ENVIRONMENT, "tell", remote=remote).output)
    return told


def gone(pid: int) -> Callable[[], bool]:
    def look() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except (FileNotFoundError, ProcessLookupError):
            return True

    return look


def test_neither_the_machine_nor_the_user_configures_git(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    home = git.directory / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[core]\n\thooksPath = /evil\n[user]\n\tname = Evil\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'user.email=evil'")
    listed = git.run("config", "--list").text
    assert "evil" not in listed.casefold()
    assert "core.hookspath=/dev/null" in listed


@pytest.mark.parametrize(
    "name", ["GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_TRACE", "GIT_ASKPASS", "SSH_ASKPASS"]
)
def test_what_the_process_was_started_with_does_not_reach_git(
    git: Git, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "/evil")
    assert name not in environment_of(git)


def test_the_repository_is_the_given_one_whatever_the_environment_says(
    git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/evil")
    assert git.run("rev-parse", "--absolute-git-dir").text == str(git.directory)


def test_settings_of_certificates_and_proxies_are_kept(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_SSL_CAINFO", "/certificates")
    monkeypatch.setenv("https_proxy", "http://proxy.example.invalid")
    told = environment_of(git)
    assert (told["GIT_SSL_CAINFO"], told["https_proxy"]) == ("/certificates", "http://proxy.example.invalid")


def test_git_never_asks_a_person(git: Git) -> None:
    told = environment_of(git)
    assert told["GIT_TERMINAL_PROMPT"] == "0"
    assert told["LC_ALL"] == "C"


def test_without_a_remote_no_protocol_is_allowed(git: Git, served: Served) -> None:
    outcome = git.run("ls-remote", served.url())
    assert not outcome.ok
    assert served.server.log == []


@pytest.mark.parametrize("url", ["file:///etc", "/etc", "ext::sh -c true", "git://127.0.0.1/x"])
def test_a_remote_does_not_open_other_protocols(git: Git, served: Served, url: str) -> None:
    outcome = git.run("ls-remote", url, remote=served.remote())
    assert outcome.status == 128
    assert "not allowed" in outcome.said


def test_a_command_that_does_not_end_is_killed_with_its_children(git: Git, served: Served) -> None:
    pid_file = git.directory / "pid"
    alias = f"alias.wait=!sleep 60 & echo $! > {pid_file}; wait"
    with pytest.raises(RetryableError) as caught:
        git.run("-c", alias, "wait", remote=served.remote(), timeout=1)
    assert caught.value.code == "git-timeout"
    wait_until(gone(int(pid_file.read_text())), timeout=5)


def test_a_conversation_that_does_not_end_is_killed_with_its_children(git: Git, served: Served) -> None:
    pid_file = git.directory / "pid"
    alias = f"alias.wait=!sleep 60 & echo $! > {pid_file}; wait"
    with (
        pytest.raises(RetryableError) as caught,
        git.talk("-c", alias, "wait", remote=served.remote(), timeout=1) as talk,
    ):
        talk.line()
    assert caught.value.code == "git-timeout"
    wait_until(gone(int(pid_file.read_text())), timeout=5)


def test_a_local_command_that_does_not_end_means_a_broken_repository(git: Git) -> None:
    with pytest.raises(BrokenRepositoryError):
        git.run("-c", "alias.wait=!sleep 60", "wait", timeout=0.3)


def test_a_block_that_fails_leaves_no_process(git: Git) -> None:
    def fail() -> None:
        with git.talk("cat-file", "--batch") as talk:
            left.append(talk)
            raise ZeroDivisionError

    left: list[Talk] = []
    with pytest.raises(ZeroDivisionError):
        fail()
    assert left[0]._process.returncode is not None


@pytest.mark.parametrize("stray", ["", "GIT_TRACE"])
def test_a_machine_without_git_is_told_what_to_install(git: Git, monkeypatch: pytest.MonkeyPatch, stray: str) -> None:
    monkeypatch.setenv("PATH", str(git.directory))
    if stray:
        monkeypatch.setenv(stray, "1")
    with pytest.raises(PermanentError, match="install git") as caught:
        git.run("version")
    assert caught.value.code == "git-missing"


# secrets


def test_the_token_is_in_no_argument_of_any_process(served: Served, tmp_path: Path) -> None:
    git = Git(tmp_path / "r", timeout=10)
    git.directory.mkdir()
    git.run("init", "--quiet", "--bare")
    gate = served.server.faults.hang()
    fetching = threading.Thread(target=git.run, args=("ls-remote", served.url()), kwargs={"remote": served.remote()})
    fetching.start()
    gate.wait_arrived()
    arguments = cmdlines(Path("/proc") / str(pid) / "cmdline" for pid in descendants(os.getpid()))
    gate.release()
    fetching.join()
    assert b"ls-remote" in arguments
    assert TOKEN.encode() not in arguments
    assert served.remote()._basic.encode() not in arguments


def descendants(pid: int) -> list[int]:
    """Give the children of a process, theirs, and so on: other tests run beside this one."""
    children = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            children += [int(child) for child in task.read_text().split()]
    return [*children, *(deeper for child in children for deeper in descendants(child))]


def cmdlines(paths: Iterable[Path]) -> bytes:
    """Read the command lines of processes; those that end meanwhile are skipped."""
    found = b""
    for path in paths:
        with suppress(OSError):
            found += path.read_bytes()
    return found


def test_the_token_is_sent_with_the_first_request(served: Served, git: Git) -> None:
    git.run("ls-remote", served.url(), remote=served.remote())
    assert {seen.user for seen in served.server.log} == {"writer"}


def test_the_token_is_not_sent_to_another_address(served: Served, git: Git) -> None:
    git.run("ls-remote", served.url("acme/other"), remote=served.remote())
    assert {seen.user for seen in served.server.log} == {""}


def test_importing_the_adapters_does_not_load_the_library() -> None:
    program = (
        "import sys, service.adapters.manifests.git, service.adapters.checkout; "
        "print({'git', 'requests', 'flask', 'boto3'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    "name",
    ["MERGEPORT_WEBHOOK_SECRET", "MERGEPORT_GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "PGPASSWORD"],
)
def test_git_has_no_secret_of_this_process(git: Git, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "hidden")
    assert "hidden" not in environment_of(git).values()


def test_git_has_what_it_needs_to_run_and_nothing_else_of_this_process(
    git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMETHING_ELSE", "x")
    told = set(environment_of(git))
    assert "PATH" in told
    assert "SOMETHING_ELSE" not in told

"""`mergeport values commit` against a real git server: what is on the branch afterwards, and what is said."""

# ruff: noqa: ARG002 # the stand-in of a port has the port's arguments

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from devstack.bare import BareRepository
from devstack.faults import Fault, Gate
from devstack.git_http import GitAccess, GitServer
from service.bootstrap_values import open_values, read_environment
from service.cli.values_branch import Start, Wish, bring, tip_of
from service.cli.values_message import write_message
from service.core.values import ValueEdit
from service.core.words import Actor, Sha
from service.errors import RetryableError
from tests.cli.calling import Call, Called, caller
from tests.fixtures.tools import SshServer

TOKEN = "token-s3cret"
NAME = "acme/manifests"
A, B = "apps/a/values.yaml", "apps/b/values.yaml"
FORBIDDEN = ".github/workflows/x.yaml"
VALUES = "# Values\nimage:\n  tag: v1  # ours\nreplicas: 2\n"
PUSH = "git-receive-pack"


@dataclass
class World:
    """A served repository and a command that may write to it."""

    server: GitServer
    repository: BareRepository
    call: Call

    @property
    def url(self) -> str:
        return self.server.remote(NAME)

    def commit(self, *words: str, branch: str = "main") -> Called:
        return self.call("values", "commit", "--repo", self.url, "--branch", branch, *words)

    def text(self, file: str = A, branch: str = "main") -> str:
        return self.repository.text(branch, file)

    def count(self, branch: str = "main") -> int:
        return int(self.repository.git("rev-list", "--count", branch))


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Call]:
    """Give the command, with no variable of the machine's that it reads, and the logging as it was afterwards."""
    for name in os.environ:
        if name.startswith(("MERGEPORT_", "GITHUB_")):
            monkeypatch.delenv(name)
    root = logging.getLogger()
    handlers, level, hooks = root.handlers[:], root.level, (sys.excepthook, threading.excepthook)
    yield caller(monkeypatch, capsys)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(capture=False)


@pytest.fixture
def world(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    server = GitServer(tmp_path / "served")
    server.tokens[TOKEN] = GitAccess("writer")
    repository = server.create(NAME)
    repository.commit_files("main", {A: VALUES, B: VALUES, FORBIDDEN: VALUES}, "Begin")
    monkeypatch.setenv("MERGEPORT_GIT_TOKEN", TOKEN)
    yield World(server, repository, call)
    server.stop()


# what is written


def test_one_commit_has_all_values_of_all_files_and_nothing_else(world: World) -> None:
    before = world.repository.tip("main")
    told = world.commit(A, "image.tag=v2", "replicas:=3", B, "image.tag=1.10")
    assert told.status == 0, told.err
    assert world.text(A) == "# Values\nimage:\n  tag: v2  # ours\nreplicas: 3\n"
    assert world.text(B) == '# Values\nimage:\n  tag: "1.10"  # ours\nreplicas: 2\n'
    tip = world.repository.commit("main")
    assert tip.parents == (before,)
    assert world.repository.git("diff", "--name-only", before, "main").split() == [A, B]
    assert told.out.splitlines() == [
        f"{A}:3: image.tag v1 -> v2",
        f"{A}:4: replicas 2 -> 3",
        f"{B}:3: image.tag v1 -> 1.10",
        f"pushed {world.repository.tip('main')[:12]} to main",
    ]


def test_the_message_tells_what_was_set_where(world: World) -> None:
    world.commit(A, "image.tag=v2")
    message = world.repository.git("log", "-1", "--format=%B", "main")
    assert message.rstrip() == f"Set image.tag to v2 in {A}\n\n- {A}: image.tag v1 -> v2"


def test_message_author_and_committer_are_as_given(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERGEPORT_COMMITTER_NAME", "Deploy Bot")
    monkeypatch.setenv("MERGEPORT_COMMITTER_EMAIL", "bot@example.invalid")
    told = world.commit(A, "image.tag=v2", "-m", "Ship it\n\nBecause.", "--author", "Zoë Ünal <zoe@example.invalid>")
    assert told.status == 0, told.err
    said = world.repository.git("log", "-1", "--format=%an|%ae|%cn|%ce|%B", "main")
    assert said.rstrip() == "Zoë Ünal|zoe@example.invalid|Deploy Bot|bot@example.invalid|Ship it\n\nBecause."


def test_the_same_value_makes_no_commit_and_is_no_error(world: World) -> None:
    told = world.commit(A, "image.tag=v1")
    assert (told.status, world.count()) == (0, 1)
    assert told.out == f"nothing to change: main says this already ({world.repository.tip('main')[:12]})\n"
    assert world.server.push_attempts() == []


def test_keys_are_created_only_when_asked(world: World) -> None:
    told = world.commit(A, "image.digest=sha256:1")
    assert (told.status, world.count()) == (1, 1)
    assert f"{A}:" in told.err
    assert world.commit(A, "image.digest=sha256:1", "--create").status == 0
    assert "  digest: sha256:1\n" in world.text()


def test_a_refused_edit_in_one_file_leaves_all(world: World) -> None:
    told = world.commit(A, "image.tag=v2", B, "image.tga=v2")
    assert (told.status, world.count(), world.text()) == (1, 1, VALUES)
    assert "image.tag" in told.err


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("apps/none.yaml", "There is no file"),
        (FORBIDDEN, "not a values file"),
        ("../x", "not a values"),
    ],
)
def test_a_file_that_is_not_there_or_not_ours_is_refused(world: World, file: str, words: str) -> None:
    told = world.commit(file, "image.tag=v2")
    assert told.status == 1
    assert words in told.err


def test_a_branch_that_is_not_there_is_told(world: World) -> None:
    told = world.commit(A, "image.tag=v2", branch="none")
    assert told.status == 1
    assert "There is no branch none" in told.err


@pytest.mark.parametrize("option", ["--dry-run", "--diff"])
def test_a_dry_run_pushes_nothing(world: World, option: str) -> None:
    told = world.commit(A, "image.tag=v2", option)
    assert (told.status, world.count()) == (0, 1)
    assert world.server.push_attempts() == []
    assert ("+  tag: v2  # ours" in told.out) == (option == "--diff")


def test_json_tells_all_of_it(world: World) -> None:
    told = world.commit(A, "image.tag=v2", "--json")
    tip = world.repository.tip("main")
    assert told.json == {
        "branch": "main",
        "tip": tip,
        "commit": tip,
        "changed": True,
        "pushed": True,
        "pushes": 1,
        "dry_run": False,
        "changes": [{"file": A, "path": "image.tag", "line": 3, "before": "v1", "after": "v2"}],
        "warnings": [],
        "pull_request": None,
    }


@pytest.mark.parametrize("words", [(A,), (A, "image.tag"), (A, "image.tag=v2", B), (A, "x:=text")])
def test_words_that_are_no_assignments_are_a_wrong_usage(world: World, words: tuple[str, ...]) -> None:
    told = world.commit(*words)
    assert (told.status, world.server.log) == (2, [])


def test_the_first_word_is_a_file_even_with_an_equals_sign(world: World) -> None:
    world.repository.commit_files("main", {"env=dev/values.yaml": VALUES}, "Odd")
    assert world.commit("env=dev/values.yaml", "image.tag=v2").status == 0
    assert "tag: v2" in world.text("env=dev/values.yaml")


def test_a_cache_is_kept_and_used_again(world: World, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    assert world.commit(A, "image.tag=v2", "--cache", cache).status == 0
    assert world.commit(A, "image.tag=v3", "--cache", cache).status == 0
    fetches = [seen for seen in world.server.log if seen.service == "git-upload-pack" and seen.length > 250]
    assert len(fetches) == 1
    assert "tag: v3" in world.text()


# credentials


def test_no_secret_is_in_an_argument_of_any_process(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A git of ours on PATH writes down what it was started with, then is the real one."""
    real = subprocess.run(["which", "git"], check=True, capture_output=True, text=True).stdout.strip()
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/argv\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    assert world.commit(A, "image.tag=v2").status == 0
    argv = (tmp_path / "argv").read_text()
    assert "push" in argv
    assert TOKEN not in argv


def test_a_wrong_token_is_told_without_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERGEPORT_GIT_TOKEN", "wrong-t0ken")
    told = world.commit(A, "image.tag=v2")
    assert told.status == 1
    assert "does not accept our credentials" in told.err
    assert "wrong-t0ken" not in told.out + told.err


def test_a_token_may_be_in_a_file(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    monkeypatch.delenv("MERGEPORT_GIT_TOKEN")
    monkeypatch.setenv("MERGEPORT_GIT_TOKEN_FILE", str(tmp_path / "token"))
    assert world.commit(A, "image.tag=v2").status == 0


def test_the_workflows_token_goes_to_its_own_server_and_to_github_alone() -> None:
    def token(url: str, server: str = "https://ghe.example.invalid") -> str | None:
        return read_environment({"GITHUB_TOKEN": "t", "GITHUB_SERVER_URL": server}, url).token

    assert token("https://ghe.example.invalid/a/b.git") == "t"
    assert token("https://github.com/a/b.git") == "t"
    assert token("https://github.com.example.invalid/a/b.git") is None
    assert token("https://github.com@example.invalid/a/b.git") is None
    assert token("https://ghe.example.invalid:8443/a/b.git") is None
    assert token("https://example.invalid/a/b.git", "") is None


def test_the_token_is_in_no_repr() -> None:
    assert "t0ken" not in repr(read_environment({"MERGEPORT_GIT_TOKEN": "t0ken"}, "https://h/a/b"))


def test_a_repository_is_reached_over_ssh(world: World, sshd: SshServer) -> None:
    url, login = (
        sshd.url(world.repository.path),
        ("--ssh-key", str(sshd.key_file), "--known-hosts", str(sshd.known_hosts)),
    )
    told = world.call("values", "commit", "--repo", url, "--branch", "main", A, "image.tag=v2", *login)
    assert told.status == 0, told.err
    assert "tag: v2" in world.text()
    assert world.server.log == []


def test_half_a_login_is_told(world: World, sshd: SshServer) -> None:
    told = world.commit(A, "image.tag=v2", "--ssh-key", str(sshd.key_file))
    assert told.status == 1
    assert "MERGEPORT_KNOWN_HOSTS_FILE" in told.err


def test_a_commit_is_signed_when_a_key_is_set(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
    monkeypatch.setenv("MERGEPORT_SIGNING_KEY_FILE", str(key))
    assert world.commit(A, "image.tag=v2").status == 0
    signers = tmp_path / "signers"
    signers.write_text(f"mergeport@localhost {key.with_suffix('.pub').read_text()}")
    done = world.repository.run("-c", f"gpg.ssh.allowedSignersFile={signers}", "verify-commit", "main")
    assert done.returncode == 0, done.stderr


# races


def during(gate: Gate, act: Callable[[], object]) -> threading.Thread:
    """Act while a request hangs at the gate, then let it go on."""

    def run() -> None:
        gate.wait_arrived()
        act()
        gate.release()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_an_edit_is_computed_again_on_what_was_pushed_meanwhile(world: World) -> None:
    gate = world.server.faults.hang(method="POST", path=PUSH)
    theirs = VALUES.replace("replicas: 2", "replicas: 9  # by hand")
    thread = during(gate, lambda: world.repository.commit_files("main", {A: theirs}, "A person was faster"))
    told = world.commit(A, "image.tag=v2", "--json")
    thread.join()
    assert told.status == 0, told.err
    assert (told.json["pushes"], world.count()) == (2, 3)
    assert world.text() == "# Values\nimage:\n  tag: v2  # ours\nreplicas: 9  # by hand\n"


def test_a_value_that_another_set_meanwhile_is_not_set_twice(world: World) -> None:
    gate = world.server.faults.hang(method="POST", path=PUSH)
    theirs = VALUES.replace("v1", "v2")
    thread = during(gate, lambda: world.repository.commit_files("main", {A: theirs}, "The same"))
    told = world.commit(A, "image.tag=v2")
    thread.join()
    assert (told.status, world.count()) == (0, 2)
    assert "nothing to change" in told.out


def test_a_push_whose_answer_was_lost_is_found_under_what_came_after(world: World) -> None:
    gate = Gate()
    world.server.faults.plant(Fault("POST", re.compile(PUSH), 1, gate=gate, after=True, cut=True))
    thread = during(gate, lambda: world.repository.commit_files("main", {B: VALUES + "more: 1\n"}, "On top"))
    told = world.commit(A, "image.tag=v2", "--json")
    thread.join()
    assert told.status == 0, told.err
    assert (told.json["pushes"], world.count()) == (1, 3)
    assert told.json["commit"] == world.repository.git("rev-parse", "main~1")


def test_a_push_whose_answer_was_lost_is_not_repeated_once_a_person_removed_it(world: World) -> None:
    gate, begin = Gate(), world.repository.tip("main")
    world.server.faults.plant(Fault("POST", re.compile(PUSH), 1, gate=gate, after=True, cut=True))

    def rewrite() -> None:
        orphan = world.repository.commit_tree(world.repository.git("rev-parse", f"{begin}^{{tree}}"), [], "Anew")
        world.repository.update_ref("refs/heads/main", orphan)

    thread = during(gate, rewrite)
    told = world.commit(A, "image.tag=v2")
    thread.join()
    assert told.status == 1
    assert "force-pushed meanwhile" in told.err
    assert (world.count(), world.text()) == (1, VALUES)


def test_a_server_that_fails_for_a_moment_is_asked_again(world: World) -> None:
    world.server.faults.answer("503 Service Unavailable", times=3)
    assert world.commit(A, "image.tag=v2").status == 0
    assert world.count() == 2


def test_a_refusal_that_stays_is_told_by_where_the_branch_is(world: World) -> None:
    world.server.install_hook(NAME, "pre-receive", "#!/bin/sh\necho 'fetch first, stale info'\nexit 1\n")
    told = world.commit(A, "image.tag=v2")
    assert (told.status, world.count()) == (1, 1)
    assert "main refuses the push, though nobody moved it" in told.err
    assert "--pull-request" in told.err


def test_many_at_once_all_come_through_each_with_one_commit(world: World, tmp_path: Path) -> None:
    count = 5
    keys = "".join(f"k{number}: old\n" for number in range(count))
    world.repository.commit_files("main", {A: keys}, "Keys")
    environment = read_environment(os.environ, world.url)
    ours = Actor("Mergeport", "mergeport@example.invalid")

    def write(number: int) -> None:
        manifests = open_values(world.url, environment, tmp_path / f"mirror-{number}")
        edits = ((A, (ValueEdit(f"k{number}", f"new{number}"),)),)
        wish = Wish(edits, create=False, message=write_message, author=ours, committer=ours, at=datetime.now(UTC))
        bring(manifests, "main", wish, lambda: Start(tip := tip_of(manifests, "main"), tip))

    with capture_logs(), ThreadPoolExecutor(count) as pool:
        list(pool.map(write, range(count)))
    assert world.text() == "".join(f"k{number}: new{number}\n" for number in range(count))
    assert world.count() == 2 + count


class _AlwaysMoved:
    """A repository whose branch somebody else moves before each push."""

    def __init__(self) -> None:
        self.moves = 0

    def fetch(self, branch: str) -> Sha | None:
        self.moves += 1
        return Sha(f"{self.moves:040x}")

    def read(self, commit: Sha, path: str) -> bytes:
        return VALUES.encode()

    def commit(
        self, parent: Sha, files: Mapping[str, bytes], message: str, *, author: Actor, committer: Actor, at: datetime
    ) -> Sha:
        return Sha("f" * 40)

    def push(self, branch: str, commit: Sha, *, expected: Sha | None) -> bool:
        return False

    def delete_branch(self, branch: str, *, expected: Sha) -> bool:
        return False

    def ancestors(self, tip: Sha, among: Collection[Sha]) -> frozenset[Sha]:
        return frozenset()

    def diff(self, commit: Sha) -> str:
        return ""


def test_who_never_wins_gives_up_in_words() -> None:
    moved, waits = _AlwaysMoved(), list[float]()
    ours = Actor("M", "m@example.invalid")
    wish = Wish(((A, (ValueEdit("image.tag", "v2"),)),), False, write_message, ours, ours, datetime.now(UTC))
    with pytest.raises(RetryableError, match="50 pushes lost"):
        bring(moved, "main", wish, lambda: Start(tip := tip_of(moved, "main"), tip), pause=waits.append)
    assert len(waits) == 49
    assert all(0 < wait <= 2 for wait in waits)

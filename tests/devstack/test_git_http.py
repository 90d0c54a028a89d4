"""The git server: passwords, pushes, hooks and faults, as a real git client meets them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack import git_refs
from devstack.bare import git_environment
from devstack.git_http import GitAccess, GitServer

Git = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    running = GitServer(tmp_path / "git")
    running.tokens["writer"] = GitAccess("writer")
    running.tokens["reader"] = GitAccess("reader", write=False)
    running.tokens["elsewhere"] = GitAccess("elsewhere", repositories=frozenset({"acme/other"}))
    running.create("acme/app").commit_files("main", {"a.txt": "one\n", "big.bin": bytes(200_000)}, "Begin")
    yield running
    running.stop()


@pytest.fixture
def clone(tmp_path: Path, server: GitServer) -> Path:
    target = tmp_path / "clone"
    _git(tmp_path, "clone", "-q", server.remote("acme/app", "writer"), str(target))
    return target


def _git(where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    identity = ("-c", "user.name=Ann", "-c", "user.email=ann@example.invalid")
    return subprocess.run(
        ["git", *identity, *arguments], cwd=where, env=git_environment(), capture_output=True, text=True, check=False
    )


def _commit(clone: Path, text: str = "two\n") -> str:
    (clone / "a.txt").write_text(text)
    _git(clone, "commit", "-qam", "Change")
    return _git(clone, "rev-parse", "HEAD").stdout.strip()


def test_push_with_a_writing_token_moves_the_branch_and_is_logged(server: GitServer, clone: Path) -> None:
    before = server.open("acme/app").tip("main")
    new = _commit(clone)
    assert _git(clone, "push", "-q").returncode == 0
    assert server.open("acme/app").tip("main") == new
    (push,) = server.pushes("acme/app")
    assert (push.user, [(one.ref, one.old, one.new) for one in push.updates]) == (
        "writer",
        [("refs/heads/main", before, new)],
    )


@pytest.mark.parametrize(
    ("token", "said"), [("reader", "403"), ("nobody", "Authentication failed"), ("elsewhere", "not found")]
)
def test_push_is_refused(server: GitServer, clone: Path, token: str, said: str) -> None:
    before = server.open("acme/app").tip("main")
    _commit(clone)
    done = _git(clone, "push", "-q", server.remote("acme/app", token), "main")
    assert done.returncode != 0
    assert said in done.stderr
    assert server.open("acme/app").tip("main") == before


def test_partial_clone_leaves_big_blobs_behind(server: GitServer, tmp_path: Path) -> None:
    options = ("--bare", "--depth=1", "--filter=blob:limit=1k")
    assert _git(tmp_path, "clone", "-q", *options, server.remote("acme/app", "reader"), "part").returncode == 0
    missing = _git(tmp_path / "part", "rev-list", "--objects", "--missing=print", "HEAD").stdout
    assert missing.count("\n?") == 1


def test_large_push_comes_in_chunks(server: GitServer, clone: Path) -> None:
    new = _commit(clone, "".join(f"line {number} {number * 7919}\n" for number in range(200_000)))
    assert _git(clone, "-c", "http.postBuffer=65536", "push", "-q").returncode == 0
    assert server.open("acme/app").tip("main") == new


def test_compressed_request_is_understood(server: GitServer, tmp_path: Path) -> None:
    bare = server.open("acme/app")
    commits = [bare.commit_files(f"b{number}", {"a.txt": f"{number}\n"}, start="main") for number in range(40)]
    assert _git(tmp_path, "clone", "-q", server.remote("acme/app", "reader"), "all").returncode == 0
    assert _git(tmp_path / "all", "rev-parse", "origin/b39").stdout.strip() == commits[39]
    compressed = [seen for seen in server.faults.log if seen.headers.get("content-encoding") == "gzip"]
    assert len(compressed) == 1


def test_commit_is_fetched_by_its_sha_alone(server: GitServer, tmp_path: Path) -> None:
    bare = server.open("acme/app")
    lost = bare.commit_files("gone", {"a.txt": "lost\n"}, start="main")
    bare.delete_ref("refs/heads/gone")
    _git(tmp_path, "init", "-q", "empty")
    fetched = _git(tmp_path / "empty", "fetch", "-q", "--depth=1", server.remote("acme/app", "reader"), lost)
    assert fetched.returncode == 0
    assert _git(tmp_path / "empty", "show", "FETCH_HEAD:a.txt").stdout == "lost\n"


def test_rejecting_hook_keeps_the_branch(server: GitServer, clone: Path) -> None:
    server.install_hook("acme/app", "pre-receive", "#!/bin/sh\necho frozen until monday >&2\nexit 1\n")
    before = server.open("acme/app").tip("main")
    _commit(clone)
    done = _git(clone, "push", "-q")
    assert "frozen until monday" in done.stderr
    assert server.open("acme/app").tip("main") == before
    assert server.pushes() == []
    assert len(server.push_attempts()) == 1


def test_cut_push_has_happened_although_the_client_failed(server: GitServer, clone: Path) -> None:
    server.faults.cut(method="POST", path="git-receive-pack")
    new = _commit(clone)
    assert _git(clone, "push", "-q").returncode != 0
    assert server.open("acme/app").tip("main") == new


def test_answered_fault_is_used_once(server: GitServer, clone: Path) -> None:
    server.faults.answer("500 Internal Server Error", path="info/refs")
    assert _git(clone, "fetch", "-q").returncode != 0
    assert _git(clone, "fetch", "-q").returncode == 0


def test_hanging_push_waits_for_the_gate(server: GitServer, clone: Path) -> None:
    gate = server.faults.hang(method="POST", path="git-receive-pack")
    before = server.open("acme/app").tip("main")
    new = _commit(clone)
    with subprocess.Popen(["git", "push", "-q"], cwd=clone, env=git_environment()) as process:
        gate.wait_arrived()
        assert server.open("acme/app").tip("main") == before
        gate.release()
        assert process.wait(10) == 0
    assert server.open("acme/app").tip("main") == new


def test_commit_behind_the_back_keeps_modes_and_deletes(server: GitServer) -> None:
    bare = server.open("acme/app")
    bare.commit_files("main", {"a.txt": None, 'odd "name".txt': "x"}, "Delete\n\nand explain")
    assert bare.files("main") == ["big.bin", 'odd "name".txt']
    assert bare.commit("main").message == "Delete\n\nand explain"


def test_name_of_a_repository_cannot_leave_the_directory(server: GitServer) -> None:
    for name in ("../etc", "acme/../x", "acme/.git", "acme"):
        with pytest.raises(KeyError):
            server.path(name)


def test_fetch_is_told_what_the_repositorys_configuration_allows_now(tmp_path: Path, server: GitServer) -> None:
    """The first answer is remembered for one configuration; for another one git is asked again."""
    partial = ("clone", "--filter=blob:none", server.remote("acme/app", "reader"))
    assert "filtering not recognized" not in _git(tmp_path, *partial, "one").stderr
    server.open("acme/app").git("config", "uploadpack.allowFilter", "false")
    assert "filtering not recognized" in _git(tmp_path, *partial, "other").stderr


@pytest.mark.parametrize(
    "asked",
    [
        ("peel", "symrefs", "unborn"),
        ("ref-prefix refs/heads/main", "ref-prefix refs/tags/"),
        ("peel", "ref-prefix refs/tags/v1"),
        ("symrefs", "unborn", "ref-prefix HEAD"),
        ("ref-prefix refs/nowhere/",),
    ],
)
@pytest.mark.parametrize("head", ["main", "unborn"])
def test_refs_are_told_as_git_tells_them(server: GitServer, head: str, asked: tuple[str, ...]) -> None:
    repository = server.open("acme/app")
    repository.git(
        "-c", "user.name=Ann", "-c", "user.email=ann@example.invalid", "tag", "-a", "v1", "-m", "One", "main"
    )
    repository.git("tag", "light", "main")
    repository.git("symbolic-ref", "HEAD", f"refs/heads/{head}")
    lines = [f"{line}\n".encode() for line in asked]
    question = b"".join(
        [b"0014command=ls-refs\n", b"0001", *(b"%04x%s" % (len(one) + 4, one) for one in lines), b"0000"]
    )
    told = repository.run("upload-pack", "--stateless-rpc", ".", data=question, env={"GIT_PROTOCOL": "version=2"})
    assert git_refs.is_question(question)
    assert git_refs.answer(repository.path, question) == told.stdout

"""`mergeport values commit` against a real git server: what is on the branch afterwards, and what is said."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from service.bootstrap_values import read_environment
from tests.cli.committing import FORBIDDEN, TOKEN, VALUES, A, B, World, call, world
from tests.fixtures.tools import SshServer

__all__ = ["call", "world"]

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
    assert told.out == f"nothing to change: main has these values already ({world.repository.tip('main')[:12]})\n"
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


@pytest.mark.parametrize("file", ["mergeport.yaml", "./Mergeport.yaml", ".github/values.yaml"])
def test_a_file_of_configuration_is_refused_before_its_keys_are_looked_for(world: World, file: str) -> None:
    world.repository.commit_files("main", {file.removeprefix("./"): "b: 1\n"}, "Configure")
    told = world.commit(file, "a=b")
    assert told.status == 1
    assert "is not a values file: it is the" in told.err
    assert "hint: name a values file, or change this one by hand" in told.err
    assert "create" not in told.err


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
    """A git of ours on PATH writes down its arguments and then becomes the real one."""
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
    assert "hint: check the token in MERGEPORT_GIT_TOKEN" in told.err
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


# files that are missing


def test_a_missing_file_is_made_with_its_folders_only_when_asked(world: World) -> None:
    told = world.commit("apps/new/deep/values.yaml", "image.tag=v2", "--create")
    assert (told.status, world.count()) == (1, 1)
    assert "There is no file apps/new/deep/values.yaml: there is no folder apps/new." in told.err
    assert "--create-file" in told.err
    assert "mergeport.yaml" not in told.err
    told = world.commit("apps/new/deep/values.yaml", "image.tag=v2", "--create-file")
    assert told.status == 0, told.err
    assert world.text("apps/new/deep/values.yaml") == "image:\n  tag: v2\n"
    assert world.text(A) == VALUES
    assert world.commit("apps/new/deep/values.yaml", "image.tag=v2", "--create-file").out.startswith("nothing to")


@pytest.mark.parametrize("file", ["apps", f"{A}/values.yaml", "mergeport.yaml", ".github/workflows/new.yaml", "../x"])
@pytest.mark.parametrize("option", ["--create-file", "--dry-run", "--diff"])
def test_what_may_not_be_written_is_neither_made_nor_promised(world: World, file: str, option: str) -> None:
    world.repository.commit_files("main", {"mergeport.yaml": VALUES}, "Configure")
    before = world.repository.tip("main")
    told = world.commit(file, "image.tag=v2", "--create-file", option)
    assert (told.status, world.repository.tip("main")) == (1, before), told.out
    assert world.server.push_attempts() == []


@pytest.mark.parametrize("file", ["apps", f"{A}/values.yaml"])
@pytest.mark.parametrize("option", [[], ["--create-file"]])
def test_what_can_be_no_file_is_told_without_a_way_that_does_not_lead_on(
    world: World, file: str, option: list[str]
) -> None:
    told = world.commit(file, "image.tag=v2", *option)
    assert told.err.endswith("hint: name a file, or a new file in an existing folder\n")


def test_a_dry_run_shows_the_file_that_would_be_made(world: World) -> None:
    told = world.commit("apps/new/values.yaml", "image.tag=v2", "--create-file", "--diff")
    assert told.status == 0, told.err
    assert "new file mode 100644\n--- /dev/null\n+++ b/apps/new/values.yaml\n" in told.out
    assert world.count() == 1


def test_documents_blocks_and_plain_items_are_set_on_a_branch(world: World) -> None:
    manifests = (
        "kind: Deployment\nspec: {image: r/web:1}\n---\nkind: X\nvalues: |\n  image:\n    tag: v1\nimages: [r/web:1]\n"
    )
    world.repository.commit_files("main", {A: manifests}, "Manifests")
    words = ["[kind=Deployment].spec.image=r/web:2", "[1].values.image.tag=v2", "[kind=X].images[image=r/web]=r/web:2"]
    told = world.commit(A, *words)
    assert told.status == 0, told.err
    wanted = manifests.replace("image: r/web:1", 'image: "r/web:2"').replace("v1", "v2")
    assert world.text(A) == wanted.replace("[r/web:1]", '["r/web:2"]')
    assert f"{A}:7: [1].values.image.tag v1 -> v2" in told.out

"""Commits that are signed by an SSH key: git verifies them, they stay repeatable, and a bad key is reported as such."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from service.adapters.manifests.git import GitManifestRepositories
from service.errors import PermanentError
from tests.adapters.git.served import AT, NAME, WRITER, Served

FILES = {"apps/a/values.yaml": b"tag: signed\n"}


def make_key(directory: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    file = directory / f"key-{kind}"
    argv = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "tests", "-f", str(file)]
    subprocess.run(argv, check=True, timeout=30)
    return file


def signing(served: Served, key: Path, mirrors: str = "mirrors") -> GitManifestRepositories:
    return GitManifestRepositories(
        served.directory / mirrors, served.url, served.credentials, signing_key=key, timeout=20
    )


def commit_with(served: Served, key: Path, mirrors: str = "mirrors") -> str:
    manifests = signing(served, key, mirrors).open(NAME)
    tip = manifests.fetch("main")
    assert tip is not None
    commit = manifests.commit(tip, FILES, "Change\n", author=WRITER, committer=WRITER, at=AT)
    assert manifests.push(f"signed-{mirrors}", commit, expected=None)
    return commit


def verify(served: Served, commit: str, allowed: str) -> subprocess.CompletedProcess[bytes]:
    signers = served.directory / "allowed_signers"
    signers.write_text(allowed)
    return served.repository.run("-c", f"gpg.ssh.allowedSignersFile={signers}", "verify-commit", commit)


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_git_verifies_the_commit_by_the_public_key(served: Served, kind: str) -> None:
    key = make_key(served.directory, kind)
    commit = commit_with(served, key)
    public = key.with_suffix(".pub").read_text()
    done = verify(served, commit, f'{WRITER.email} namespaces="git" {public}')
    assert done.returncode == 0, done.stderr
    assert f'Good "git" signature for {WRITER.email}'.encode() in done.stderr


def test_git_does_not_verify_it_by_another_key(served: Served, tmp_path: Path) -> None:
    commit = commit_with(served, make_key(served.directory))
    (tmp_path / "other").mkdir()
    public = make_key(tmp_path / "other").with_suffix(".pub").read_text()
    assert verify(served, commit, f"{WRITER.email} {public}").returncode != 0


def test_the_same_arguments_give_the_same_signed_commit_in_any_mirror(served: Served) -> None:
    key = make_key(served.directory)
    assert commit_with(served, key, "one") == commit_with(served, key, "other")


def test_without_a_key_nothing_is_signed(served: Served) -> None:
    manifests = served.manifests()
    tip = manifests.fetch("main")
    assert tip is not None
    commit = served.write(manifests, tip, "apps/a/values.yaml", b"tag: unsigned\n")
    assert manifests.push("unsigned", commit, expected=None)
    assert b"gpgsig" not in served.repository.git_bytes("cat-file", "commit", commit)


@pytest.mark.parametrize(
    ("kind", "passphrase", "words"),
    [
        ("ecdsa", "", "a different signature"),
        ("ed25519", "long-passphrase", "passphrase"),
    ],
)
def test_a_key_that_is_not_fit_is_refused_with_the_reason(
    served: Served, kind: str, passphrase: str, words: str
) -> None:
    with pytest.raises(PermanentError) as caught:
        commit_with(served, make_key(served.directory, kind, passphrase))
    assert caught.value.code == "signing-key-unusable"
    assert words in str(caught.value)


def test_a_key_that_others_may_read_is_refused(served: Served) -> None:
    key = make_key(served.directory)
    key.chmod(0o644)
    with pytest.raises(PermanentError, match="NOT accessible by others"):
        commit_with(served, key)


def test_a_key_that_goes_away_is_the_keys_fault_and_the_mirror_stays(served: Served) -> None:
    key = make_key(served.directory)
    manifests = signing(served, key).open(NAME)
    tip = manifests.fetch("main")
    assert tip is not None
    manifests.commit(tip, FILES, "Change\n", author=WRITER, committer=WRITER, at=AT)
    made = (served.mirror() / "config").stat().st_ino
    key.unlink()
    key.with_suffix(".pub").unlink()
    with pytest.raises(PermanentError) as caught:
        manifests.commit(tip, FILES, "Another\n", author=WRITER, committer=WRITER, at=AT)
    assert caught.value.code == "signing-key-unusable"
    assert (served.mirror() / "config").stat().st_ino == made


def test_a_key_in_a_place_with_a_space_signs(served: Served) -> None:
    place = served.directory / "a place"
    place.mkdir()
    key = make_key(place)
    commit = commit_with(served, key)
    assert verify(served, commit, f"{WRITER.email} {key.with_suffix('.pub').read_text()}").returncode == 0

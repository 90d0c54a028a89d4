"""SSH as git's transport, on a real server: one key, pinned host keys, and nobody else's configuration."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from devstack.bare import BareRepository
from service.adapters.git.remote import Remote
from service.adapters.git.ssh import SshLogin, split_scp
from service.adapters.manifests.git import GitManifestRepositories, GitManifests
from service.core.words import Repository, Sha
from service.errors import DoubtfulError, MergeportError, PermanentError, RetryableError
from service.ports import Credentials
from tests.adapters.git.served import AT, WRITER
from tests.fixtures.processes import free_port
from tests.fixtures.tools import SshServer

NAME = Repository("acme/manifests")


@pytest.fixture
def repository(tmp_path: Path) -> BareRepository:
    made = BareRepository.create(tmp_path / "served" / "manifests.git")
    made.commit_files("main", {"apps/a/values.yaml": "tag: one\n", "apps/b/values.yaml": "tag: two\n"}, "Begin")
    return made


@pytest.fixture
def login(sshd: SshServer) -> SshLogin:
    return SshLogin(sshd.key_file, sshd.known_hosts)


def open_at(directory: Path, url: str, login: SshLogin | None) -> GitManifests:
    def nobody(repository: Repository, *, write: bool = False) -> Credentials | None:
        return None

    found = GitManifestRepositories(directory / "mirrors", lambda _: url, nobody, ssh_login=login, timeout=20)
    return found.open(NAME)


def failure(directory: Path, url: str, login: SshLogin | None) -> MergeportError:
    with pytest.raises(MergeportError) as caught:
        open_at(directory, url, login).fetch("main")
    return caught.value


def write(manifests: GitManifests, tip: Sha, text: bytes = b"tag: three\n") -> Sha:
    files = {"apps/a/values.yaml": text}
    return manifests.commit(tip, files, "Change\n", author=WRITER, committer=WRITER, at=AT)


def test_a_branch_is_read_and_written(
    sshd: SshServer, login: SshLogin, repository: BareRepository, tmp_path: Path
) -> None:
    manifests = open_at(tmp_path, sshd.url(repository.path), login)
    tip = manifests.fetch("main")
    assert tip == repository.tip("main")
    assert manifests.read(Sha(tip), "apps/b/values.yaml") == b"tag: two\n"
    commit = write(manifests, Sha(tip))
    assert manifests.push("main", commit, expected=Sha(tip))
    assert repository.text("main", "apps/a/values.yaml") == "tag: three\n"


def test_a_push_is_compare_and_swap(
    sshd: SshServer, login: SshLogin, repository: BareRepository, tmp_path: Path
) -> None:
    manifests = open_at(tmp_path, sshd.url(repository.path), login)
    tip = manifests.fetch("main")
    assert tip is not None
    commit = write(manifests, tip)
    persons = repository.commit_files("main", {"README": "mine\n"}, "A person was faster")
    assert not manifests.push("main", commit, expected=tip)
    assert repository.tip("main") == persons


def test_a_large_file_that_a_partial_mirror_left_out_is_fetched_when_read(
    sshd: SshServer, login: SshLogin, repository: BareRepository, tmp_path: Path
) -> None:
    repository.commit_files("main", {"large.yaml": "x: " + "y" * 2_000_000 + "\n"}, "Large")
    manifests = open_at(tmp_path, sshd.url(repository.path), login)
    tip = manifests.fetch("main")
    assert tip is not None
    assert len(manifests.read(tip, "large.yaml")) == 2_000_004


def test_an_address_as_github_shows_it_goes_to_ssh(sshd: SshServer, login: SshLogin, tmp_path: Path) -> None:
    """It has no port, and nobody here may listen on 22, so the test only sees that ssh was asked to go there."""
    error = failure(tmp_path, "git@127.0.0.1:acme/manifests.git", login)
    assert error.code in {"git-unreachable", "git-host-key-refused"}
    assert "127.0.0.1:acme/manifests.git" in str(error)


def test_a_host_whose_key_is_not_pinned_is_never_talked_to(
    sshd: SshServer, login: SshLogin, repository: BareRepository, tmp_path: Path
) -> None:
    empty = tmp_path / "known"
    empty.write_text("")
    error = failure(tmp_path, sshd.url(repository.path), replace(login, known_hosts=empty))
    assert (type(error), error.code) == (PermanentError, "git-host-key-refused")
    assert empty.read_text() == ""


def test_a_host_with_another_key_than_the_pinned_one_is_never_talked_to(
    sshd: SshServer, login: SshLogin, repository: BareRepository, tmp_path: Path
) -> None:
    other = tmp_path / "known"
    host = sshd.known_hosts.read_text().split()[0]
    public = make_key(tmp_path / "other").with_suffix(".pub").read_text()
    other.write_text(f"{host} {public}")
    error = failure(tmp_path, sshd.url(repository.path), replace(login, known_hosts=other))
    assert (type(error), error.code) == (PermanentError, "git-host-key-refused")


def make_key(file: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True, timeout=30)
    return file


def test_a_key_that_the_server_does_not_know_is_believed_when_it_lasts(
    sshd: SshServer, login: SshLogin, repository: BareRepository, tmp_path: Path
) -> None:
    error = failure(tmp_path, sshd.url(repository.path), replace(login, key_file=make_key(tmp_path / "stranger")))
    assert (type(error), error.code) == (DoubtfulError, "git-unauthorized")


def test_an_agent_and_the_users_own_configuration_are_not_asked(
    sshd: SshServer, login: SshLogin, repository: BareRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent has the right key and ours is a wrong one: the server must see only the wrong one."""
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", f"{tmp_path}/a"], stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", f"{tmp_path}/a")
        while not (tmp_path / "a").exists():
            assert agent.poll() is None
        subprocess.run(["ssh-add", "-q", str(sshd.key_file)], check=True, timeout=10)
        error = failure(tmp_path, sshd.url(repository.path), replace(login, key_file=make_key(tmp_path / "stranger")))
    finally:
        agent.terminate()
        agent.wait()
    assert error.code == "git-unauthorized"


def test_a_server_that_is_away_is_tried_again(login: SshLogin, tmp_path: Path) -> None:
    error = failure(tmp_path, f"ssh://git@127.0.0.1:{free_port()}/a.git", login)
    assert (type(error), error.code) == (RetryableError, "git-unreachable")


def test_a_repository_that_is_not_there_is_told_in_gits_words(sshd: SshServer, login: SshLogin, tmp_path: Path) -> None:
    error = failure(tmp_path, sshd.url(tmp_path / "nowhere.git"), login)
    assert error.code == "git-failed"
    assert "does not appear to be a git repository" in str(error)
    assert "correct access rights" not in str(error)


def test_without_a_login_nobody_elses_is_used(sshd: SshServer, repository: BareRepository, tmp_path: Path) -> None:
    assert failure(tmp_path, sshd.url(repository.path), None).code == "git-ssh-key-missing"


def test_files_in_a_place_with_awkward_characters_are_used(
    sshd: SshServer, repository: BareRepository, tmp_path: Path
) -> None:
    place = tmp_path / "a place; $(touch x)'s".replace("$", "")
    place.mkdir()
    for file in (sshd.key_file, sshd.known_hosts):
        shutil.copy2(file, place)
    login = SshLogin(place / sshd.key_file.name, place / sshd.known_hosts.name)
    assert open_at(tmp_path, sshd.url(repository.path), login).fetch("main") == repository.tip("main")


@pytest.mark.parametrize("name", ["per%cent", "dol$lar", 'quo"te', "back\\slash", "line\nend"])
def test_files_whose_names_ssh_would_read_differently_are_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text("")
    with pytest.raises(PermanentError) as caught:
        SshLogin(file, file)
    assert caught.value.code == "git-ssh-file-invalid"


@pytest.mark.parametrize(
    "url",
    [
        *("ssh://-oProxyCommand=x/a", "git@-oProxyCommand=x:a", "-oX@h:a", "git@h:-a", "git@h::a", "ext::sh -c x"),
        *("git@h:a b", "git@h:a\nb", "h:a", "git@h:", "git@h:a#b", "ssh://h/a\n[x]"),
    ],
)
def test_addresses_that_could_mean_something_else_are_refused(url: str) -> None:
    with pytest.raises(PermanentError) as caught:
        Remote(url)
    assert caught.value.code == "git-url-refused"


def test_a_github_address_is_split() -> None:
    assert split_scp("git@github.com:acme/manifests.git") == ("github.com", "acme/manifests.git")

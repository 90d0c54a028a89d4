"""A real git server with one repository, and manifest repositories that reach it: fixtures of several test modules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devstack.bare import BareRepository
from devstack.git_http import GitAccess, GitServer
from service.adapters.git.remote import Remote
from service.adapters.manifests.git import GitManifestRepositories, GitManifests
from service.core.words import Actor, Repository, Sha
from service.ports import Credentials

NAME = Repository("acme/manifests")
TOKEN = "token-s3cret"
READER = "token-reader"
WRITER = Actor("Mergeport", "mergeport@example.invalid")
AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@dataclass
class Served:
    """The server, its repository, and what a client of it needs. Reading and writing have tokens of their own."""

    server: GitServer
    repository: BareRepository
    directory: Path
    token: str = TOKEN
    read_token: str = READER

    def url(self, repository: str = NAME) -> str:
        return self.server.remote(repository)

    def credentials(self, repository: Repository, *, write: bool = False) -> Credentials:
        assert repository == NAME or not write
        return Credentials("x-access-token", self.token if write else self.read_token)

    def remote(self, repository: str = NAME) -> Remote:
        return Remote(self.url(repository), Credentials("x-access-token", self.token))

    def repositories(self, mirrors: str = "mirrors", *, timeout: float = 20) -> GitManifestRepositories:
        return GitManifestRepositories(self.directory / mirrors, self.url, self.credentials, timeout=timeout)

    def manifests(self, mirrors: str = "mirrors", *, timeout: float = 20) -> GitManifests:
        return self.repositories(mirrors, timeout=timeout).open(NAME)

    def mirror(self, mirrors: str = "mirrors") -> Path:
        return self.directory / mirrors / f"{NAME}.git"

    def write(self, manifests: GitManifests, parent: Sha, path: str, content: bytes, message: str = "Change") -> Sha:
        return manifests.commit(parent, {path: content}, message, author=WRITER, committer=WRITER, at=AT)

    def history(self, length: int, path: str = "n") -> list[Sha]:
        """Make so many commits on `main`; the n-th writes its number into the file."""
        start = [f"reset refs/heads/main\nfrom {self.repository.tip('main')}\n"]
        commits = [
            f"commit refs/heads/main\nmark :{n + 1}\ncommitter P <p@example.invalid> {n} +0000\ndata 4\nmore\n"
            f"M 100644 inline {path}\ndata {len(f'{n}') + 1}\n{n}\n\nget-mark :{n + 1}\n"
            for n in range(length)
        ]
        stream = "".join([*start, *commits]).encode()
        return [Sha(sha) for sha in self.repository.git("fast-import", "--quiet", data=stream).split()]

    def downloads(self) -> list[str]:
        """Name the requests that bring objects; a request for refs alone is shorter than any of them."""
        return [seen.path for seen in self.server.log if seen.service == "git-upload-pack" and seen.length > 250]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Serve acme/manifests with a few files on `main`."""
    server = GitServer(tmp_path / "served")
    server.tokens[TOKEN] = GitAccess("writer")
    server.tokens[READER] = GitAccess("reader", write=False)
    repository = server.create(NAME)
    repository.commit_files("main", {"apps/a/values.yaml": "tag: one\n", "apps/b/values.yaml": "tag: two\n"}, "Begin")
    yield Served(server, repository, tmp_path)
    server.stop()

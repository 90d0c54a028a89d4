"""The world of a race on loopback: git over HTTP, a GitHub, a registry, a proxy in front of git, all repositories.

The simulation acts in it; nothing here races. Everything ends with `stop`.
"""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devstack.bare import BareRepository, git_environment
from devstack.git_backend import RefUpdate
from devstack.git_http import GitServer
from devstack.github import payloads
from devstack.github.server import GitHub
from devstack.proxy import FaultProxy
from devstack.stack import GITHUB_TOKEN, WEBHOOK_SECRET
from tests.race.history import moves_of, record_moves
from tests.race.plan import BRANCHES, MANIFESTS, PRODUCTION, Plan, configuration, files_of, source_of
from tests.race.records import BRANCH, Journal, Moved
from tests.race.registry import Registry


class World:
    """Everything outside Mergeport. `lines` has the commits of each source branch, oldest first."""

    def __init__(self, plan: Plan, directory: Path) -> None:
        self.plan = plan
        self.directory = directory
        self.journal = Journal(directory / "records")
        self.git = GitServer(directory / "git")
        self.github = GitHub(self.git)
        self.github.add_token(GITHUB_TOKEN)
        self.registry = Registry()
        host, _, port = self.git.url.removeprefix("http://").partition(":")
        self.proxy = FaultProxy((host, int(port)))
        self.lines = {
            (source, environment): line
            for source in range(plan.sources)
            for environment, line in self._source(source).items()
        }
        self.manifests = {name: self._manifests(name) for name in (MANIFESTS, PRODUCTION)}
        self._payloads: dict[int, dict[str, Any]] = {}

    def settings(self) -> dict[str, str]:
        """Give Mergeport's settings in this world; it reaches git through the proxy."""
        return {
            "MERGEPORT_GITHUB_API_URL": self.github.api_url,
            "MERGEPORT_GITHUB_GIT_URL": self.proxy.url,
            "MERGEPORT_GITHUB_TOKEN": GITHUB_TOKEN,
            "MERGEPORT_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "MERGEPORT_INSECURE_REGISTRIES": self.registry.host,
            "MERGEPORT_CONFIGURATION_REPOSITORY": MANIFESTS,
            "MERGEPORT_BUILDER": "none",
            "MERGEPORT_WATCH_INTERVAL": "1",
        }

    def repositories(self) -> dict[str, Path]:
        """Give where the manifest repositories are."""
        return {name: bare.path for name, bare in self.manifests.items()}

    def moves(self) -> dict[str, int]:
        """Count the moves of each manifest repository's branch until now."""
        return {name: moves_of(bare) for name, bare in self.manifests.items()}

    def push_source(self, source: int, environment: str, position: int) -> bytes:
        """Move a source branch on by one commit, as a merge does; give the webhook's body."""
        branch, line = BRANCHES[environment], self.lines[source, environment]
        repository = self.github.repository(source_of(source))
        before, after = line[position - 1], line[position]
        repository.bare.update_ref(f"refs/heads/{branch}", after)
        if source not in self._payloads:
            update = RefUpdate(f"refs/heads/{branch}", before, after)
            self._payloads[source] = payloads.push(
                self.github.state, repository, update, self.github.state.user("alice")
            )
        body = copy.deepcopy(self._payloads[source])
        body |= {"ref": f"refs/heads/{branch}", "before": before, "after": after}
        for one in (*body["commits"], body["head_commit"]):
            one.update(id=after, message=f"Change {position}")
        return json.dumps(body).encode()

    def stop(self) -> None:
        """End all servers."""
        self.proxy.stop()
        self.registry.stop()
        self.github.stop()
        self.git.stop()
        self.journal.close()

    def _source(self, source: int) -> Mapping[str, list[str]]:
        """Make a source repository with a line of commits for each branch; each branch begins at the first one."""
        repository = self.github.create_repository(
            source_of(source), {"app.py": "print(0)\n"}, branches=BRANCHES.values()
        )
        first = repository.bare.tip("main")
        chunks: list[str] = []
        for environment in BRANCHES:
            for number in range(1, self.plan.line_length()):
                mark = len(chunks) + 1
                message, code = f"Change {number}", f"print('{environment} {number}')\n"
                parent = f"from {first}\n" if number == 1 else ""
                chunks.append(
                    f"commit refs/plan/{environment}\nmark :{mark}\n"
                    f"committer Alice <alice@example.invalid> {1_700_000_000 + number} +0000\n"
                    f"data {len(message)}\n{message}\n{parent}M 644 inline app.py\ndata {len(code)}\n{code}\n"
                )
        repository.bare.git("fast-import", "--quiet", data="".join(chunks).encode())
        return {
            environment: [
                first,
                *repository.bare.git("rev-list", "--reverse", f"{first}..refs/plan/{environment}").splitlines(),
            ]
            for environment in BRANCHES
        }

    def _manifests(self, name: str) -> BareRepository:
        """Make a manifest repository whose moves are recorded; its first commit is a person's."""
        files: dict[str, bytes | str] = {**files_of(name, self.plan), "README.md": "Manifests.\n"}
        if name == MANIFESTS:
            files["mergeport.yaml"] = configuration(self.plan, self.registry.host)
        bare = self.github.create_repository(name).bare
        record_moves(bare)
        tip = bare.commit_files(BRANCH, files, "Begin")
        self.journal.add(Moved(name, "0" * 40, tip, "the first commit", commit=tip))
        return bare


def commit_file(
    bare: BareRepository, parent: str, files: Mapping[str, bytes], message: str, *, draft: str = "draft"
) -> str:
    """Make a person's commit on top of a commit, or on nothing, on no branch, undisturbed by others."""
    onto = f"from {parent}\n" if parent else ""
    stream = [
        f"commit refs/people/{draft}\nmark :1\ncommitter Ada <ada@example.invalid> 1700000000 +0000\n"
        f"data {len(message.encode())}\n{message}\n{onto}".encode()
    ]
    for path, content in files.items():
        stream.append(f'M 644 inline "{path}"\ndata {len(content)}\n'.encode() + content + b"\n")
    stream.append(b"\nget-mark :1\n")
    done = subprocess.run(
        ["git", "fast-import", "--quiet", "--force", "--cat-blob-fd=1"],
        cwd=bare.path,
        env=git_environment(GIT_DIR=str(bare.path)),
        input=b"".join(stream),
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().split()[-1]

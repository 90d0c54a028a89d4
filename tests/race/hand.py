"""A manifest repository made by hand, commit by commit, as Mergeport and people would make it: for the checker's tests.

Every part of a commit of ours can be given wrong.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from copy import copy
from pathlib import Path

from devstack.bare import NOBODY, ZERO, BareRepository, Person
from tests.race.closings import STATE_BRANCH, STATE_FILE
from tests.race.commit_check import COMMITTER
from tests.race.history import moves_of, record_moves
from tests.race.records import BRANCH, Accepted, Acted, Ended, Evidence, Moved, Stopped

NAME = "acme/manifests"
MERGEPORT = Person(COMMITTER.split(" <")[0], COMMITTER.split("<")[1][:-1])
VALUES = """\
# keep me
image:
  repository: registry.invalid/{application}
  tag: "begin"  # ours
  digest: 'none'
sidecar: {{image: {{tag: v1, digest: none}}}}
replicas: 2
"""


class Hand:
    """One repository, its accepted edits, what people did, and how the runs ended."""

    def __init__(self, directory: Path) -> None:
        self.bare = BareRepository.create(directory / "manifests.git", BRANCH)
        record_moves(self.bare)
        self.accepted: list[Accepted] = []
        self.moved: list[Moved] = []
        self.ended: list[Ended] = []
        self.acted: list[Acted] = []
        self.stopped: list[Stopped] = []
        self.people = 0
        self.first = 0
        files = {
            file_of(application, environment): VALUES.format(application=application)
            for application in ("checkout", "search")
            for environment in ("dev", "prod")
        }
        self.person(files)

    def copy(self, directory: Path) -> Hand:
        """Give another like it, in another directory."""
        other = copy(self)
        path = directory / self.bare.path.name
        shutil.copytree(self.bare.path, path)
        other.bare = BareRepository(path)
        other.accepted, other.moved, other.ended = list(self.accepted), list(self.moved), list(self.ended)
        other.acted, other.stopped = list(self.acted), list(self.stopped)
        return other

    @property
    def tip(self) -> str:
        """Where the branch is."""
        return self.bare.branches().get(BRANCH, ZERO)

    def evidence(self) -> Evidence:
        """Give all of it to the checker."""
        return Evidence({NAME: self.bare.path}, self.accepted, self.moved, self.ended, self.acted, self.stopped)

    def accept(
        self, position: int, application: str = "checkout", environment: str = "dev", *, upstream: str = ""
    ) -> Accepted:
        """Accept an edit, whose run succeeds unless `end` says otherwise. Positions count from `first`."""
        position += self.first
        commit = f"{position:040x}"[::-1]
        digest = f"sha256:{position:064x}"
        edit = Accepted(
            number=len(self.accepted),
            position=position,
            application=application,
            environment=environment,
            source="acme/source",
            commit=commit,
            repository=NAME,
            image=f"registry.invalid/{application}:{commit[:12]}@{digest}",
            files={file_of(application, environment): {"image.tag": commit[:12], "image.digest": digest}},
            upstream=upstream,
        )
        self.accepted.append(edit)
        self.end(edit, "succeeded")
        return edit

    def act(
        self, verb: str, application: str = "checkout", environment: str = "dev", value: str = "", *,
        done: bool = True, by_hand: bool = False, asked: int | None = None,
    ) -> Acted:  # fmt: skip
        """Let a person ask for an action, which returns at once; `asked` may have been some moves ago."""
        now = moves_of(self.bare)
        at = now if asked is None else asked
        act = Acted(NAME, verb, environment, application, value, at, now, done, by_hand)
        self.acted.append(act)
        if verb in {"hold", "rollback"} and done:
            self.say_state(f"Hold {application}", f"{verb}-{len(self.acted)}", application, environment)
        return act

    def say_state(self, subject: str, action: str, application: str = "", environment: str = "") -> None:
        """Commit to the state's branch."""
        said = {"Mergeport-Action": action, "Mergeport-Application": application, "Mergeport-Environment": environment}
        block = "".join(f"{key}: {value}\n" for key, value in said.items() if value)
        files: dict[str, bytes | str | None] = {STATE_FILE: f"# {action} {subject}\n"}
        self.bare.commit_files(STATE_BRANCH, files, f"{subject}\n\n{block}", author=MERGEPORT)

    def roll_back(self, edit: Accepted, **more: str) -> str:
        """Commit as a rollback does: a run of its own writes an edit that was there before."""
        said = {
            "Mergeport-Run": f"BACK{edit.position - self.first}", "Mergeport-Rollback": "9" * 40,
            "Mergeport-Actor": "ann", "Mergeport-Reason": "it fails", **more,
        }  # fmt: skip
        title = f"Roll back {edit.application} to {edit.commit[:12]} in {edit.environment}"
        return self.write(edit, trailers=said, title=title)

    def end(self, edit: Accepted, state: str, code: str = "", message: str = "words") -> None:
        """Let the edit's run end like this."""
        self.ended = [one for one in self.ended if one.id != run_of(edit)]
        run = Ended(run_of(edit), edit.application, edit.environment, edit.commit, state, code, message)
        self.ended.append(run)

    def write(
        self,
        edit: Accepted,
        *,
        on: str = "",
        push: bool = True,
        files: Mapping[str, str] | None = None,
        trailers: Mapping[str, str] | None = None,
        extra: str = "",
        by: Person = MERGEPORT,
        title: str = "",
    ) -> str:
        """Commit an edit as Mergeport does, on the tip or another commit, and push it. Other files may be given."""
        tip = on or self.tip
        content = {path: edited(self.bare.text(tip, path), wanted) for path, wanted in edit.files.items()}
        said = {**trailers_of(edit), **(trailers or {})}
        block = "".join(f"{key}: {value}\n" for key, value in said.items() if value) + extra
        title = title or f"Promote {edit.application} {edit.commit[:12]} to {edit.environment}"
        message = f"{title}\n\n- words\n\n{block}"
        commit = self.make(tip, {**content, **(files or {})}, message, by)
        if push:
            self.bare.update_ref(f"refs/heads/{BRANCH}", commit, self.tip)
        return commit

    def person(self, files: Mapping[str, str | None] | None = None) -> str:
        """Commit as a person."""
        self.people += 1
        commit = self.make(self.tip, files or {f"notes/{self.people}.md": "a note\n"}, "A person's", NOBODY)
        return self.force(commit, "a commit")

    def force(self, new: str, words: str = "a force push", *, settled: bool = True) -> str:
        """Move the branch as a person, anywhere; zeros delete it."""
        old = self.tip
        if new == ZERO:
            self.bare.git("update-ref", "-d", f"refs/heads/{BRANCH}", old)
        else:
            self.bare.update_ref(f"refs/heads/{BRANCH}", new, old)
        known = [run_of(edit) for edit in self.accepted] if settled else []
        self.moved.append(Moved(NAME, old, new, words, settled=known))
        return new

    def make(self, parent: str, files: Mapping[str, str | None], message: str, by: Person) -> str:
        """Make a commit that no branch has yet."""
        start = None if parent == ZERO else parent
        commit = self.bare.commit_files("draft", files, message, author=by, start=start)
        self.bare.delete_ref("refs/heads/draft")
        return commit


def file_of(application: str, environment: str) -> str:
    """Give the values file."""
    return f"apps/{application}/values-{environment}.yaml"


def run_of(edit: Accepted) -> str:
    """Give the run of an edit."""
    return f"RUN{edit.application}{edit.environment}{edit.position}"


def edited(text: str, wanted: Mapping[str, str]) -> str:
    """Write the image's tag and digest into the values file above."""
    lines = text.split("\n")
    lines[3] = f'  tag: "{wanted["image.tag"]}"  # ours'
    lines[4] = f"  digest: '{wanted['image.digest']}'"
    return "\n".join(lines)


def trailers_of(edit: Accepted) -> dict[str, str]:
    """Give the trailers that a commit of the edit has."""
    return {
        "Mergeport-Run": run_of(edit),
        "Mergeport-Application": edit.application,
        "Mergeport-Environment": edit.environment,
        "Mergeport-Image": edit.image,
        "Source-Repository": edit.source,
        "Source-Commit": edit.commit,
        "Argocd-reference-commit-sha": edit.commit,
        "Argocd-reference-commit-repourl": "https://github.invalid/acme/source",
        "Argocd-reference-commit-subject": "Change",
    }

"""Judges one commit that Mergeport made: whose it is, what it touches, which bytes, and what it says of itself.

Called by the checker for every commit that came with a push that was no person's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import yaml

from tests.race import spans
from tests.race.finding import Kind
from tests.race.history import Commit, History
from tests.race.records import Accepted

COMMITTER = "Mergeport <mergeport@localhost>"
RUN, APPLICATION, ENVIRONMENT = "Mergeport-Run", "Mergeport-Application", "Mergeport-Environment"
SOURCE_COMMIT = "Source-Commit"
ROLLBACK, ACTOR, REASON = "Mergeport-Rollback", "Mergeport-Actor", "Mergeport-Reason"
IMAGE = "Mergeport-Image"

Fault = tuple[Kind, str]


class Edits:
    """The accepted edits of one repository, found by a commit's trailers."""

    def __init__(self, accepted: list[Accepted]) -> None:
        self.by_name: Mapping[tuple[str, str, str], Accepted] = {
            (one.application, one.environment, one.commit): one for one in accepted
        }

    def of(self, commit: Commit) -> Accepted | None:
        """Give the edit that a commit's trailers name."""
        said = dict(commit.trailers)
        return self.by_name.get((said.get(APPLICATION, ""), said.get(ENVIRONMENT, ""), said.get(SOURCE_COMMIT, "")))


def run_of(commit: Commit) -> str:
    """Give the run that a commit's trailers name."""
    return dict(commit.trailers).get(RUN, "")


def is_rollback(commit: Commit) -> bool:
    """Tell whether a commit says that it goes back."""
    return ROLLBACK in dict(commit.trailers)


def faults(history: History, commit: Commit, edit: Accepted) -> Iterator[Fault]:
    """Report everything that is wrong with a commit of an edit."""
    if commit.committer != COMMITTER or len(commit.parents) != 1:
        yield Kind.UNKNOWN, f"{commit.sha} is by {commit.committer} with {len(commit.parents)} parents"
        return
    yield from _trailers(commit, edit)
    for change in commit.changes:
        if change.path not in edit.files or change.old_mode != change.new_mode:
            yield Kind.FOREIGN, f"{commit.sha} of {edit.application} in {edit.environment} changes {change.path}"
            continue
        try:
            wrong = list(spans.faults(history.blob(change.old), history.blob(change.new), edit.files[change.path]))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            yield Kind.UNPARSABLE, f"{change.path} at {commit.sha}: {error}"
            continue
        yield from ((Kind.BYTES, f"{change.path} at {commit.sha}: {words}") for words in wrong)
    for path in edit.files.keys() - {change.path for change in commit.changes}:
        yield from _untouched(history, commit, path, edit.files[path])


def _trailers(commit: Commit, edit: Accepted) -> Iterator[Fault]:
    """Compare the trailers with what they all should be; Argo CD's own are among them."""
    wanted = {
        APPLICATION: edit.application,
        ENVIRONMENT: edit.environment,
        IMAGE: edit.image,
        "Source-Repository": edit.source,
        SOURCE_COMMIT: edit.commit,
        "Argocd-reference-commit-sha": edit.commit,
    }
    back = is_rollback(commit)
    present: tuple[str, ...] = (RUN, "Argocd-reference-commit-repourl", "Argocd-reference-commit-subject")
    present += (ROLLBACK, ACTOR, REASON) if back else ()
    counted = Counter(key for key, _ in commit.trailers)
    said = dict(commit.trailers)
    for key in (*wanted, *present):
        if counted[key] != 1:
            yield Kind.TRAILERS, f"{commit.sha} has {key} {counted[key]} times"
        elif not said[key] or (key in wanted and said[key] != wanted[key]):
            yield Kind.TRAILERS, f"{commit.sha} says {key}: {said[key]}, not {wanted.get(key, 'nothing')}"
    short = edit.commit[:12]
    title = f"Promote {edit.application} {short} to {edit.environment}"
    title = f"Roll back {edit.application} to {short} in {edit.environment}" if back else title
    if commit.subject != title:
        yield Kind.TRAILERS, f"{commit.sha} is called {commit.subject!r}, not {title!r}"


def _untouched(history: History, commit: Commit, path: str, wanted: Mapping[str, str]) -> Iterator[Fault]:
    """Judge a file of the edit that the commit did not change: it must have had the values before."""
    content = history.file(commit.sha, path)
    if content is None:
        yield Kind.BYTES, f"{path} is missing at {commit.sha}"
        return
    document = spans.parse(content)
    for name, value in wanted.items():
        if spans.value_at(document, name) != value:
            yield Kind.BYTES, f"{path} at {commit.sha} was left with {name} not {value!r}"

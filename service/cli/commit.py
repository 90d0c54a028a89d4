"""`mergeport values commit`: edit values files on a branch of a remote repository, commit, push; no service needed.

Mounted by `service.cli.values`, which imports it only when it is called. What a workflow does by clone, sed and
push, without a work tree, without a lost race, and with nothing but the wanted scalars changed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from service.cli.printing import say
from service.cli.values_assignments import parse_assignment
from service.cli.values_branch import Start, Wish, bring, rehearse, tip_of
from service.cli.values_hints import hints_for, refuse_reserved
from service.cli.values_message import write_message
from service.cli.values_proposal import Proposal, head_of, propose
from service.core.values import Rewrite, ValueEdit
from service.core.values_paths import path_end
from service.core.visible import visible
from service.core.words import Actor, Sha
from service.errors import ValuesEditError
from service.ports import PullRequest

_AUTHOR = re.compile(r"(?P<name>[^<>]*[^<>\s]) *<(?P<email>[^<>\s]+)>")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_DIRECTORY = click.Path(file_okay=False, path_type=Path)

Edits = tuple[tuple[str, tuple[ValueEdit, ...]], ...]


@dataclass(frozen=True, slots=True)
class Target:
    """Where to write and how to get there, as the command line says."""

    repo: str
    branch: str
    pull_request: bool
    head: str | None
    ssh_key: Path | None
    known_hosts: Path | None
    cache: Path | None


@dataclass(frozen=True, slots=True)
class New:
    """What may be created if it is missing."""

    keys: bool
    files: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result, for people and for machines; `commit` is None if nothing was pushed."""

    branch: str
    tip: Sha
    commit: Sha | None
    rewrite: Rewrite
    pushes: int = 0
    dry: bool = False
    pull_request: PullRequest | None = None


@click.command("commit")
@click.argument("words", nargs=-1, required=True, metavar="FILE PATH=VALUE... [FILE PATH=VALUE...]...")
@click.option("--repo", required=True, metavar="URL", help="https://HOST/OWNER/NAME.git, ssh://... or git@HOST:PATH.")
@click.option("--branch", required=True, metavar="BRANCH", help="The branch to change.")
@click.option("--create", is_flag=True, help="Add keys that are missing.")
@click.option("--create-file", is_flag=True, help="Also create files that are missing, with their folders.")
@click.option("-m", "--message", metavar="TEXT", help="The commit's message.  [default: what was set, and where]")
@click.option("--author", metavar="'NAME <ADDRESS>'", help="The commit's author.  [default: the committer]")
@click.option("--pull-request", is_flag=True, help="Open a pull request on GitHub, or update the open one.")
@click.option("--head", metavar="BRANCH", help="The pull request's branch.  [default: mergeport/values/HASH]")
@click.option("--ssh-key", type=_FILE, metavar="FILE", help="The private key for an SSH address.")
@click.option("--known-hosts", type=_FILE, metavar="FILE", help="The host keys that are trusted over SSH.")
@click.option("--cache", type=_DIRECTORY, metavar="DIRECTORY", help="Keep the mirror here for the next time.")
@click.option("--dry-run", is_flag=True, help="Push nothing; say what would change.")
@click.option("--diff", "show_diff", is_flag=True, help="Push nothing; print the change as a unified diff.")
@click.option("--json", "as_json", is_flag=True, help="Print what happened as JSON.")
def commit(  # click gives every argument by name
    *,
    words: tuple[str, ...],
    create: bool,
    create_file: bool,
    message: str | None,
    author: str | None,
    dry_run: bool,
    show_diff: bool,
    as_json: bool,
    **target: str | bool | Path | None,
) -> None:
    """Set values on a branch of a remote repository.

    One commit, pushed whatever others push meanwhile.

    Each FILE is followed by its assignments, PATH=VALUE or PATH:=TYPED as `values set` takes them; a word without
    `=` begins the next file. When another push was faster, the edit is computed again on the new tip. What is
    there already makes no commit.

    The token is read from MERGEPORT_GIT_TOKEN (or the file that MERGEPORT_GIT_TOKEN_FILE names), for github.com and a
    workflow's own server also from GITHUB_TOKEN; it is never an argument.
    """
    place = Target(**target)  # type: ignore[arg-type] # the options above are its fields
    edits, signed = read_words(words), _read_author(author) if author else None
    new = New(keys=create or create_file, files=create_file)
    refuse_reserved(file for file, _ in edits)
    with hints_for(place.repo):
        outcome = _run(place, edits, new=new, message=message, author=signed, dry=dry_run or show_diff)
    for warning in outcome.rewrite.warnings:
        say(f"warning: {warning}", err=True)
    if as_json:
        _write(json.dumps(_as_json(outcome, show_diff=show_diff), ensure_ascii=False, indent=2) + "\n")
    elif show_diff:
        _write(outcome.rewrite.diff)
    else:
        _write("".join(f"{line}\n" for line in _lines(outcome, place)))


def read_words(words: Sequence[str]) -> Edits:
    """Group the words: a file, then its assignments; the first word is a file whatever it looks like."""
    groups: list[tuple[str, list[ValueEdit]]] = []
    for word in words:
        if groups and _is_assignment(word):
            groups[-1][1].append(parse_assignment(word))
        else:
            groups.append((word.removeprefix("./"), []))
    for file, edits in groups:
        if not edits:
            raise click.UsageError(f"{file!r} is not PATH=VALUE; as a file it needs a PATH=VALUE after it")
    return tuple((file, tuple(edits)) for file, edits in groups)


def _is_assignment(word: str) -> bool:
    try:
        end = path_end(word)
    except ValuesEditError:
        return "=" in word
    return word[end:].startswith(("=", ":="))


def _read_author(text: str) -> Actor:
    found = _AUTHOR.fullmatch(text)
    if not found or not text.isprintable():
        raise click.UsageError(f"--author is {text!r}: write 'NAME <ADDRESS>'")
    return Actor(found["name"], found["email"])


def _run(place: Target, edits: Edits, *, new: New, message: str | None, author: Actor | None, dry: bool) -> Outcome:
    from service.bootstrap_values import (  # noqa: PLC0415 # heavy: git and its mirrors
        github_repository,
        open_forge,
        open_values,
        read_environment,
    )
    from service.logs import configure  # noqa: PLC0415 # heavy

    repository = github_repository(place.repo)
    if place.pull_request and repository is None:
        raise click.UsageError("--pull-request needs a --repo that ends in OWNER/NAME, on GitHub")
    if place.head and not place.pull_request:
        raise click.UsageError("--head needs --pull-request")
    configure(level="error")
    environment = read_environment(os.environ, place.repo)
    wish = Wish(
        edits=edits,
        create=new.keys,
        new_file=new.files,
        message=(lambda _: f"{message.rstrip()}\n") if message and message.strip() else write_message,
        author=author or environment.committer,
        committer=environment.committer,
        at=datetime.now(UTC).replace(microsecond=0),
    )
    with _directory(place.cache) as directory:
        manifests = open_values(
            place.repo, environment, directory, ssh_key=place.ssh_key, known_hosts=place.known_hosts
        )
        if dry:
            tip = tip_of(manifests, place.branch)
            return Outcome(place.branch, tip, None, rehearse(manifests, tip, wish), dry=True)
        if place.pull_request and repository is not None:
            proposal = Proposal(repository, place.branch, place.head or head_of(place.branch, wish))
            forge = open_forge(place.repo, environment, directory)
            done = propose(manifests, forge, proposal, wish, pause=time.sleep)
            written, branch = done.written, proposal.head if done.pull_request else proposal.base
            tip = written.commit or written.parent
            return Outcome(
                branch, tip, written.commit, written.rewrite, written.attempts, pull_request=done.pull_request
            )
        written = bring(manifests, place.branch, wish, lambda: Start(tip := tip_of(manifests, place.branch), tip))
        return Outcome(
            place.branch, written.commit or written.parent, written.commit, written.rewrite, written.attempts
        )


@contextlib.contextmanager
def _directory(cache: Path | None) -> Iterator[Path]:
    """Give where the mirror lies: a directory that stays, or one that goes with the command."""
    if cache is not None:
        yield cache.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="mergeport-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


def _lines(outcome: Outcome, place: Target) -> Iterator[str]:
    for file, change in outcome.rewrite.changes:
        before = "(new)" if change.before is None else change.before or '""'
        yield f"{file}:{change.line}: {change.path} {before} -> {change.after}"
    if not outcome.rewrite.changes:
        yield f"nothing to change: {place.branch} has these values already ({outcome.tip[:12]})"
    elif outcome.dry:
        yield f"nothing was pushed: {place.branch} stays at {outcome.tip[:12]}"
    elif outcome.commit is None:
        yield f"nothing to push: {outcome.branch} has these values already ({outcome.tip[:12]})"
    else:
        yield f"pushed {outcome.commit[:12]} to {outcome.branch}"
    if outcome.pull_request is not None:
        yield f"pull request #{outcome.pull_request.number}: {outcome.pull_request.url}"


def _as_json(outcome: Outcome, *, show_diff: bool) -> dict[str, object]:
    found = outcome.pull_request
    result: dict[str, object] = {
        "branch": outcome.branch,
        "tip": outcome.tip,
        "commit": outcome.commit,
        "changed": bool(outcome.rewrite.changes),
        "pushed": outcome.commit is not None,
        "pushes": outcome.pushes,
        "dry_run": outcome.dry,
        "changes": [{"file": file, **asdict(change)} for file, change in outcome.rewrite.changes],
        "warnings": list(outcome.rewrite.warnings),
        "pull_request": {"number": found.number, "url": found.url} if found else None,
    }
    return result | ({"diff": outcome.rewrite.diff} if show_diff else {})


def _write(text: str) -> None:
    """Print exactly these characters as UTF-8, whatever the line ends are; a terminal gets harmful ones escaped."""
    sys.stdout.buffer.write((visible(text) if sys.stdout.isatty() else text).encode("utf-8"))
    sys.stdout.buffer.flush()

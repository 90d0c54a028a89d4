"""Who we are to a remote, and the one more try after the remote has refused that.

Used by the mirrors, the manifest repositories and the checkout, around every command that talks to a remote. An App's
token may be revoked early, or run out while a command waits: then new credentials are had, once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from service.adapters.git.driver import Outcome
from service.adapters.git.remote import READ, WRITE, Remote
from service.core.words import Repository
from service.ports import Credentials


class CredentialsFor(Protocol):
    """How a remote's credentials are had, fresh each time; a forge's `git_credentials` is one."""

    def __call__(
        self, repository: Repository, *, write: bool = False, refused: Credentials | None = None
    ) -> Credentials | None:
        """Give a user and secret, others than those that were refused; None for a repository that needs none."""
        ...


def nobody(
    repository: Repository,  # noqa: ARG001 - the port's
    *,
    write: bool = False,  # noqa: ARG001 - the port's
    refused: Credentials | None = None,  # noqa: ARG001 - the port's
) -> Credentials | None:
    """Give no credentials: for SSH, which has a key."""
    return None


class RemoteFor(Protocol):
    """Gives a repository's address with fresh credentials."""

    def __call__(self, *, write: bool, refused: Credentials | None = None) -> Remote:
        """Give it, with other credentials than those that were refused, where there are others."""
        ...


def insist(
    remote_for: RemoteFor, command: Callable[[Remote], Outcome], *, write: bool = False
) -> tuple[Outcome, Remote]:
    """Run a command at the remote, and once more where the remote refuses our credentials and others can be had."""
    remote = remote_for(write=write)
    outcome = command(remote)
    if outcome.ok or outcome.refused_a_ref or not remote.refuses_us(WRITE if write else READ):
        return outcome, remote
    other = anew(remote_for, remote, write=write)
    return (command(other), other) if other else (outcome, remote)


def anew(remote_for: RemoteFor, remote: Remote, *, write: bool = False) -> Remote | None:
    """Give a remote that refuses our credentials with others; None where there are none."""
    if remote.credentials is None:
        return None
    other = remote_for(write=write, refused=remote.credentials)
    return other if other.credentials != remote.credentials else None

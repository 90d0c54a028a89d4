"""Asks the forge what a person may do, and decides by the configuration's roles. What cannot be read allows nothing."""

from __future__ import annotations

from dataclasses import replace

from service.core.roles import AskPermission, AskTeam, Known, Permission, Role, Roles, Team, has_role, who_may
from service.core.words import Repository
from service.errors import MergeportError, PermanentError, RetryableError
from service.pipeline.context import Context
from service.ports import Forge


def require(context: Context, roles: Roles, wanted: Role, login: str, repository: Repository, *, patient: bool) -> None:
    """Return if a person may do what a role may, where `repository` is concerned; else PermanentError in words.

    Facts are asked for one by one, the cheapest first, and not after one has decided. With `patient` an error that may
    pass is raised; else what cannot be read stays unknown.
    """
    forge = context.outside.forge
    if repository in context.configurations.current().manifest_repositories(context.configuration_repository):
        forge = context.outside.manifest_forge
    known, unread = Known(login), ""
    while True:
        match has_role(roles, wanted, known):
            case True:
                return
            case False | None:
                raise _refused(roles, wanted, login, repository, unread)
            case AskPermission():
                permission, words = _permission(forge, repository, login, patient=patient)
                known = replace(known, permission=(permission,))
                unread = unread or words
            case AskTeam(team):
                inside, words = _in_team(forge, repository, team, login, patient=patient)
                known = replace(known, teams={**known.teams, team: inside})
                unread = unread or words


def _permission(forge: Forge, repository: Repository, login: str, *, patient: bool) -> tuple[Permission | None, str]:
    try:
        return forge.permission_of(repository, login), ""
    except MergeportError as error:
        return None, _unread(error, patient=patient)


def _in_team(forge: Forge, repository: Repository, team: Team, login: str, *, patient: bool) -> tuple[bool | None, str]:
    try:
        return login.lower() in forge.members_of(repository, team.slug, team.organization), ""
    except MergeportError as error:
        return None, _unread(error, patient=patient)


def _unread(error: MergeportError, *, patient: bool) -> str:
    """Give words for what could not be read."""
    if patient and isinstance(error, RetryableError):
        raise error
    return str(error)


def _refused(roles: Roles, wanted: Role, login: str, repository: Repository, unread: str) -> PermanentError:
    who = who_may(roles, wanted, repository)
    if unread:
        return PermanentError(
            f"whether {login} has the role {wanted} could not be read: {unread}",
            code="role-unread",
            hint=f"it has: {who}",
        )
    return PermanentError(f"{login} does not have the role {wanted} here", code="role-missing", hint=f"it has: {who}")

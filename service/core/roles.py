"""Roles: who may ask for what, by login, by team and by permission on the repository.

Pure: facts about a person in; yes, no, or the fact that is still to be asked for, out. Read from `roles:` of the
configuration, and used for whatever people ask for where they are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from service.core.words import Repository


class Role(StrEnum):
    """What a person may do. Each role may do all that the ones before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    RELEASE_MANAGER = "release-manager"


class Permission(StrEnum):
    """What a person may do in a repository, each more than the one before."""

    NONE = "none"
    READ = "read"
    TRIAGE = "triage"
    WRITE = "write"
    MAINTAIN = "maintain"
    ADMIN = "admin"


_PERMISSIONS = list(Permission)
_ROLES = list(Role)


@dataclass(frozen=True, slots=True)
class Login:
    """One person."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Team:
    """The members of a team, and of its child teams."""

    organization: str
    slug: str

    def __str__(self) -> str:
        return f"{self.organization}/{self.slug}"


@dataclass(frozen=True, slots=True)
class Permitted:
    """All who have at least this permission on the repository that is concerned."""

    permission: Permission

    def __str__(self) -> str:
        return f"whoever has {self.permission} on it"


Who = Login | Team | Permitted


@dataclass(frozen=True, slots=True)
class Roles:
    """Who has each role. A role that the configuration does not name has its default; an empty list is nobody."""

    named: Mapping[Role, tuple[Who, ...]] = field(default_factory=dict)

    def of(self, role: Role) -> tuple[Who, ...]:
        """Give who has a role by itself, without those of the roles above."""
        return self.named.get(role, DEFAULTS[role])

    def may(self, wanted: Role) -> tuple[Who, ...]:
        """Give all who may do what a role may, cheapest to ask for first: logins, permissions, teams."""
        every = {who: None for role in _ROLES[_ROLES.index(wanted) :] for who in self.of(role)}
        return tuple(sorted(every, key=lambda who: _COST[type(who)]))


DEFAULTS: Mapping[Role, tuple[Who, ...]] = {
    Role.VIEWER: (Permitted(Permission.TRIAGE),),
    Role.OPERATOR: (Permitted(Permission.WRITE),),
    Role.RELEASE_MANAGER: (Permitted(Permission.MAINTAIN),),
}
_COST = {Login: 0, Permitted: 1, Team: 2}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a person now. What was not asked for is absent; what could not be read has no answer, None."""

    login: str
    permission: tuple[Permission | None, ...] = ()
    """Nothing while it was not asked for, else one answer."""
    teams: Mapping[Team, bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AskPermission:
    """The person's permission on the repository is to be asked for."""


@dataclass(frozen=True, slots=True)
class AskTeam:
    """Whether the person is in a team is to be asked for."""

    team: Team


Answer = bool | None | AskPermission | AskTeam


def has_role(roles: Roles, wanted: Role, known: Known) -> Answer:
    """Tell whether a person may do what a role may, or which fact decides next.

    None: no fact that could be read says yes, and one that could say yes could not be read.
    """
    unread = False
    for who in roles.may(wanted):
        match who:
            case Login():
                if who.name.lower() == known.login.lower():
                    return True
            case Permitted():
                if not known.permission:
                    return AskPermission()
                permission = known.permission[0]
                unread |= permission is None
                if permission is not None and _reaches(permission, who.permission):
                    return True
            case Team():
                if who not in known.teams:
                    return AskTeam(who)
                unread |= known.teams[who] is None
                if known.teams[who]:
                    return True
    return None if unread else False


def _reaches(permission: Permission, wanted: Permission) -> bool:
    return _PERMISSIONS.index(permission) >= _PERMISSIONS.index(wanted)


def who_may(roles: Roles, wanted: Role, repository: Repository) -> str:
    """Say who may do what a role may, mentioning nobody."""
    every = roles.may(wanted)
    permitted = [who.permission for who in every if isinstance(who, Permitted)]
    words = [f"whoever has {min(permitted, key=_PERMISSIONS.index)} on {repository}"] if permitted else []
    teams = [f"the team {who}" for who in every if isinstance(who, Team)]
    people = [who.name for who in every if isinstance(who, Login)]
    return " or ".join([*words, *teams, *people]) or "nobody, as `roles` says"

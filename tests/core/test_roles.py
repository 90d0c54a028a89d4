"""Who may do what is decided by what the forge says of a person, and by nothing that could not be read."""

from __future__ import annotations

import pytest

from service.core.config.role_keys import read_who
from service.core.config.texts import TextError
from service.core.roles import (
    AskPermission,
    AskTeam,
    Known,
    Permission,
    Role,
    Roles,
    Team,
    has_role,
    who_may,
)
from service.core.words import Repository

CREW = Team("acme", "crew")
ROLES = Roles({Role.OPERATOR: (read_who("permission:write"), read_who("@Acme/Crew"), read_who("grace"))})


@pytest.mark.parametrize(
    ("permission", "may"),
    [
        (Permission.NONE, []),
        (Permission.READ, []),
        (Permission.TRIAGE, [Role.VIEWER]),
        (Permission.WRITE, [Role.VIEWER, Role.OPERATOR]),
        (Permission.MAINTAIN, [Role.VIEWER, Role.OPERATOR, Role.RELEASE_MANAGER]),
        (Permission.ADMIN, [Role.VIEWER, Role.OPERATOR, Role.RELEASE_MANAGER]),
    ],
)
def test_permission_on_the_source_gives_a_role_where_nothing_is_configured(
    permission: Permission, may: list[Role]
) -> None:
    assert [role for role in Role if has_role(Roles(), role, Known("eve", (permission,)))] == may


def test_login_decides_without_a_question_whatever_its_case() -> None:
    assert has_role(ROLES, Role.OPERATOR, Known("GRACE")) is True
    assert has_role(ROLES, Role.VIEWER, Known("grace")) is True


def test_permission_is_asked_for_before_teams_and_only_what_is_needed() -> None:
    assert has_role(ROLES, Role.OPERATOR, Known("eve")) == AskPermission()
    assert has_role(ROLES, Role.OPERATOR, Known("eve", (Permission.READ,))) == AskTeam(CREW)
    assert has_role(ROLES, Role.OPERATOR, Known("eve", (Permission.READ,), {CREW: True})) is True
    assert has_role(ROLES, Role.OPERATOR, Known("eve", (Permission.READ,), {CREW: False})) is False


def test_fact_that_cannot_be_read_never_allows_and_hides_no_other() -> None:
    assert has_role(ROLES, Role.OPERATOR, Known("eve", (None,), {CREW: False})) is None
    assert has_role(ROLES, Role.OPERATOR, Known("eve", (Permission.READ,), {CREW: None})) is None
    assert has_role(ROLES, Role.OPERATOR, Known("eve", (None,), {CREW: True})) is True


def test_empty_list_is_nobody_but_the_roles_above() -> None:
    roles = Roles({Role.OPERATOR: (), Role.RELEASE_MANAGER: (read_who("grace"),)})
    assert has_role(roles, Role.OPERATOR, Known("eve", (Permission.ADMIN,))) is False
    assert has_role(roles, Role.OPERATOR, Known("grace")) is True


def test_who_may_is_told_without_mentioning_anybody() -> None:
    told = who_may(ROLES, Role.OPERATOR, Repository("acme/checkout"))
    assert told == "whoever has write on acme/checkout or the team acme/crew or grace"
    assert who_may(Roles(dict.fromkeys(Role, ())), Role.VIEWER, Repository("a/b")) == "nobody, as `roles` says"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("team:crew", "@ORGANIZATION/crew"),
        ("user:eve", "write eve"),
        ("acme/crew", "write @acme/crew"),
        ("permission:maintainer", "permission:maintain?"),
        ("permission:none", "permissions:"),
        ("", "LOGIN"),
        ("ev\u0435 eve", "LOGIN"),
    ],
)
def test_who_is_written_otherwise_is_told_how(text: str, hint: str) -> None:
    with pytest.raises(TextError) as caught:
        read_who(text)
    assert hint in caught.value.hint

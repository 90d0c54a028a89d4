"""The key `roles`: who is viewer, operator and release manager, as people write it.

Used by the layout of the file, which reports what is wrong, and by `load`, which makes the roles of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from service.core.config.key_types import Keys
from service.core.config.report import nearest_name
from service.core.config.texts import TextError
from service.core.config.tree import Scalar, Series, Table
from service.core.roles import Login, Permission, Permitted, Role, Roles, Team, Who

_LOGIN = re.compile(r"@?(?P<login>[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)")
_TEAM = re.compile(
    r"@(?P<organization>[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)/(?P<slug>[A-Za-z0-9_][A-Za-z0-9_.-]*)"
)
_PERMISSION = "permission:"
_GRANTED = [permission.value for permission in Permission if permission is not Permission.NONE]
_FORMS = "write a LOGIN, @ORGANIZATION/TEAM or permission:write"


def read_who(text: str) -> Who:
    """Read `octocat`, `@acme/release-managers` or `permission:maintain`; raise TextError for anything else."""
    if text.startswith(_PERMISSION):
        granted = text.removeprefix(_PERMISSION)
        if granted not in _GRANTED:
            near = nearest_name(granted, _GRANTED)
            hint = f"did you mean {_PERMISSION}{near}?" if near else f"permissions: {', '.join(_GRANTED)}"
            raise TextError(f'"{granted}" is no permission on a repository', hint)
        return Permitted(Permission(granted))
    if found := _TEAM.fullmatch(text):
        return Team(found["organization"].lower(), found["slug"].lower())
    if found := _LOGIN.fullmatch(text):
        return Login(found["login"])
    kind, _, name = text.partition(":")
    if kind == "team":
        raise TextError(f'"{text}" does not say whose team it is', f"write @ORGANIZATION/{name}")
    if kind == "user":
        raise TextError(f'"{text}" is neither a login nor a team', f"write {name}")
    if _TEAM.fullmatch(f"@{text}"):
        raise TextError(f'"{text}" is neither a login nor a team', f"write @{text} in quotes if it is a team")
    raise TextError(f'"{text}" is neither a login nor a team nor a permission', _FORMS)


def _checked(text: str) -> str:
    read_who(text)
    return text


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


_People = Annotated[
    list[Annotated[str, AfterValidator(_checked)]],
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class RoleKeys(Keys):
    """Who may do what: logins, teams (`@ORGANIZATION/TEAM`) and permissions on the source (`permission:write`)."""

    viewer: _People = Field(
        default=["permission:triage"], description="Who may ask for status and reasons; an empty list is nobody."
    )
    operator: _People = Field(
        default=["permission:write"], description="Who may also promote, roll back, hold, lock, retry and approve."
    )
    release_manager: _People = Field(
        default=["permission:maintain"],
        alias="release-manager",
        description="Who may also unlock, and override gates.",
    )


def roles_of(table: Table) -> Roles:
    """Make the roles of what the file says; what is broken was reported."""
    return Roles({role: tuple(_people(table, role)) for role in Role if role.value in table.entries})


def _people(table: Table, role: Role) -> Iterator[Who]:
    node = table.entries[role.value]
    items = node.items if isinstance(node, Series) else (node,)
    for item in items:
        if isinstance(item, Scalar) and isinstance(item.value, str):
            yield read_who(item.value)

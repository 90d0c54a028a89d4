"""Tells every wrong key and every wrong type, once, where it is written, and gives the file without them.

Called once by `load`, before the layers are laid over each other: so no later step can meet such a fault again.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ValidationError

from service.core.config.key_types import LATER, Unknown, UnknownKey
from service.core.config.keys import File, TargetKeys
from service.core.config.options import Kinds
from service.core.config.report import Report, keys_of, nearest_name
from service.core.config.tree import Place, Table, plain_table, without


def keep_sound(file: Table, kinds: Kinds, report: Report) -> Table:
    """Give the file without unknown keys and with Broken for each value of a wrong type. All of these are reported."""
    unknown = Unknown(LATER | kinds.missing, [])
    faulty = _told(File, file, unknown, report).union(
        *(_told(TargetKeys, override, unknown, report) for override in _overrides(file))
    )
    meant = {key.place: _tell(key, unknown.later, report) for key in unknown.found}
    sound = without(file, faulty, meant) if faulty or meant else file
    return sound if isinstance(sound, Table) else file


def _told(model: type[BaseModel], table: Table, unknown: Unknown, report: Report) -> frozenset[Place]:
    try:
        model.model_validate(plain_table(table), context=unknown)
    except ValidationError as error:
        return report.add_invalid(error, table, model)
    return frozenset()


def _overrides(file: Table) -> Iterator[Table]:
    """Give what each application says for single environments."""
    applications = file.table("applications")
    for name in applications.entries if applications else ():
        home = applications.table(name) if applications else None
        overrides = home.table("environments") if home else None
        for environment in overrides.entries if overrides else ():
            if override := overrides.table(environment) if overrides else None:
                yield override


def _tell(key: UnknownKey, later: frozenset[str], report: Report) -> str:
    """Report an unknown key; give the key that was most likely meant, if any."""
    if key.name in later:
        report.add_unread(key.place, "not in this version", f"remove {key.name}: it would have no effect")
    elif key.name in key.keys.elsewhere:
        report.add_unread(key.place, f'"{key.name}" does not belong here', key.keys.elsewhere[key.name])
    else:
        known = keys_of(key.keys) - later
        report.add_unknown(key.place, key.name, known)
        return nearest_name(key.name, known)
    return ""

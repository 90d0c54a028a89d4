"""One application in one environment as the file's layers give it, with the place of everything.

Made for each pair by `load`: defaults, application and the application's environment are laid over
each other, the environment's own keys under them. `checked` reads single texts out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from pydantic import ValidationError

from service.core.config.layout import TargetKeys
from service.core.config.placeholders import check_placeholders, render
from service.core.config.report import Report
from service.core.config.texts import TextError
from service.core.config.tree import Broken, Located, Place, Table, find, is_broken, merge, plain_table

T = TypeVar("T")


class Layers(NamedTuple):
    """What the layers say together: `table` with places, `keys` as typed values with defaults.

    `home` is where the application is written and `environment_home` where the environment is: what
    is missing is missing there. `spoilt` are keys whose fault has been told.
    """

    application: str
    environment: str
    table: Table
    keys: TargetKeys
    spoilt: frozenset[str]
    home: Table
    environment_home: Table
    report: Report

    @property
    def statics(self) -> dict[str, str]:
        """The placeholders that are known already."""
        return {"application": self.application, "environment": self.environment}

    def has(self, name: str) -> bool:
        """Tell whether a key is said anywhere, and rightly."""
        return name in self.table.entries and name not in self.spoilt

    def place(self, *parts: str | int) -> Place:
        """Give where a value is written, or the application's place for what only has a default."""
        node, left = find(self.table, parts)
        if not left:
            return node.place
        place = self.home.place
        return Place(place.line, place.column, ".".join((place.key, *(str(part) for part in parts))))

    def checked(self, check: Callable[[str], T], text: str, *parts: str | int) -> T | None:
        """Give what a text means, or tell what is wrong with it at its place."""
        return checked(self.report, lambda: self.place(*parts), check, text)

    def rendered(self, check: Callable[[str], T], text: str, *parts: str | int) -> T | None:
        """Put in the placeholders that are known now, and check what comes out."""
        return self.checked(rendering(check, self.statics), text, *parts)


def checked(report: Report, place: Callable[[], Place], check: Callable[[str], T], text: str) -> T | None:
    """Give what a text means, or tell what is wrong with it."""
    try:
        return check(text)
    except TextError as error:
        report.add(place(), error.message, error.hint)
        return None


def rendering(check: Callable[[str], T], known: Mapping[str, str]) -> Callable[[str], T]:
    """Give a check that puts placeholders in first; it refuses those that are not known."""

    def check_template(template: str) -> T:
        check_placeholders(template, known)
        return check(render(template, known))

    return check_template


def lay(
    application: tuple[str, Table],
    environment: tuple[str, Table],
    *,
    defaults: Table,
    override: Table | None,
    report: Report,
) -> Layers:
    """Lay the layers over each other; types are checked here, meanings by who reads the keys."""
    name, home = application
    layers = [environment[1], defaults, home.without("environments")]
    table = Table(home.place, {}, {})
    for layer in [*layers, *([override] if override else [])]:
        table = merge(table, layer)
    keys, spoilt = _typed(table, report)
    return Layers(name, environment[0], table, keys, spoilt, home, environment[1], report)


def _typed(table: Table, report: Report) -> tuple[TargetKeys, frozenset[str]]:
    """Give the keys as typed values; what has a fault is told and left out, as narrowly as that goes."""
    data = plain_table(table)
    spoilt = {key for key, node in table.entries.items() if is_broken(node)}
    try:
        return TargetKeys.model_validate(data, context=report), frozenset(spoilt)
    except ValidationError as error:
        report.add_invalid(error, table)
        locations = [detail["loc"] for detail in error.errors(include_url=False)]
    for location in locations:
        _leave_out(data, location)
    spoilt |= {key for key in table.entries if key not in data}
    try:
        return TargetKeys.model_validate(data, context=report), frozenset(spoilt)
    except ValidationError:
        tops = {str(location[0]) for location in locations}
        sound = Located(table, {key: value for key, value in data.items() if key not in tops})
        return TargetKeys.model_validate(sound, context=report), frozenset(spoilt | tops)


def _leave_out(data: dict[str, object], location: tuple[str | int, ...]) -> None:
    """Remove the innermost key that the location passes through, or a list's items from there on."""
    value: object = data
    holder: dict[str, object] | list[object] = data
    innermost: str | int | None = None
    for part in location:
        in_mapping = isinstance(value, dict) and part in value
        in_list = isinstance(value, list) and isinstance(part, int) and part < len(value)
        if isinstance(value, dict | list) and (in_mapping or in_list):
            holder, innermost, value = value, part, value[part]  # type: ignore[index]  # the part fits, as just seen
    if isinstance(holder, list) and isinstance(innermost, int):
        del holder[innermost:]  # not the item alone: those after it would stand at the wrong place
    elif isinstance(holder, dict) and isinstance(innermost, str):
        del holder[innermost]


def table_or_tell(parent: Table, name: str, report: Report) -> Table:
    """Give the mapping under a key, or an empty one where it is absent or was told to be something else."""
    node = parent.entries.get(name)
    if isinstance(node, Table):
        return node
    if node is not None and not isinstance(node, Broken):
        report.add_wrong_type(node, "a mapping")
    return Table(parent.place.under(name), {}, {})

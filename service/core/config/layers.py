"""One application in one environment as the file's layers give it, with the place of everything.

Made for each pair by `load`: defaults, application and the application's environment are laid over
each other, the environment's own keys under them. `checked` reads single texts out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from service.core.config.keys import TargetKeys
from service.core.config.placeholders import check_placeholders, render
from service.core.config.report import Report
from service.core.config.texts import TextError
from service.core.config.tree import Broken, Place, Table, find, is_whole, merge, plain_table

T = TypeVar("T")


class Layers(NamedTuple):
    """The joined layers: `table` with places, `keys` as typed values with defaults.

    `home` is where the application is written and `environment_home` where the environment is: a missing key is
    reported there. None means that the layer does not exist, so that the other one can still be checked.
    """

    application: str
    environment: str
    table: Table
    keys: TargetKeys
    home: Table | None
    environment_home: Table | None
    report: Report

    @property
    def statics(self) -> dict[str, str]:
        """The placeholders that are known already."""
        return {"application": self.application, "environment": self.environment}

    def has(self, name: str) -> bool:
        """Tell whether any layer has the key, with a valid value."""
        return name in self.table.entries and not self.spoilt(name)

    def spoilt(self, name: str) -> bool:
        """Tell whether a fault of the key was reported."""
        return isinstance(self.table.entries.get(name), Broken)

    @property
    def whole(self) -> bool:
        """Whether no layer has anything broken."""
        return is_whole(self.table)

    def lacks(self, name: str, hint: str) -> None:
        """Report that the application lacks a key."""
        if self.home and name not in self.table.entries:
            self.report.add_missing(self.home, name, hint)

    def environment_lacks(self, name: str, hint: str) -> None:
        """Report that the environment lacks a key."""
        if self.environment_home and name not in self.table.entries:
            self.report.add_missing(self.environment_home, name, hint)

    def place(self, *parts: str | int) -> Place:
        """Give where a value is written; for a default, the application's place."""
        node, left = find(self.table, parts)
        if not left:
            return node.place
        place = self.table.place
        return Place(place.line, place.column, ".".join((place.key, *(str(part) for part in parts))))

    def checked(self, check: Callable[[str], T], text: str, *parts: str | int) -> T | None:
        """Give what a text means, or report what is wrong with it at its place."""
        return checked(self.report, lambda: self.place(*parts), check, text)

    def rendered(self, check: Callable[[str], T], text: str, *parts: str | int) -> T | None:
        """Put in the placeholders that are known now, and check what comes out."""
        return self.checked(rendering(check, self.statics), text, *parts)


def checked(report: Report, place: Callable[[], Place], check: Callable[[str], T], text: str) -> T | None:
    """Give what a text means, or report what is wrong with it."""
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
    application: tuple[str, Table | None],
    environment: tuple[str, Table | None],
    *,
    defaults: Table,
    override: Table | None,
    report: Report,
) -> Layers:
    """Lay the layers over each other. Their keys and types are sound; the code that reads them checks their meaning."""
    (name, home), (environment_name, environment_home) = application, environment
    layers = (environment_home, defaults, home.without("environments", "models") if home else None, override)
    base = home or environment_home or defaults
    table = Table(base.place, {}, {})
    for layer in layers:
        table = merge(_fed_by(table, layer), layer) if layer else table
    keys = TargetKeys.model_validate(plain_table(table))
    return Layers(name, environment_name, table._replace(place=base.place), keys, home, environment_home, report)


def _fed_by(table: Table, layer: Table) -> Table:
    """Leave out what feeds the environment if the next layer says otherwise: `branch` and `from` replace each other."""
    if "branch" in layer.entries and "from" not in layer.entries:
        return table.without("from")
    return table.without("branch") if "from" in layer.entries else table


def table_under(parent: Table, name: str) -> Table:
    """Give the mapping under a key, or an empty one where there is none."""
    return parent.table(name) or Table(parent.place.under(name), {}, {})

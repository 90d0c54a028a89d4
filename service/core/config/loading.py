"""Reads `mergeport.yaml` into a configuration, or tells everything that is wrong with it at once.

Called by the reload on push, by the worker's start and by `mergeport config`. Text in, value out.
"""

from __future__ import annotations

from collections.abc import Iterator

from service.core.config.configuration import Configuration
from service.core.config.conflicts import find_conflicts, find_misplaced
from service.core.config.feeding import find_broken_chains
from service.core.config.keys import ORDER
from service.core.config.layers import Layers, lay, table_under
from service.core.config.model_targets import IMAGES, check_names, parts_of, read_registries
from service.core.config.options import Kinds
from service.core.config.report import Report, nearest
from service.core.config.resolve import read_environment, read_target
from service.core.config.role_keys import roles_of
from service.core.config.sound import keep_sound
from service.core.config.targets import Target
from service.core.config.texts import NAME_WORDS, fit_name, is_name
from service.core.config.tree import Broken, Scalar, Table
from service.core.config.yaml_text import decode, read
from service.errors import ConfigError


def load(text: str | bytes, *, kinds: Kinds, file: str = "mergeport.yaml", commit: str = "") -> Configuration:
    """Give the configuration; raise ConfigError with all its faults, in the order of the file.

    `file` is the name in the faults. Bytes must be UTF-8, with or without a byte order mark.
    """
    faults, warnings = Report(file), Report(file)
    decoded = decode(text, faults) if isinstance(text, bytes) else text
    tree = read(decoded, faults, one_meaning=ORDER) if decoded is not None else None
    if tree is None:
        raise _error(file, faults)
    configuration = _Loading(keep_sound(tree, kinds, faults), kinds, faults, warnings).load(commit)
    if faults.faults:
        raise _error(file, faults)
    return configuration


def _error(file: str, report: Report) -> ConfigError:
    count = len(report.faults)
    return ConfigError(
        f"{file} has {count} fault{'' if count == 1 else 's'}",
        report.faults,
        code="configuration-invalid",
        hint=f"mergeport config check {file}",
    )


_NOWHERE, _NOTHING = "environment", "application"
"""Replaces an environment or an application that is missing, so that the other one can be checked."""


class _Loading:
    """One reading of one file."""

    def __init__(self, tree: Table, kinds: Kinds, faults: Report, warnings: Report) -> None:
        self._tree, self._kinds, self._faults, self._warnings = tree, kinds, faults, warnings
        self._defaults = table_under(tree, "defaults")
        self._environments = self._tables("environments")
        self._applications = self._tables("applications")
        self._registries = read_registries(tree, kinds, faults)
        self._parts = {name: parts_of(home, self._registries) for name, home in self._applications.items()}

    def load(self, commit: str) -> Configuration:
        environments = self._tree.table("environments")
        if environments is not None and not environments.entries:
            self._faults.add(self._tree.keys["environments"], "names no environment", "name at least one")
        read: dict[tuple[str, str], tuple[Target, Layers]] = {}
        for application, home in self._applications.items():
            read |= self._read(application, home)
        self._check_unused_environments()
        targets = list(read.values())
        find_conflicts(targets, self._faults, self._warnings)
        inside = {one: self._inside(home) for name, home in self._applications.items() for one in self._named(name)}
        names = tuple(dict.fromkeys([*inside, *self._applications]))
        find_misplaced(targets, names, tuple(self._environments), inside, self._faults)
        find_broken_chains(read, list(self._environments), self._faults)
        return Configuration(
            commit=commit,
            applications=tuple(inside),
            environments=tuple(self._environments),
            warnings=tuple(self._warnings.faults),
            reason_required=table_under(self._tree, "state").text("reason") == "required",
            roles=roles_of(table_under(self._tree, "roles")),
            _targets={pair: target for pair, (target, _) in read.items()},
            _off=tuple(self._off()),
            _layers={pair: layers for pair, (_, layers) in read.items()},
        )

    def _off(self) -> Iterator[Target]:
        """Read what would apply where an application is switched off; something incomplete there is no fault."""
        for application, home in self._applications.items():
            overrides = table_under(home, "environments")
            for name in (name for name in self._environments if _is_false(overrides, name)):
                layers = self._lay(application, home, name, None, report=Report(""))
                found = (read_target(layers, self._kinds, part) for part in self._parts[application])
                yield from (target for target in found if target is not None)

    def _named(self, application: str) -> list[str]:
        """Name the parts of an application, as runs do."""
        return [part.of(fit_name(application)) for part in self._parts[application]]

    def _tables(self, name: str) -> dict[str, Table]:
        """Give the named mappings under a key; report names that are not allowed."""
        table = self._tree.table(name)
        if table is None:
            return {}
        for entry, place in table.keys.items():
            if not is_name(entry):
                self._faults.add(place, f'"{entry}" cannot be a name', NAME_WORDS)
        return {entry: node for entry, node in table.entries.items() if isinstance(node, Table)}

    def _read(self, application: str, home: Table) -> dict[tuple[str, str], tuple[Target, Layers]]:
        overrides = table_under(home, "environments")
        self._check_overrides(overrides)
        images = home.table("images")
        for name, place in images.keys.items() if images else ():
            if not is_name(name):
                self._faults.add(place, f'"{name}" cannot be a name', NAME_WORDS)
        check_names(home, self._faults)
        read = {}
        wanted = self._inside(home)
        for name in wanted:
            layers = self._lay(application, home, name, overrides.table(name))
            for part in self._parts[application]:
                if target := read_target(layers, self._kinds, part):
                    read[target.application, name] = (target, layers)
                elif not self._faults.faults:  # no target may be lost without a fault
                    self._faults.add(home.place, f"{application} cannot be read for {name}", "please report this file")
        if self._environments and not wanted:
            self._warnings.add(home.place, f"{application} is in no environment")
        self._check_unplaced(application, home, overrides, placed=bool(wanted))
        return read

    def _inside(self, home: Table) -> list[str]:
        """Name the environments that an application is in."""
        overrides = table_under(home, "environments")
        return [name for name in self._environments if not _is_false(overrides, name)]

    def _lay(
        self,
        application: str,
        home: Table | None,
        environment: str,
        override: Table | None,
        *,
        report: Report | None = None,
    ) -> Layers:
        return lay(
            (fit_name(application), home),
            (fit_name(environment), self._environments.get(environment)),
            defaults=self._defaults,
            override=override,
            report=self._faults if report is None else report,
        )

    def _check_unplaced(self, application: str, home: Table, overrides: Table, *, placed: bool) -> None:
        """Report the faults of what reaches no environment: an application, or its keys for a missing environment."""
        for name in overrides.entries:
            override = overrides.table(name)
            if name not in self._environments and override:
                self._only_check(application, self._lay(application, home, name, override))
        if not placed:
            name = next(iter(self._environments), _NOWHERE)
            self._only_check(application, self._lay(application, home, name, None))

    def _only_check(self, application: str, layers: Layers) -> None:
        for part in self._parts[application]:
            read_target(layers, self._kinds, part)

    def _check_unused_environments(self) -> None:
        """Report the faults of each environment itself, because no application may be in it."""
        of_models = any(part.model for parts in self._parts.values() for part in parts)
        for name in self._environments:
            read_environment(self._lay(_NOTHING, None, name, None), self._kinds, IMAGES._replace(optional=of_models))

    def _check_overrides(self, overrides: Table) -> None:
        """Report an environment that does not exist, and a value that is neither a mapping nor `false`."""
        environments = table_under(self._tree, "environments").entries
        for name, node in overrides.entries.items():
            if name not in environments:
                place = overrides.keys[name]
                self._faults.add(place, f'there is no environment "{name}"', nearest(name, environments))
            elif not isinstance(node, Table | Broken) and not _is_false(overrides, name):
                self._faults.add_wrong_type(node, "a mapping or false")


def _is_false(overrides: Table, name: str) -> bool:
    node = overrides.entries.get(name)
    return isinstance(node, Scalar) and node.value is False

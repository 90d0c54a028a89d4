"""`mergeport config`: checks `mergeport.yaml`, shows what applies, prints the schema.

Needs no settings and speaks to nothing: it reads one file. Exit status 1 where that has faults.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import click

from service.adapters.kinds import kinds
from service.cli.printing import say
from service.core.config import Configuration, json_schema, load
from service.errors import ConfigError, Fault

_NAME = "mergeport.yaml"
_path = click.argument("path", type=click.Path(allow_dash=True, path_type=Path), default=Path(_NAME))
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def config() -> None:
    """Check and explain the configuration, mergeport.yaml."""


@config.command()
@_path
@click.option(
    "--repository",
    "folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A checkout of a manifest repository, whose values files are checked. May be given again.",
)
@_as_json
def check(path: Path, folders: tuple[Path, ...], as_json: bool) -> None:
    """List every fault of the configuration, with file, line and key.

    PATH is the file or the folder that it is in (default: ./mergeport.yaml); - reads standard input. If that folder is
    a git checkout, or with --repository, missing values files, paths that are missing in them, and plain secrets in
    values files and below apps/ are listed too.
    """
    try:
        configuration = _load(path)
        values = _check_values(configuration, path, folders)
    except ConfigError as error:
        _print_faults(error.faults, as_json=as_json)
        sys.exit(1)
    counts = {
        "applications": len(configuration.applications),
        "environments": len(configuration.environments),
        "targets": sum(1 for _ in configuration.targets()),
    }
    if as_json:
        warnings = [asdict(fault) for fault in configuration.warnings]
        said = {
            "values": {"files": values.files, "unchecked": values.unchecked},
            "secrets": {"files": values.searched, "allowed": values.allowed, "unsearched": values.unsearched},
        }
        click.echo(json.dumps({"ok": True, "file": _file(path), **counts, **said, "faults": [], "warnings": warnings}))
        return
    for warning in configuration.warnings:
        say(f"warning: {warning}", err=True)
    for words in values.unchecked:
        say(f"values files not checked: {words}", err=True)
    for words in values.unsearched:
        say(f"not searched for plain secrets: {words}", err=True)
    for words in values.allowed:
        say(f"allowed, and no secret as a comment says: {words}", err=True)
    told = ", ".join(f"{count} {name if count != 1 else name[:-1]}" for name, count in counts.items())
    checked = f"; {values.files} values file{'' if values.files == 1 else 's'} checked" if values.files else ""
    say(f"{_file(path)}: ok: {told}{checked}")


class _Values(NamedTuple):
    """How many values files were checked, and why others were not; the same of the search for plain secrets."""

    files: int = 0
    unchecked: tuple[str, ...] = ()
    searched: int = 0
    unsearched: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()


def _check_values(configuration: Configuration, path: Path, folders: tuple[Path, ...]) -> _Values:
    """Check the values files of the checkouts that are here; ConfigError with all that is wrong with them."""
    folder = None if path == Path("-") else path if path.is_dir() else path.parent
    if not folders and (folder is None or not (folder / ".git").exists()):
        return _Values()
    from service.cli.config_checkouts import find_checkouts, share_out, template_faults  # noqa: PLC0415 - a check without them is faster
    from service.cli.config_secrets import search_checkouts  # noqa: PLC0415 - the same
    from service.core.values_check import check_values  # noqa: PLC0415 - the same

    shares, unchecked = share_out(configuration, find_checkouts(folders, folder))
    faults = [
        fault
        for checkout, targets in shares
        for fault in (
            *check_values(configuration, targets, checkout, file=_file(path)),
            *(template_faults(checkout) if targets else ()),
        )
    ]
    secrets = search_checkouts(shares)
    faults += secrets.faults
    if faults:
        raise ConfigError("values files do not fit", faults, code="configuration-invalid")
    files = {
        (checkout.folder, entry.file) for checkout, targets in shares for target in targets for entry in target.values
    }
    return _Values(len(files), tuple(unchecked), secrets.files, secrets.unsearched, secrets.allowed)


@config.command()
@click.argument("application")
@click.argument("environment")
@_path
@_as_json
def show(application: str, environment: str, path: Path, as_json: bool) -> None:
    """Show what applies, and from which line.

    To an APPLICATION in an ENVIRONMENT.
    """
    configuration = _load(path)
    rows = configuration.explain(application, environment)
    if as_json:
        say(
            json.dumps(
                {
                    "application": application,
                    "environment": environment,
                    "present": bool(rows),
                    "keys": [row._asdict() for row in rows],
                }
            )
        )
        return
    if not rows:
        say(f"{application} is not in {environment}")
        return
    lines = [(row.key, _text(row.value), f"{_file(path)}:{row.line}" if row.line else "default") for row in rows]
    key_width, value_width = (max(len(line[column]) for line in lines) for column in (0, 1))
    for key, value, where in lines:
        say(f"{key:<{key_width}}  {value:<{value_width}}  {where}")


@config.command()
def schema() -> None:
    """Print the JSON schema of mergeport.yaml, for editors."""
    click.echo(json.dumps(json_schema(kinds()), indent=2))


def _load(path: Path) -> Configuration:
    """Read and check the file; raises ConfigError also where there is none."""
    if path == Path("-"):
        return load(sys.stdin.buffer.read(), kinds=kinds(), file=_file(path))
    found = path / _NAME if path.is_dir() else path
    try:
        content = found.read_bytes()
    except OSError as error:
        fault = Fault(_file(path), f"cannot be read: {error.strerror}", "name the file, or its folder, as PATH")
        raise ConfigError(f"{_file(path)} cannot be read", [fault], code="configuration-missing") from error
    configuration = load(content, kinds=kinds(), file=_file(path))
    if (found.parent / "mergeport.d").exists():
        fault = Fault(str(found.parent / "mergeport.d"), "not in this version", f"put its applications into {_NAME}")
        raise ConfigError("mergeport.d is not in this version", [fault], code="configuration-invalid")
    return configuration


def _file(path: Path) -> str:
    """Name the file as people would."""
    if path == Path("-"):
        return _NAME
    return str(path / _NAME if path.is_dir() else path)


def _print_faults(faults: list[Fault], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"ok": False, "faults": [asdict(fault) for fault in faults], "warnings": []}))
        return
    for fault in faults:
        say(str(fault))
    say(f"{len(faults)} fault{'' if len(faults) == 1 else 's'}", err=True)


def _text(value: object) -> str:
    """Write a value on one line: texts as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)

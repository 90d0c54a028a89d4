"""`mergeport config`: checks `mergeport.yaml`, shows what applies, prints the schema.

Needs no settings and speaks to nothing: it reads one file. Exit status 1 where that has faults.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

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
@_as_json
def check(path: Path, as_json: bool) -> None:
    """Tell every fault of the configuration, with file, line and key.

    PATH is the file or the folder that it is in (default: ./mergeport.yaml); - reads standard input.
    """
    try:
        configuration = _load(path)
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
        click.echo(json.dumps({"ok": True, "file": _file(path), **counts, "faults": [], "warnings": warnings}))
        return
    for warning in configuration.warnings:
        say(f"warning: {warning}", err=True)
    told = ", ".join(f"{count} {name if count != 1 else name[:-1]}" for name, count in counts.items())
    say(f"{_file(path)}: ok: {told}")


@config.command()
@click.argument("application")
@click.argument("environment")
@_path
@_as_json
def show(application: str, environment: str, path: Path, as_json: bool) -> None:
    """Show what applies to an APPLICATION in an ENVIRONMENT, and from which line."""
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

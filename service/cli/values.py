"""`mergeport values`: set, get and list values in a YAML file, without a service.

Mounted by `service.cli.main`. Needs no settings and starts fast: nothing heavy is imported here.
"""

from __future__ import annotations

import json
import math
import sys

import click

from service.cli.printing import say
from service.cli.values_assignments import parse_assignment, shown
from service.cli.values_files import ValuesFile, read_values_file, replace_values_file
from service.core.values import (
    EditedText,
    Scalar,
    edit_values,
    encode_values,
    read_value,
    unified_diff,
)
from service.core.values.image_paths import ImagePaths, list_images
from service.core.values.listing import SettablePath, list_paths
from service.core.visible import visible
from service.errors import ValuesEditError


class _Values(click.Group):
    """The group; `commit` reaches out and is imported only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all commands without importing any."""
        return sorted([*super().list_commands(ctx), "commit"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one that is heavy."""
        if cmd_name == "commit":
            from service.cli.commit import commit  # noqa: PLC0415 - it uses this module

            return commit
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Values)
def values() -> None:
    """Edit Helm values files.

    Only the named scalars change, byte for byte, or nothing does.
    """


@values.command("set")
@click.argument("file")
@click.argument("assignments", nargs=-1, required=True, metavar="PATH=VALUE|PATH:=TYPED...")
@click.option("--create", is_flag=True, help="Add keys that are missing.")
@click.option("--create-file", is_flag=True, help="Make the file if it is missing, with its folders.")
@click.option("--check", is_flag=True, help="Write nothing; exit status 1 when the file would change.")
@click.option("--diff", "show_diff", is_flag=True, help="Write nothing; print the change as a unified diff.")
@click.option("--stdout", "to_stdout", is_flag=True, help="Write nothing; print the whole new file.")
@click.option("--json", "as_json", is_flag=True, help="Print what changed as JSON.")
def set_values(  # click gives every argument by name
    *,
    file: str,
    assignments: tuple[str, ...],
    create: bool,
    create_file: bool,
    check: bool,
    show_diff: bool,
    to_stdout: bool,
    as_json: bool,
) -> None:
    """Set values in FILE, in place.

    With `-` standard input is read and the new file printed.

    PATH=VALUE writes text (quoted where YAML would take it for something else), PATH:=TYPED a number or a
    boolean. Paths look like image.tag, a."key.with.dots".b, env[2].value or env[name=TAG].value; they go on
    within block scalars, and begin with the document in a file of several: [kind=Deployment].spec.
    All are set, or none: a refusal leaves the file as it was and exits with status 1.
    """
    if to_stdout and (as_json or show_diff):
        raise click.UsageError("--stdout prints the file; it cannot be combined with --json or --diff")
    edits = [parse_assignment(assignment) for assignment in assignments]
    source = read_values_file(file, new=create_file, missing="correct the path, or make the file with --create-file")
    name = source.name or "<stdin>"
    edited = edit_values(source.text, edits, file=name, create=create or create_file)
    for warning in edited.warnings:
        say(f"warning: {name}: {warning}", err=True)
    printed = to_stdout or (file == "-" and not (as_json or show_diff or check))
    if file != "-" and not (check or show_diff or to_stdout) and edited.changes:
        replace_values_file(source, encode_values(edited.text))
    _print_result(source, edited, printed=printed, show_diff=show_diff, as_json=as_json, check=check)
    if check and edited.changes:
        raise ValuesEditError(
            f"{len(edited.changes)} of {len(edits)} values differ",
            code="values-differ",
            hint="run it without --check to set them",
            file=name,
        )


@values.command("get")
@click.argument("file")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--json", "as_json", is_flag=True, help="Print an object from path to value.")
def get_values(file: str, paths: tuple[str, ...], as_json: bool) -> None:
    """Print the values at PATHs in FILE.

    One a line, as Helm would read them; `-` is standard input.
    """
    source = read_values_file(file)
    found = {path: read_value(source.text, path, file=source.name or "<stdin>") for path in paths}
    if as_json:
        rows = {path: _json_value(value) for path, value in found.items()}
        _write(json.dumps(rows, ensure_ascii=False, indent=2) + "\n")
        return
    _write("".join(f"{shown(found[path])}\n" for path in paths))


@values.command("paths")
@click.argument("file")
@click.option("--images", is_flag=True, help="Only image references, with the paths of their parts.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def list_values(file: str, images: bool, as_json: bool) -> None:
    """Print what can be set in FILE.

    One a line, as `values set` takes it; `-` is standard input.
    """
    source = read_values_file(file)
    name = source.name or "<stdin>"
    if images:
        found = list_images(source.text, file=name)
        rows = [_image_row(image) for image in found]
        lines = [line for image in found for line in _image_lines(image)]
    else:
        paths = list_paths(source.text, file=name)
        rows = [{"path": path.path, "line": path.line, "value": _json_value(path.value)} for path in paths]
        lines = [_assignment(path) for path in paths]
    _write(json.dumps(rows, ensure_ascii=False, indent=2) + "\n" if as_json else "".join(f"{line}\n" for line in lines))


def _image_row(image: ImagePaths) -> dict[str, object]:
    return {
        "at": image.at,
        "reference": image.reference,
        "paths": {role: part.path for role, part in image.parts.items()},
    }


def _image_lines(image: ImagePaths) -> list[str]:
    """Write each part as text, as it is written: a tag that Helm would take for a number is shown as the tag."""
    parts = [
        f"  {part.path}={part.text if part.text.isprintable() else json.dumps(part.text)}"
        for part in image.parts.values()
    ]
    return [f"{image.at}  {image.reference}", *parts]


def _assignment(path: SettablePath) -> str:
    """Write a path and its value as an assignment; text that does not fit on a line as JSON."""
    if path.value is None:
        return f"{path.path}="
    if isinstance(path.value, str):
        return f"{path.path}={path.value if path.value.isprintable() else json.dumps(path.value)}"
    return f"{path.path}:={shown(path.value)}"


def _print_result(
    source: ValuesFile, edited: EditedText, *, printed: bool, show_diff: bool, as_json: bool, check: bool
) -> None:
    name = source.name or "<stdin>"
    if printed:
        _write(edited.text)
        return
    diff = unified_diff(None if source.new else source.text, edited.text, name) if show_diff else ""
    if as_json:
        changes = [
            {"path": change.path, "line": change.line, "before": change.before, "after": change.after}
            for change in edited.changes
        ]
        result = {"file": name, "changed": bool(changes), "changes": changes, "warnings": list(edited.warnings)}
        _write(json.dumps(result | ({"diff": diff} if show_diff else {}), ensure_ascii=False, indent=2) + "\n")
    elif show_diff:
        _write(diff)
    elif not edited.changes:
        _write(f"{name}: nothing to change\n")
    elif not check:
        for change in edited.changes:
            before = "(new)" if change.before is None else change.before or '""'
            _write(f"{name}:{change.line}: {change.path} {before} -> {change.after}\n")


def _json_value(value: Scalar | None) -> Scalar | None:
    """Give a value that JSON can hold: NaN and infinite numbers become their YAML text."""
    return value if not isinstance(value, float) or math.isfinite(value) else shown(value)


def _write(text: str) -> None:
    """Print exactly these characters as UTF-8, whatever the line ends are; a terminal gets harmful ones escaped."""
    sys.stdout.buffer.write((visible(text) if sys.stdout.isatty() else text).encode("utf-8"))
    sys.stdout.buffer.flush()

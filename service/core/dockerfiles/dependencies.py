"""Finds out what a Python project depends on, and by which file that is installed; two locks are one too many.

Called by `describe`. Reads texts only; resolving and installing is the build's work.
"""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from service.core.dockerfiles.project import Dependencies, ProjectFiles, Source, missing, unclear, unreadable

REQUIREMENTS, LOCK = "requirements.txt", "requirements.lock"
_LOCKS = (LOCK, "uv.lock", "poetry.lock")
_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:[\[<>=!~;@(\s]|$)")
_INCLUDE = re.compile(r"(?:-r|-c|--requirement|--constraint)(?:\s*=\s*|\s+|(?<=-[rc]))(\S+)")
_LOCAL = re.compile(
    r"(?:-e|--editable|-f|--find-links)(?:=|\s+)(?!\w+(?:\+\w+)?://)|\.{0,2}/|\.(?:\s|\[|$)|file:|\S+\s*@\s*(?:file:|\.)"
)
_PLAIN = re.compile(r"[\w ./@+-]+")
_ADDRESS = re.compile(r"\w+://")
_NONE_THERE = "add requirements.txt, or better a lock: requirements.lock, uv.lock or poetry.lock"


def read_dependencies(files: ProjectFiles, folder: str = "") -> Dependencies:
    """Give a project's dependencies: by its lock, else by requirements.txt, else by pyproject.toml."""
    locks = [name for name in _LOCKS if posixpath.join(folder, name) in files]
    if len(locks) > 1:
        raise unclear(
            f"There are several locks: {' and '.join(locks)}.", "remove those by which the image shall not be built"
        )
    for name in (*locks, REQUIREMENTS):
        if posixpath.join(folder, name) not in files:
            continue
        if name in {LOCK, REQUIREMENTS}:
            return _requirements(files, posixpath.join(folder, name))
        return _locked_project(files, Source(name))
    if "pyproject.toml" in files and not folder:
        listed = tuple(_listed(_pyproject(files)))
        return Dependencies(
            Source.PYPROJECT, "pyproject.toml", ("pyproject.toml",), _names(listed), listed=_checked(listed)
        )
    where = f"{folder}/" if folder else ""
    raise missing(f"There is no {where}{REQUIREMENTS}, so nothing says what to install.", _NONE_THERE)


@dataclass(slots=True)
class _Read:
    """What was found in a requirements file and in those that it includes."""

    files: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    local: bool = False


def _requirements(files: ProjectFiles, path: str) -> Dependencies:
    read = _Read()
    _follow(files, path, read)
    return Dependencies(
        Source.REQUIREMENTS,
        path,
        tuple(read.files),
        _names(read.lines),
        hashed=any("--hash=" in line for line in read.lines),
        local=read.local,
    )


def _follow(files: ProjectFiles, path: str, read: _Read) -> None:
    if path in read.files:
        return
    read.files.append(checked_path(path))
    for number, line in _logical_lines(files[path]):
        include = _INCLUDE.match(line)
        if include and not _ADDRESS.match(include[1]):
            inner = posixpath.normpath(posixpath.join(posixpath.dirname(path), include[1]))
            if inner not in files:
                raise missing(
                    f"{path}:{number}: includes {include[1]}, which is not in the build's context.",
                    "add the file beside it, named requirements….txt or constraints….txt, or remove the line",
                )
            _follow(files, inner, read)
        elif _LOCAL.match(line):
            read.local = True
        else:
            read.lines.append(line)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Give lines without comments, joined where they go on, each with its number."""
    started, kept = 0, ""
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        bare = re.sub(r"(^|\s)#.*$", "", line).strip()
        started = started or number
        if bare.endswith("\\"):
            kept += bare[:-1] + " "
            continue
        if whole := (kept + bare).strip():
            yield started, whole
        started, kept = 0, ""
    if kept.strip():
        yield started, kept.strip()


def _locked_project(files: ProjectFiles, source: Source) -> Dependencies:
    if "pyproject.toml" not in files:
        raise missing(f"{source.value} is there, but pyproject.toml is not.", "add the pyproject.toml that it locks")
    _toml(files, source.value)
    listed = tuple(_listed(_pyproject(files)))
    return Dependencies(source, source.value, ("pyproject.toml", source.value), _names(listed), hashed=True)


def _pyproject(files: ProjectFiles) -> Mapping[str, object]:
    return _toml(files, "pyproject.toml")


def _toml(files: ProjectFiles, name: str) -> Mapping[str, object]:
    try:
        return tomllib.loads(files[name])
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise unreadable(f"{name} is not TOML: {error}.", "correct the file") from error


def _listed(document: Mapping[str, object]) -> Iterator[str]:
    """Give the requirements of `[project]`, and the names of Poetry's own table."""
    project, tool = document.get("project"), document.get("tool")
    found = project.get("dependencies") if isinstance(project, dict) else None
    yield from (one for one in found or () if isinstance(one, str))
    poetry = tool.get("poetry") if isinstance(tool, dict) else None
    own = poetry.get("dependencies") if isinstance(poetry, dict) else None
    yield from (name for name in own or () if isinstance(name, str) and name != "python")


def _names(lines: list[str] | tuple[str, ...]) -> frozenset[str]:
    """Give the names of requirements in the one way to write them (PEP 503)."""
    matches = (_NAME.match(line) for line in lines if not line.startswith("-"))
    return frozenset(re.sub(r"[-_.]+", "-", match[1]).lower() for match in matches if match)


def _checked(listed: tuple[str, ...]) -> tuple[str, ...]:
    for one in listed:
        if not one.isprintable():
            raise unreadable(f"pyproject.toml lists {one!r}.", "remove the control character")
    return listed


def checked_path(path: str) -> str:
    """Give a path that a Dockerfile can name as it is."""
    if not _PLAIN.fullmatch(path):
        raise unreadable(
            f"The name {path!r} has characters that a Dockerfile reads otherwise.", "rename the file or folder"
        )
    return path


def python_version(files: ProjectFiles) -> str:
    """Give the minor version that the project asks for: `.python-version`, else `requires-python`; empty for none."""
    told = re.match(r"\s*(?:cpython-)?(\d+\.\d+)", files.get(".python-version", ""))
    if told:
        return told[1]
    project = _pyproject(files).get("project") if "pyproject.toml" in files else None
    wanted = project.get("requires-python") if isinstance(project, dict) else None
    return _within(wanted) if isinstance(wanted, str) else ""


_OURS, _MINORS = 12, range(9, 15)
_CLAUSE = re.compile(r"\s*(>=|<=|==|!=|~=|>|<)\s*3\.(\d+)(\.[\d*]+)?\s*")


def _within(wanted: str) -> str:
    """Give the minor version nearest to our own that the specifier lets in; empty where none is."""
    clauses = [match for match in map(_CLAUSE.fullmatch, wanted.split(",")) if match]
    fits = [minor for minor in _MINORS if all(_fits(match, minor) for match in clauses)]
    return f"3.{min(fits, key=lambda minor: abs(minor - _OURS))}" if fits else ""


def _fits(clause: re.Match[str], minor: int) -> bool:
    bound, patch = int(clause[2]), clause[3]
    match clause[1]:
        case ">=" | ">" | "~=" if not (clause[1] == "~=" and patch):
            return minor >= bound
        case "<=":
            return minor <= bound
        case "<":
            return minor <= bound if patch else minor < bound
        case "!=":
            return minor != bound or bool(patch and patch != ".*")
        case _:
            return minor == bound

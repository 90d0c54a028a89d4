"""The default texts of a commit and a pull request of `values commit`. Pure; called only by that command."""

from __future__ import annotations

import json

from service.core.values import Changes, ScalarChange

SUBJECT_LENGTH = 72
VALUE_LENGTH = 100


def write_message(changes: Changes) -> str:
    """Give a subject that fits on a line, and a line for each changed scalar."""
    lines = [f"- {_one_line(file)}: {_change(change)}" for file, change in changes]
    return "\n".join([_subject(changes), "", *lines]) + "\n"


def title_of(message: str) -> str:
    """Give a commit message's first line."""
    return message.strip().partition("\n")[0].strip()


def pull_request_body(message: str, changes: Changes) -> str:
    """Give the body: what the message says below its first line, and what is changed, in GitHub's Markdown."""
    own = message.strip().partition("\n")[2].strip()
    lines = [f"- {_code(file)}: {_code(_change(change))}" for file, change in changes]
    told = "" if own == "\n".join(write_message(changes).splitlines()[2:]) else own
    return "\n\n".join(part for part in (told, "\n".join(lines)) if part) + "\n"


def _subject(changes: Changes) -> str:
    files = list(dict.fromkeys(file for file, _ in changes))
    (file, change), rest = changes[0], changes[1:]
    where = _one_line(file) if len(files) == 1 else f"{len(files)} files"
    many = f"Set {len(changes)} values in {where}"
    if rest:
        return many if len(many) <= SUBJECT_LENGTH else f"Set {len(changes)} values"
    value, path = _value(change.after), _one_line(change.path)
    fitting = [f"Set {path} to {value} in {where}", f"Set {path} in {where}", f"Set {path} to {value}", f"Set {path}"]
    return next((text for text in fitting if len(text) <= SUBJECT_LENGTH), "Set a value")


def _change(change: ScalarChange) -> str:
    before = "(new)" if change.before is None else _value(change.before)
    return f"{_one_line(change.path)} {before} -> {_value(change.after)}"


def _value(value: str) -> str:
    shown = _one_line(value) or '""'
    return shown if len(shown) <= VALUE_LENGTH else f"{shown[: VALUE_LENGTH - 1]}…"


def _one_line(text: str) -> str:
    return text if text.isprintable() else json.dumps(text, ensure_ascii=True)


def _code(text: str) -> str:
    """Write a text as code; more backquotes around it than in it."""
    fence = "`"
    while fence in text:
        fence += "`"
    return f"{fence} {text} {fence}" if "`" in text else f"`{text}`"

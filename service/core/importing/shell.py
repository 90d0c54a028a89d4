"""Shell scripts as simple commands: words with quotes removed, variables left as written, and their lines.

Called by `scripts`. Tolerant: a quote that is never closed ends with the text, a construct that is not understood is
a word. It runs nothing. Of shlex it lacks the strictness, and it keeps `$( … )`, `${ … }` and `${{ … }}` whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_OPERATORS = ("&&", "||", ";;", ";", "|", "&", "(", ")", "\n")
_OPENERS = (("${{", "}}"), ("$((", "))"), ("${", "}"), ("$(", ")"), ("`", "`"))
_BEFORE = frozenset({"if", "then", "else", "elif", "do", "while", "until", "!", "{", "time", "sudo", "exec", "command"})
_CONDITIONS = frozenset({"if", "then", "else", "elif", "fi", "case", "esac"})
_SETTERS = frozenset({"export", "local", "declare", "readonly"})
_MOST_COMMANDS = 5_000


class ShellCommand(NamedTuple):
    """One simple command; `sets` are the assignments before it, `writes` is the file that its output goes to.

    `arm` numbers the ways of an `if`, a `case` or `&&` that it is in; 0 is none.
    """

    words: tuple[str, ...]
    line: int
    sets: tuple[tuple[str, str], ...] = ()
    writes: str = ""
    arm: int = 0


class _Arms:
    """Follows which way of a condition a command is in."""

    def __init__(self) -> None:
        """Begin outside of all."""
        self._depth, self._number, self._chained = 0, 0, False

    def operator(self, text: str) -> None:
        """Go on after an operator."""
        self._chained = text in {"&&", "||"}
        if text in {"&&", "||", ";;"}:
            self._number += 1

    def enter(self, words: list[_Word]) -> int:
        """Give the way that a command is in, by the words before it."""
        for word in words:
            if word.quoted or word.text not in _CONDITIONS:
                break
            self._depth += {"if": 1, "case": 1, "fi": -1, "esac": -1}.get(word.text, 0)
            self._number += 1
        return self._number if self._depth > 0 or self._chained else 0


class _Word(NamedTuple):
    text: str
    line: int
    quoted: bool


def commands(script: str, first_line: int = 1) -> Iterator[ShellCommand]:
    """Give the simple commands of a script in their order."""
    words: list[_Word] = []
    count, arms = 0, _Arms()
    for token in [*_tokens(script.replace("\r\n", "\n"), first_line), None]:
        if token is not None and (token.quoted or token.text not in _OPERATORS):
            words.append(token)
            continue
        if words:
            arm = arms.enter(words)
            yield _command(words)._replace(arm=arm)
            count += 1
            words = []
        if token is not None:
            arms.operator(token.text)
        if count >= _MOST_COMMANDS:
            return


def _command(words: list[_Word]) -> ShellCommand:
    """Take assignments, redirections and words such as `if` away from a command's words."""
    line, writes = words[0].line, ""
    sets: list[tuple[str, str]] = []
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if not kept and not word.quoted and word.text in _BEFORE:
            continue
        name, equals, value = word.text.partition("=")
        if not kept and equals and name.isidentifier():
            sets.append((name, value))
        elif not word.quoted and word.text.lstrip("012&") in {">", ">>", "<", "<<<", ">&"}:
            target = next(rest, _Word("", line, quoted=True))
            writes = target.text if ">" in word.text and not word.text.startswith("2") else writes
        else:
            line = line if kept else word.line
            kept.append(word.text)
    if kept and kept[0] in _SETTERS:
        pairs = (word.partition("=") for word in kept[1:])
        return ShellCommand((), line, (*sets, *((name, value) for name, equals, value in pairs if equals)))
    return ShellCommand(tuple(kept), line, tuple(sets), writes)


def _tokens(script: str, line: int) -> Iterator[_Word]:
    """Give words and operators; heredocs are left out."""
    at, end = 0, len(script)
    heredocs: list[str] = []
    while at < end:
        character = script[at]
        if script.startswith("\\\n", at):
            at, line = at + 2, line + 1
        elif character in " \t\r":
            at += 1
        elif character == "#":
            at = _line_end(script, at)
        elif script.startswith("<<", at) and not script.startswith("<<<", at):
            at, name = _heredoc_name(script, at + 2)
            heredocs.append(name)
        elif character in "<>" or (character in "012&" and script[at + 1 : at + 2] == ">"):
            length = next(n for n in (4, 3, 2, 1) if set(script[at : at + n]) <= set("012&<>") and at + n <= end)
            yield _Word(script[at : at + length], line, quoted=False)
            at += length
        elif operator := next((one for one in _OPERATORS if script.startswith(one, at)), ""):
            yield _Word(operator, line, quoted=False)
            at += len(operator)
            if operator == "\n":
                line += 1
                for name in heredocs:
                    at, line = _after_heredoc(script, at, name, line)
                heredocs = []
        else:
            text, stop, quoted = _word(script, at)
            yield _Word(text, line, quoted=quoted)
            line += script.count("\n", at, stop)
            at = stop


def _word(script: str, at: int) -> tuple[str, int, bool]:
    """Read one word up to a blank or an operator."""
    kept: list[str] = []
    quoted = False
    while at < len(script) and script[at] not in " \t\r\n;|&()<>":
        if script.startswith("\\\n", at):
            at += 2
        elif script[at] == "\\":
            kept.append(script[at + 1 : at + 2])
            at, quoted = at + 2, True
        elif script[at] == "'":
            stop = _found(script, "'", at + 1)
            kept.append(script[at + 1 : stop])
            at, quoted = stop + 1, True
        elif script[at] == '"':
            text, at = _in_double_quotes(script, at + 1)
            kept.append(text)
            quoted = True
        elif (stop := _whole(script, at)) > at:
            kept.append(script[at:stop])
            at = stop
        else:
            kept.append(script[at])
            at += 1
    return "".join(kept), at, quoted


def _in_double_quotes(script: str, at: int) -> tuple[str, int]:
    kept: list[str] = []
    while at < len(script) and script[at] != '"':
        if script[at] == "\\":
            following = script[at + 1 : at + 2]
            kept.append("" if following == "\n" else following if following in '"$`\\' else f"\\{following}")
            at += 2
        elif (stop := _whole(script, at)) > at:
            kept.append(script[at:stop])
            at = stop
        else:
            kept.append(script[at])
            at += 1
    return "".join(kept), at + 1


def _whole(script: str, at: int) -> int:
    """Give the end of an expansion that begins here; the same place if none does."""
    for opener, closer in _OPENERS:
        if script.startswith(opener, at):
            if opener == "${{":
                return _found(script, closer, at) + 2
            if opener == "`":
                return _found(script, closer, at + 1) + 1
            return _balanced(script, at + len(opener), opener[-1], closer)
    return at


def _balanced(script: str, at: int, opener: str, closer: str) -> int:
    depth = 1
    while at < len(script):
        if script.startswith(closer, at):
            depth -= 1
            if not depth:
                return at + len(closer)
        elif script[at] == opener:
            depth += 1
        at += 1
    return at


def _found(script: str, text: str, at: int) -> int:
    place = script.find(text, at)
    return len(script) if place < 0 else place


def _line_end(script: str, at: int) -> int:
    return _found(script, "\n", at)


def _heredoc_name(script: str, at: int) -> tuple[int, str]:
    while script[at : at + 1] in {"-", " "}:
        at += 1
    name, stop, _ = _word(script, at)
    return max(stop, at), name


def _after_heredoc(script: str, at: int, name: str, line: int) -> tuple[int, int]:
    """Give the place and the line after the text of a heredoc."""
    while at < len(script):
        stop = _line_end(script, at)
        text = script[at:stop].strip()
        at, line = min(stop + 1, len(script)), line + 1
        if text == name:
            break
    return at, line

"""Reads what a command in a comment asks for: its verb, its words and its options, as people type them on any keyboard.

Telephones turn `--` into a dash and straight quotes into curly ones; both are read as what was typed. Nothing else is
guessed: a letter of another alphabet makes another word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from service.core.comments.command_lines import MARK, command_lines
from service.core.comments.verbs import FORMS, Verb, usage
from service.core.config.report import nearest
from service.core.foreign_text import cut, line
from service.core.visible import HARMFUL

MOST_COMMANDS = 5
"""How many commands one comment may have. If it has more, none is obeyed."""
SHOWN = 200

_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "\u00a0": " ", "\u202f": " "})
_DASHES = re.compile(r"(?<![^ \t])(?:--|[\u2014\u2013])(?=[A-Za-z])")
_WORD = re.compile(r'(?:[^\s"]|"(?:[^"\\]|\\.)*")+')
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_OPTION = re.compile(r"--(?P<name>[a-z][a-z-]*)(?:=(?P<value>.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Command:
    """One command, and its line to be shown. `values` has each option once, `overrides` every gate that is named."""

    verb: Verb
    text: str
    words: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    flags: frozenset[str] = frozenset()
    overrides: tuple[str, ...] = ()

    def value(self, name: str) -> str:
        """Give the value of an option; empty if it was not given."""
        return dict(self.values).get(name, "")


@dataclass(frozen=True, slots=True)
class Misread:
    """A line that asks for nothing that there is. `unknown` says that not even its first word is known."""

    text: str
    words: str
    unknown: bool = False


def read_commands(body: str) -> list[Command | Misread]:
    """Read the commands of a comment in their order; one Misread alone if there are too many of them."""
    lines = command_lines(body)
    if len(lines) > MOST_COMMANDS:
        words = f"a comment may have at most {MOST_COMMANDS} commands, and this one has {len(lines)}: none was obeyed"
        return [Misread(f"{len(lines)} commands", words)]
    return [_read(one) for one in lines]


def _read(text: str) -> Command | Misread:
    shown = cut(line(text), SHOWN)
    if HARMFUL.search(text):
        return Misread(shown, "it has characters that cannot be seen, or that turn text around")
    rest = _DASHES.sub("--", text.removeprefix(MARK).translate(_QUOTES)).strip()
    if rest.count('"') - rest.count('\\"') & 1:
        return Misread(shown, "a quote has no end")
    words = [_plain(one) for one in _WORD.findall(rest)]
    if not words:
        return Command(Verb.HELP, shown)
    try:
        verb = Verb(words[0].lower())
    except ValueError:
        hint = nearest(words[0].lower(), [*Verb])
        return Misread(shown, f"there is no command {cut(line(words[0]), 40)}; {hint}", unknown=True)
    return _with_options(verb, shown, words[1:])


def _plain(word: str) -> str:
    """Take the quotes away, and the backslash before what is escaped in them."""
    return _TEXT.sub(lambda found: _ESCAPED.sub(r"\1", found[1]), word)


def _with_options(verb: Verb, shown: str, words: list[str]) -> Command | Misread:
    form = FORMS[verb]
    plain: list[str] = []
    values: dict[str, str] = {}
    flags: set[str] = set()
    overrides: list[str] = []
    left = iter(words)
    for word in left:
        found = _OPTION.fullmatch(word)
        name = found["name"] if found else ""
        if found is None:
            plain.append(word)
        elif name in form.flags and found["value"] is None:
            flags.add(name)
        elif name in form.values:
            value = found["value"] if found["value"] is not None else next(left, "")
            if not value.strip() or value.startswith("--"):
                return Misread(shown, f"--{name} wants a value: {usage(verb)}")
            if name == "override":
                overrides.append(value)
            elif name in values:
                return Misread(shown, f"--{name} is there twice")
            else:
                values[name] = value
        else:
            return Misread(shown, f"{verb} has no option {cut(line(word), 40)}: {usage(verb)}")
    if len(plain) > form.most_words:
        return Misread(shown, f"there are too many words; quotes keep a reason together: {usage(verb)}")
    return Command(verb, shown, tuple(plain), tuple(values.items()), frozenset(flags), tuple(overrides))

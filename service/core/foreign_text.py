"""Makes text of people harmless before we repeat it: on one line, of bounded length, without effects on GitHub.

Called by the code that writes messages, pull requests and statuses. GitHub acts on texts wherever
it finds them, in commits' messages too: it closes issues, mentions people, and links.
"""

from __future__ import annotations

import re

from service.core.graphemes import whole_before
from service.core.words import Actor

SUBJECT_LENGTH = 250
"""The most characters of a foreign subject or title; a longer one is cut. A pull request's title may have 256."""
NAME_LENGTH = 100
VALUE_LENGTH = 200
ZERO_WIDTH_SPACE = "\u200b"

_SPACES = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_MARKUP = re.compile(r"[\\`*_{}\[\]()<>|~!&]")
_ACTIVE = re.compile(r"[@#]|://|(?<=\bGH)-|(?<=\bwww)\.", re.IGNORECASE)
_ACTIVE_PLAIN = re.compile(
    r"(?<![A-Za-z0-9])@(?=[A-Za-z0-9])|\#(?=\d)|://(?=\S*/(?:issues|pull|discussions)/\d)|(?<=\bGH)-(?=\d)"
    r"|\[(?=(?:skip ci|ci skip|no ci|skip actions|actions skip)\])",
    re.IGNORECASE,
)
"""What GitHub acts on in a commit's message: mentions, numbers and addresses of issues, and what skips its workflows
(https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs). An image's `app:1@sha256:…` is
none of them, nor is a mail address."""
_PLAIN = re.compile(r"[A-Za-z0-9 ._:/@+=,-]+")
_ANGLES = re.compile(r"[<>]")
_EMAIL = re.compile(r"[!-;=?-~]+")
"""No space, no angle bracket, ASCII: what git keeps as it is."""
_LONGEST_EMAIL = 254
"""https://www.rfc-editor.org/errata/eid1690"""
_ADDRESS = re.compile(r"https?://[^\s()<>\[\]|`\\]{1,500}")


def line(text: str) -> str:
    """Put text on one line; control characters, line separators and text-direction marks are spaces."""
    return _SPACES.sub(" ", _CONTROL.sub(" ", text)).strip()


def cut(text: str, length: int) -> str:
    """Cut a text to so many characters; the last one then shows that there were more."""
    return text if len(text) <= length else f"{text[: whole_before(text, length - 1)].rstrip()}…"


def plain(text: str, length: int = SUBJECT_LENGTH) -> str:
    """Prepare people's text for a commit's message: one line, cut, and nothing in it that GitHub acts on.

    A zero-width space separates `@`, `#` and the like from what follows, so that "fixes #3" closes nothing.
    """
    return _ACTIVE_PLAIN.sub(_parted, cut(line(text), length))


def markdown(text: str, length: int = SUBJECT_LENGTH) -> str:
    """Prepare people's text for Markdown, so that it shows as it is: no markup, and nothing that GitHub acts on."""
    escaped = _MARKUP.sub(lambda match: f"\\{match[0]}", cut(line(text), length))
    return _ACTIVE.sub(_parted, escaped)


def value(text: str | None) -> str:
    """Give a value of a file, on one line and cut; "(none)" for one that is not there."""
    if text is None:
        return "(none)"
    return cut(line(text), VALUE_LENGTH) or '""'


def code(text: str) -> str:
    """Show a name or value as code; if odd characters would break the table, as plain text."""
    shown = line(text)
    return f"`{shown}`" if _PLAIN.fullmatch(shown) else markdown(shown, len(shown))


def link(text: str, url: str) -> str:
    """Link Markdown to an address; give only the text if the address is unusable or very long."""
    return f"[{text}]({url})" if _ADDRESS.fullmatch(url) else text


def fitting(lines: list[str], room: int) -> list[str]:
    """Give the first lines that together fit into so many bytes."""
    kept = []
    for one in lines:
        room -= len(one.encode()) + 1
        if room < 0:
            break
        kept.append(one)
    return kept


def _parted(match: re.Match[str]) -> str:
    return f"{match[0][0]}{ZERO_WIDTH_SPACE}{match[0][1:]}"


def person(author: Actor | None) -> str:
    """Write a person as git does; empty for one without a name or an address that git can write."""
    if author is None:
        return ""
    name, email = plain(_ANGLES.sub(" ", author.name), NAME_LENGTH), author.email.strip()
    return f"{name} <{email}>" if name and len(email) <= _LONGEST_EMAIL and _EMAIL.fullmatch(email) else ""

"""Compares what a chart renders before and after a promotion, object by object, and writes that for a pull request.

Called with the other parts of a pull request's text. Pure text in, text out; the same sides give the same text.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from service.core.foreign_text import code, line, markdown
from service.core.rendered.objects import Entries, Name, UnreadableObjectError, name_of, read_object, texts_of
from service.core.rendered.shown_objects import Hidden, made_by_chance, shown

MOST_LINES = 4_000
"""Lines of an object that is compared line by line."""
MOST_COMPARED = 200
REASON_LENGTH = 400
_RANDOM = re.compile(
    rb"\b(?:rand(?:AlphaNum|Alpha|Ascii|Numeric|Bytes|Int)|gen(?:CA|PrivateKey|SelfSignedCert|SignedCert)\w*|uuidv4|now|ago"
    rb"|shuffle|bcrypt|htpasswd|encryptAES)\b"
)


@dataclass(frozen=True, slots=True)
class Change:
    """What changes of one object: its lines as a diff, or why they are not shown."""

    name: str
    what: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a promotion changes in the rendered manifests.

    `how` says what was rendered, in words of ours with code in them. `reason` says why nothing was, in words that may
    be other people's. `left` counts changed objects that were not compared.
    """

    changes: tuple[Change, ...] = ()
    objects: int = 0
    how: str = ""
    reason: str = ""
    left: int = 0


def may_be_random(files: Mapping[str, bytes]) -> bool:
    """Tell whether a chart may render something else each time: it calls what does so, or has packed charts in it."""
    return any(name.endswith(".tgz") or _RANDOM.search(text) for name, text in files.items())


def compare(before: str, after: str, *, again: str = "", how: str = "") -> Rendered:
    """Compare two sides; what is the same text on both is not even read.

    `again` is the second side once more: what is another text there is made by chance, and no change.
    """
    old, new = texts_of(before), texts_of(after)
    gone, came = Counter(old) - Counter(new), Counter(new) - Counter(old)
    was, now = _read(gone.elements()), _read(came.elements())
    other = _read((Counter(texts_of(again)) - Counter(new)).elements()) if again else {}
    names = sorted({**was, **now})
    sides = ((name, was.get(name), now.get(name), other.get(name)) for name in names[:MOST_COMPARED])
    changes = [change for one in sides if (change := _change(*one))]
    return Rendered(tuple(changes), len(new), how, left=max(len(names) - MOST_COMPARED, 0))


def rendered_section(rendered: Rendered, room: int, more: str = "") -> str:
    """Write what changes in so many bytes; `more` is a link to where the rest is seen."""
    if rendered.reason:
        return f"The manifests are not rendered: {markdown(rendered.reason, REASON_LENGTH)}."
    if not rendered.changes and not rendered.left:
        return f"The rendered manifests stay the same, {rendered.how}."
    count = len(rendered.changes) + rendered.left
    head = f"<details><summary>What changes in the rendered manifests: {count} of {_objects(rendered)}</summary>"
    told = f"{rendered.how[:1].upper()}{rendered.how[1:]}. What may be secret is hidden."
    left = count
    blocks: list[str] = []
    room -= len(f"{head}\n\n{told}\n\n</details>".encode()) + 400 + len(more.encode())
    for one in rendered.changes:
        block = _block(one, room)
        room -= len(block.encode()) + 2
        if room < 0:
            break
        blocks.append(block)
        left -= 1
    rest = f"{left} more {'object changes' if left == 1 else 'objects change'}. {more}".rstrip() if left else ""
    return "\n\n".join(part for part in (head, told, *blocks, rest, "</details>") if part)


def _objects(rendered: Rendered) -> str:
    return f"{rendered.objects} {'object' if rendered.objects == 1 else 'objects'}"


def _block(change: Change, room: int) -> str:
    """Write the diff of one object; a long one is cut, so that the others are told too."""
    title = f"{code(change.name)} {change.what}"
    if not change.lines:
        return title
    body = "\n".join(change.lines)
    longest = max(room // 2, 2_000)
    if len(body.encode()) > longest:
        kept = body.encode()[:longest].decode(errors="ignore").rpartition("\n")[0]
        body = f"{kept}\n(the rest is left out)"
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", body)), default=0) + 1)
    return f"{title}:\n\n{fence}diff\n{body}\n{fence}"


def _read(texts: Iterator[str]) -> dict[Name, Entries | str]:
    """Read objects by name; for one that is not shown its reason."""
    found: dict[Name, Entries | str] = {}
    for text in texts:
        try:
            read: Entries | str = read_object(text)
        except UnreadableObjectError as error:
            read = str(error)
        name = name_of(read) if isinstance(read, Entries) else Name("", "", "", "")
        while name in found:
            name = name._replace(number=name.number + 1)
        found[name] = read
    return found


def _change(
    name: Name, was: Entries | str | None, now: Entries | str | None, again: Entries | str | None
) -> Change | None:
    title, what = line(str(name)), "is new" if was is None else "goes away" if now is None else "changes"
    for side in (was, now):
        if isinstance(side, str):
            return Change(title, f"{what} and is not shown, because {side}")
    hidden: Hidden = {}
    old: list[str] = []
    chance = made_by_chance(now, again) if isinstance(now, Entries) and isinstance(again, Entries) else frozenset()
    if isinstance(was, Entries):
        old, hidden = shown(was, chance=chance)
    new = shown(now, hidden, chance)[0] if isinstance(now, Entries) else []
    if max(len(old), len(new)) > MOST_LINES:
        return Change(title, f"{what} and is not shown, because it is too long")
    return Change(title, what, tuple(_diff(old, new))) if old != new else None


def _diff(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    every = difflib.unified_diff(old, new, lineterm="", n=2)
    return (one for number, one in enumerate(every) if number > 1)

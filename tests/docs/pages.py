"""The documentation as data: pages with their headings, links, code blocks and commands.

Read by the tests beside it. It changes nothing and knows no page by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.fixtures.tools import ROOT

_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,})(?P<language>[\w-]*)\n(?P<text>.*?)^(?P=indent)(?P=fence)$",
    re.DOTALL | re.MULTILINE,
)
_LINK = re.compile(r"(?<!!)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])+)\]\((?P<target>[^()\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_COMMENT = re.compile(r"(^|\s)#.*$")


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        """The path in the repository."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        """The page's whole text."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """The page without its code blocks."""
        return _FENCE.sub("", self.text)

    @cached_property
    def anchors(self) -> frozenset[str]:
        """The anchors of this page's headings, which a link may have after `#`, as GitHub makes them."""
        found: dict[str, int] = {}
        names = []
        for heading in _HEADING.findall(self.prose):
            slug = slug_of(heading)
            count = found.get(slug, 0)
            found[slug] = count + 1
            names.append(f"{slug}-{count}" if count else slug)
        return frozenset(names)

    @property
    def links(self) -> list[str]:
        """Where the page's links lead."""
        return [match["target"] for match in _LINK.finditer(_CODE.sub("``", self.prose))]

    def blocks(self, language: str) -> list[str]:
        """Give the code blocks of a language."""
        return [match["text"] for match in _FENCE.finditer(self.text) if match["language"] == language]

    @property
    def inline(self) -> list[str]:
        """The texts between backquotes in a line."""
        return _CODE.findall(self.prose)

    def commands(self, program: str) -> Iterator[str]:
        """Give each use of a program: lines and parts of lines in shell blocks, and inline code that begins with it."""
        for block in [*self.blocks("sh"), *self.blocks("text")]:
            for line in re.sub(r"\\\n\s*", " ", block).splitlines():
                for part in re.split(r"&&|\|\||;|\$\(|\s\|\s|\s&(?:\s|$)", _COMMENT.sub("", line)):
                    bare = part.strip().removeprefix("$ ").removeprefix(".venv/bin/")
                    if bare.split(" ")[0] == program:
                        yield bare
        for code in self.inline:
            bare = code.removeprefix(".venv/bin/")
            if bare.split(" ")[0] == program:
                yield bare


def slug_of(heading: str) -> str:
    """Give the anchor of a heading: https://github.com/gjtorikian/html-pipeline has GitHub's rule."""
    plain = _LINK.sub(lambda match: match["text"], heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")


def all_pages() -> list[Page]:
    """Give every page that people read: the repository's own, those in `docs/`, and those of the parts."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("manifests-template/*.md")]
    return [Page(path) for path in sorted(found)]


def page(name: str) -> Page:
    """Give one page by its path in the repository."""
    return Page(ROOT / name)

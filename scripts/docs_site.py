"""What MkDocs cannot do by itself for the site of `docs/`; MkDocs calls the `on_…` functions, by `hooks` in mkdocs.yml.

It makes the first page from README.md, fills patterns of the navigation, leads links out of `docs/` to the repository's
pages, and puts right where MkDocs reads Markdown otherwise than GitHub. It never changes a file of the repository.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
FRONT = {"README.md": "index.md", "README.ko.md": "README.ko.md"}
"""Pages at the top of the repository, and what they are in the site."""

_CODE = re.compile(r"^(?P<indent> *)(`{3,}).*?^(?P=indent)\2$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
_ENTRY = re.compile(r"(?:-|\d\.) ")
_FENCE = re.compile(r"`{3,}")
_LINK = re.compile(r"(?<=\]\()(?P<target>[^()\s#]+)(?P<anchor>#[^()\s]*)?(?=\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the front pages, and give every entry of the navigation that is a pattern its pages."""
    for name, page in FRONT.items():
        if (ROOT / name).exists():
            files.append(File.generated(config, page, content=(ROOT / name).read_text(encoding="utf-8")))
    pages = sorted(file.src_uri for file in files.documentation_pages())
    config.nav = filled(config.nav or [], pages)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead the page's links to where they are in the site, or to the repository."""
    origin = next((name for name, made in FRONT.items() if made == page.file.src_uri), f"docs/{page.file.src_uri}")
    known = {file.src_uri for file in files}
    return indented(rewritten(markdown, origin, page.file.src_uri, known, config.extra["repository"]))


def rewritten(text: str, origin: str, page: str, known: Iterable[str], repository: str) -> str:
    r"""Give the text with links as the site needs them.

    GitHub wants a bar between backquotes as `\|` in a table; MkDocs would show the backslash.
    `origin` is the file that the text is from, from which its links go out; `page` is where it is in the site, whose
    files are `known`.
    """

    def led(found: re.Match[str]) -> str:
        target, anchor = found["target"], found["anchor"] or ""
        if ":" in target:
            return found[0]
        place = posixpath.normpath(posixpath.join(posixpath.dirname(origin), target))
        inside = FRONT.get(place) or (place.removeprefix("docs/") if place.startswith("docs/") else "")
        if inside in known:
            return posixpath.relpath(inside, posixpath.dirname(page) or ".") + anchor
        kind = "tree" if (ROOT / place).is_dir() else "blob"
        return f"{repository}/{kind}/main/{place}{anchor}"

    parts, at = [], 0
    for code in _CODE.finditer(text):
        parts += [_LINK.sub(led, text[at : code.start()]), code[0] if "\n" in code[0] else code[0].replace(r"\|", "|")]
        at = code.end()
    return "".join([*parts, _LINK.sub(led, text[at:])])


def indented(text: str) -> str:
    """Give the text with what belongs to an entry of a list indented by four, as MkDocs reads it; GitHub takes less.

    After an entry of several paragraphs MkDocs wants an empty line before the next entry.
    """
    lines: list[str] = []
    deeper, fence, loose = "", "", False
    for line in text.split("\n"):
        marker = None if fence else _ENTRY.match(line)
        if marker:
            if loose and lines[-1]:
                lines.append("")
            deeper, loose = " " * (4 - len(marker[0])), False
        elif line and not line.startswith(" "):
            deeper, loose = "", False
        elif deeper and not line:
            loose = True
        bare = line.strip()
        if fence and bare == fence:
            fence = ""
        elif not fence and (opened := _FENCE.match(bare)):
            fence = opened[0]
        lines.append(deeper + line if line.startswith("  ") else line)
    return "\n".join(lines)


Nav = list["str | dict[str, str | Nav]"]


def filled(nav: Nav, pages: list[str]) -> Nav:
    """Give the navigation with pages in place of patterns, and without what is not there.

    A page that is named, or that a former pattern took, is not in a later pattern.
    """
    taken = set(named(nav))

    def entries(items: Nav) -> Nav:
        found: Nav = []
        for item in items:
            if isinstance(item, str):
                fitting = [page for page in pages if fnmatch(page, item)] if "*" in item else []
                fresh = [page for page in fitting if page not in taken] if "*" in item else [item]
                taken.update(fresh)
                found += [page for page in fresh if page in pages]
                continue
            for title, below in item.items():
                kept = entries(below) if isinstance(below, list) else below
                if kept and (isinstance(kept, list) or kept in pages):
                    found.append({title: kept})
        return found

    return entries(nav)


def named(nav: Nav) -> Iterable[str]:
    """Give every page that the navigation names outright."""
    for item in nav:
        below = [item] if isinstance(item, str) else list(item.values())
        for one in below:
            if isinstance(one, str):
                yield from () if "*" in one else (one,)
            else:
                yield from named(one)

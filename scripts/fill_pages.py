"""Fill what pages show of other files with what is in these. Run it after a change of an example or a translated page.

A translation (`NAME.ko.md`) gets the blocks of code of `NAME.md`, one after the other. In other pages a comment
`<!-- PATH -->` on a line of its own, before a block of code, says which file the block shows. The tests call `filled`
and `translated`, and compare.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
_SHOWN = re.compile(
    r"^<!-- (?P<path>\S+) -->\n\n(?P<fence>`{3,})(?P<language>\w+)\n.*?^(?P=fence)$", re.DOTALL | re.MULTILINE
)


def filled(text: str) -> str:
    """Give a page's text with each block as its file is now."""

    def shown(found: re.Match[str]) -> str:
        inside = (ROOT / found["path"]).read_text(encoding="utf-8").rstrip("\n")
        return f"<!-- {found['path']} -->\n\n{found['fence']}{found['language']}\n{inside}\n{found['fence']}"

    return _SHOWN.sub(shown, text)


_BLOCK = re.compile(r"^(?P<fence>`{3,})\w*\n.*?^(?P=fence)$", re.DOTALL | re.MULTILINE)


def translated(text: str, original: str) -> str:
    """Give a translation's text with the blocks of code of the original; one that has another number stays as it is."""
    blocks = [found[0] for found in _BLOCK.finditer(original)]
    if len(_BLOCK.findall(text)) != len(blocks):
        return text
    left = iter(blocks)
    return _BLOCK.sub(lambda _: next(left), text)


def files(text: str) -> list[str]:
    """Give the files that a page shows."""
    return [found["path"] for found in _SHOWN.finditer(text)]


def main() -> None:
    """Fill every page."""
    for path in (ROOT / "docs").rglob("*.md"):
        text = path.read_text(encoding="utf-8")
        if filled(text) != text:
            path.write_text(filled(text), encoding="utf-8")
    for path in [*ROOT.glob("*.ko.md"), *(ROOT / "docs").rglob("*.ko.md")]:
        original = path.with_name(path.name.replace(".ko.md", ".md")).read_text(encoding="utf-8")
        path.write_text(translated(path.read_text(encoding="utf-8"), original), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Fill what pages of `docs/` show of files with what is in the files. Run it after a change of an example.

A comment `<!-- PATH -->` on a line of its own, before a block of code, says which file the block shows. The tests call
`filled` and compare.
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


def files(text: str) -> list[str]:
    """Give the files that a page shows."""
    return [found["path"] for found in _SHOWN.finditer(text)]


def main() -> None:
    """Fill every page."""
    for path in (ROOT / "docs").rglob("*.md"):
        text = path.read_text(encoding="utf-8")
        if filled(text) != text:
            path.write_text(filled(text), encoding="utf-8")


if __name__ == "__main__":
    main()

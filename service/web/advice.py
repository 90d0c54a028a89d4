"""What to do about an error, by its code: the third column of docs/errors.md, for the pages.

Called by the page of a run. `advice.json` beside this file is written from docs/errors.md, because the package does not
contain the documentation; a test holds both equal.
"""

from __future__ import annotations

import json
import re
import sys
from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).parent / "advice.json"
_ROW = re.compile(r"^\| `(?P<code>[a-z0-9-]+)` \| (?P<happened>.*) \| (?P<action>.*) \|$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")


@lru_cache(maxsize=1)
def _advice() -> dict[str, str]:
    told: dict[str, str] = json.loads(_FILE.read_text(encoding="utf-8"))
    return told


def advice(code: str) -> str:
    """Say what to do about an error; nothing for a code that is not known."""
    return _advice().get(code, "")


def from_documentation(text: str) -> dict[str, str]:
    """Read docs/errors.md: the advice for each code, in its Markdown but for links."""
    return {row["code"]: _LINK.sub(r"\1", row["action"]) for row in _ROW.finditer(text)}


def main(documentation: Path) -> None:
    """Write `advice.json` anew."""
    told = from_documentation(documentation.read_text(encoding="utf-8"))
    _FILE.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Render each folder of examples/ to its `rendered.yaml`. Run it after a change of the chart, and read the difference.

A folder's other files are one release each, called as the file. The tests call `rendered` and compare.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHART = ROOT / "charts" / "application"
EXAMPLES = ROOT / "examples"
GOLDEN = "rendered.yaml"
NAMESPACE = "shop"


def folders() -> list[Path]:
    """Give the folder of every example."""
    return sorted({path.parent for kind in ("secrets", "serving") for path in (EXAMPLES / kind).rglob("*.yaml")})


def releases(folder: Path) -> list[Path]:
    """Give the values files of an example."""
    return sorted(path for path in folder.glob("*.yaml") if path.name != GOLDEN)


def rendered(helm: str, folder: Path) -> str:
    """Return what Helm makes of an example: all its releases, one after the other."""
    texts = []
    for values in releases(folder):
        argv = [helm, "template", values.stem, str(CHART), "--namespace", NAMESPACE, "--values", str(values)]
        told = subprocess.run(argv, check=False, capture_output=True, text=True)
        if told.returncode != 0:
            raise SystemExit(f"{values.relative_to(ROOT)}: {told.stderr}")
        texts.append(told.stdout)
    return "".join(texts)


def main(helm: str) -> None:
    """Write every golden file anew."""
    for folder in folders():
        (folder / GOLDEN).write_text(rendered(helm, folder))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(ROOT / ".tools" / "bin" / "helm"))

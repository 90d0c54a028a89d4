"""Golden cases: what a project has, what is wished, and the Dockerfile that comes out, one file a case."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from service.core.dockerfiles.describe import find_template
from service.core.dockerfiles.project import ProjectFiles
from service.core.dockerfiles.render import dockerfile_for
from service.core.dockerfiles.wishes import Wishes

FOLDER = Path(__file__).parents[2] / "data" / "dockerfiles"


@dataclass(frozen=True, slots=True)
class Case:
    """One case; `expected` is empty where the file has no Dockerfile yet."""

    path: Path
    files: ProjectFiles
    wishes: Wishes
    expected: str

    def rendered(self) -> str:
        files = dict(self.files)
        if "app.py" not in files and self.wishes.entry:
            files["app.py"] = ""  # only to find the template
        return dockerfile_for(find_template(files), self.files, self.wishes)


def read_case(path: Path) -> Case:
    parts = re.split(r"^=== (.+)\n", path.read_text(), flags=re.MULTILINE)[1:]
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    expected = sections.pop("Dockerfile", "")
    return Case(path, sections, Wishes.model_validate(json.loads(sections.pop("with", "{}"))), expected)


def all_cases() -> list[Case]:
    return [read_case(path) for path in sorted(FOLDER.glob("*.txt"))]

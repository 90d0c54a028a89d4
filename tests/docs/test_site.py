"""The site of `docs/`: every page is in it, links out of it lead to the repository, and it builds without a warning."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.docs_site import Nav, filled, indented, rewritten
from tests.docs.pages import all_pages
from tests.fixtures.tools import ROOT

KNOWN = {"index.md", "install.md", "codebuild/index.md", "aws/role.yaml"}
OURS = "https://git.example/acme/mergeport"


@pytest.mark.parametrize(
    ("origin", "page", "link", "led"),
    [
        ("README.md", "index.md", "docs/install.md#compose", "install.md#compose"),
        ("README.md", "index.md", "charts", f"{OURS}/tree/main/charts"),
        ("docs/adr/0001-splice.md", "adr/0001-splice.md", "../install.md", "../install.md"),
        ("docs/install.md", "install.md", "aws/role.yaml", "aws/role.yaml"),
        ("docs/install.md", "install.md", "../compose.yaml", f"{OURS}/blob/main/compose.yaml"),
        ("docs/install.md", "install.md", "../README.md#try-it", "index.md#try-it"),
        ("docs/install.md", "install.md", "https://example.com/a.md", "https://example.com/a.md"),
    ],
)
def test_link_leads_into_the_site_or_to_the_repository(origin: str, page: str, link: str, led: str) -> None:
    assert rewritten(f"See [it]({link}).", origin, page, KNOWN, OURS) == f"See [it]({led})."


def test_code_is_left_alone_but_for_the_bar_that_a_table_hides() -> None:
    text = "```sh\n[a](b.md) \\| c\n```\n| `[a](b.md) A\\|B` |\n"
    assert rewritten(text, "docs/install.md", "install.md", KNOWN, OURS) == text.replace("A\\|B", "A|B")


def test_what_belongs_to_an_entry_of_a_list_stays_in_it() -> None:
    text = "1. One:\n\n   ```sh\n   - no entry\n   ```\n2. Two\n   goes on\n\nEnd\n  as it is\n"
    wanted = "1. One:\n\n    ```sh\n    - no entry\n    ```\n\n2. Two\n    goes on\n\nEnd\n  as it is\n"
    assert indented(text) == wanted


def test_navigation_takes_each_page_once_and_leaves_out_what_is_not_there() -> None:
    pages = ["adr/1.md", "adr/2.md", "index.md", "late.md", "new.md"]
    nav: Nav = [
        "index.md",
        {"Soon": [{"Coming": "soon.md"}, "soon.md"]},
        {"Adr": ["adr/*.md"]},
        {"More": ["*.md", "late.md"]},
    ]
    assert filled(nav, pages) == ["index.md", {"Adr": ["adr/1.md", "adr/2.md"]}, {"More": ["new.md", "late.md"]}]


@pytest.mark.prove
def test_site_builds_without_a_warning_and_has_every_page(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    told = subprocess.run(
        argv, cwd=ROOT, check=False, capture_output=True, text=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    )
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")
    made = {path.relative_to(tmp_path / "site").parent.as_posix() for path in tmp_path.rglob("index.html")}
    docs = [one.path.relative_to(ROOT / "docs") for one in all_pages() if one.path.is_relative_to(ROOT / "docs")]
    wanted = {(path.parent if path.stem == "README" else path.with_suffix("")).as_posix() for path in docs}
    assert wanted - made == set()
    front = (tmp_path / "site/index.html").read_text()
    assert '<pre class="mermaid">' in front
    assert re.findall(r'<(?:script|link|img)[^>]*"(https?:[^"]+)"', front) == []
    for name in wanted:
        assert f'href="{name}/"' in front, f"{name} is not in the navigation"

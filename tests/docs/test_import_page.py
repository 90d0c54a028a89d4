"""docs/import.md explains every kind of difference, and its example comes out as it says."""

from __future__ import annotations

import re

from service.core.importing import Library, Material, flux, gitopscli, read_all, updater_words
from tests.docs.pages import page
from tests.fixtures.tools import ROOT

PAGE = page("docs/import.md")
GIVEN = re.compile(r"(?:Tool\.[A-Z_]+|\.tool|_told\(\s*one|_written\(\s*written),\s*\"([a-z-]+)\"")
ROWS = re.findall(r"^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \| ", PAGE.text, re.MULTILINE)


def test_every_kind_of_difference_is_explained_and_no_other() -> None:
    sources = [path.read_text() for path in sorted((ROOT / "service/core/importing").glob("*.py"))]
    kinds = {kind for text in sources for kind in GIVEN.findall(text)}
    kinds |= {kind for kind, _ in updater_words.STRATEGIES.values()} | {"strategy", "policy"} | set(flux.ORDERS)
    kinds |= {f"gitopscli-{command}" for command in gitopscli.OTHERS}
    assert {kind for row in ROWS for kind in re.findall(r"[a-z-]+", row)} == kinds


def test_the_example_comes_out_as_the_page_says() -> None:
    workflow, proposal = PAGE.blocks("yml")[0], PAGE.blocks("yaml")[0]
    values = "image:\n  repository: ghcr.io/acme/checkout\n  tag: x\n"
    done = read_all(
        Library(
            [
                Material(".github/workflows/deploy.yml", workflow, "deploy.yml", "acme/checkout"),
                Material("apps/checkout/values-dev.yaml", values, "values-dev.yaml", "acme/manifests"),
            ]
        )
    )
    assert "".join(line for line in done.text.splitlines(keepends=True) if not line.startswith("#")) == proposal
    assert done.repository == "acme/manifests"

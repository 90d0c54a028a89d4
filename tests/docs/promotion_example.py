"""The example of a pull request's text in docs/promotion.md, written by what writes the real ones.

`python -m tests.docs.promotion_example` puts it there anew; a test holds the page to it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from service.core.foreign_text import ZERO_WIDTH_SPACE
from service.core.gates.gate_table import Row
from service.core.gates.seen_checks import Check, CheckState
from service.core.images import ImageReference
from service.core.messages import Promotion, SourcePullRequest
from service.core.promotion_evidence import RunsIn
from service.core.promotion_title import pull_request_title
from service.core.pull_request_body import Offer, pull_request_body
from service.core.rendered.comparison import compare
from service.core.values import ScalarChange
from service.core.words import Actor, Digest, Repository, RunId, Sha

PAGE = Path(__file__).parents[2] / "docs" / "promotion.md"
BLOCK = re.compile(r"(?<=\n````markdown\n).*?(?=\n````\n)", re.DOTALL)

_OLD, _NEW = Sha("91be77a0c3d1" + "5e" * 14), Sha("4f2c1e9ab012" + "7d" * 14)
_FILE = "apps/checkout/values-prod.yaml"
_URL = "https://github.com/acme/checkout"
_MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: checkout
spec:
  template:
    spec:
      containers:
        - name: checkout
          image: "registry.example.com/checkout:{}"
          env:
            - name: DB_PASSWORD
              value: {}
"""


def promotion() -> Promotion:
    """Give a promotion as the pipeline gathers it."""
    at = datetime(2026, 11, 28, 10, 2, tzinfo=UTC)
    before, after = _MANIFEST.format("91be77a0c3d1", "one"), _MANIFEST.format("4f2c1e9ab012", "two")
    pulls = (
        SourcePullRequest(41, "Show prices with tax", "ada", f"{_URL}/pull/41", ("feature",), ("database migrations",)),
        SourcePullRequest(40, "Round to cents", "ben", f"{_URL}/pull/40"),
    )
    return Promotion(
        run=RunId("01KB5S0R0QH5V1R7M3C9D2E8FA"),
        application="checkout",
        environment="prod",
        source_repository=Repository("acme/checkout"),
        source_url=_URL,
        source_commit=_NEW,
        images=(ImageReference("registry.example.com", "checkout", "4f2c1e9ab012", Digest("sha256:" + "0a77" * 16)),),
        changes=(
            (_FILE, ScalarChange("image.tag", 5, "91be77a0c3d1", "4f2c1e9ab012")),
            (_FILE, ScalarChange("image.digest", 6, "sha256:" + "52d0" * 16, "sha256:" + "0a77" * 16)),
        ),
        previous=_OLD,
        subject="Show prices with tax (#41)",
        author=Actor("Ada", "ada@example.com"),
        pull_requests=pulls,
        newest="Show prices with tax",
        newest_number=41,
        more=1,
        run_url="https://mergeport.example.com/runs/01KB5S0R0QH5V1R7M3C9D2E8FA",
        marks=("database migrations",),
        evidence=(RunsIn("stage", at, at.replace(minute=5), None, "Healthy"),),
        checks=(Check("ci / test", CheckState.PASSED), Check("ci / lint", CheckState.FAILED)),
        scans=("checkout: 2 medium, scanned 2026-11-28 10:01 UTC",),
        gates=(
            Row("soak", "open", "healthy in stage for 30m (same digest)"),
            Row("freeze", "waiting", "weekend, until Mon 2026-11-30 08:00 UTC"),
        ),
        rendered=compare(before, after, how=f"rendered from `charts/application` with `{_FILE}`"),
    )


def example() -> tuple[str, str]:
    """Give title and body of the example, without the characters that nobody sees."""
    told = replace(promotion())
    return pull_request_title(told).replace(ZERO_WIDTH_SPACE, ""), pull_request_body(Offer((told,))).replace(
        ZERO_WIDTH_SPACE, ""
    )


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(BLOCK.sub(lambda _: example()[1].strip("\n"), text), encoding="utf-8")

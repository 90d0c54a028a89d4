"""The main job on real parts: a merge becomes a manifest commit that Argo CD runs."""

from __future__ import annotations

import pytest

from service.core.words import RunState
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline


@pytest.mark.rows_decide
def test_merge_becomes_one_commit_that_changes_only_the_image(pipeline: Pipeline) -> None:
    pull = pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"}, title="Say two")
    pipeline.settle_live("checkout-dev")
    run = pipeline.run("dev")
    assert (run.commit, run.state) == (pull.merge_commit_sha, RunState.SUCCEEDED), run.message
    bare = pipeline.stack.git.open(MANIFESTS)
    before, after = (bare.text(f"{run.manifest_commit}{at}", "apps/checkout/values-dev.yaml") for at in ("^", ""))
    changed = [(old, new) for old, new in zip(before.splitlines(), after.splitlines(), strict=True) if old != new]
    assert [new.split(":")[0].strip() for _, new in changed] == ["repository", "tag", "digest"]

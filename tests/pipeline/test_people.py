"""The people in manifest commits: the configured author and committer, and the change's author if that is wanted."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import sqlalchemy as sa

from service.core import trailers
from service.core.words import Actor
from service.store.tables import changes
from tests.fixtures.service import MANIFESTS
from tests.pipeline.crowd import BRANCH, merge, settle_in
from tests.pipeline.harness import Pipeline

CO_AUTHOR = "{branch: develop, manifest: {co_author: true}}"


def shown(pipeline: Pipeline, form: str) -> str:
    return pipeline.stack.git.open(MANIFESTS).git("log", "-1", f"--format={form}", BRANCH).strip()


def read_by_git(message: str) -> list[tuple[str, str]]:
    """Give the trailers as git itself reads them."""
    argv = ["git", "interpret-trailers", "--parse", "--no-divider"]
    lines = subprocess.run(argv, input=message, text=True, capture_output=True, check=True).stdout.splitlines()
    return [(key, value) for key, _, value in (line.partition(": ") for line in lines)]


def promote(pipeline: Pipeline, dev: str, author: tuple[str, str] | None = None) -> list[tuple[str, str]]:
    """Merge, by somebody of this name and address, and give the manifest commit's trailers as git reads them."""
    settle_in(pipeline, "checkout", dev=dev)
    merge(pipeline)
    if author is not None:
        with pipeline.store.begin() as tx:
            tx.execute(sa.update(changes).values(author=author[0], author_email=author[1]))
    pipeline.settle(looks=0)
    assert pipeline.run().manifest_commit is not None
    return read_by_git(shown(pipeline, "%B"))


def test_author_and_committer_are_the_configured_ones(pipeline: Pipeline) -> None:
    pipeline.context = replace(pipeline.context, author=Actor("Release Bot", "bot@example.org"))
    found = promote(pipeline, "{branch: develop}")
    assert shown(pipeline, "%an <%ae> %cn <%ce>") == ("Release Bot <bot@example.org> Mergeport <mergeport@localhost>")
    assert trailers.CO_AUTHOR not in dict(found)


def test_author_of_the_change_stands_beside_where_that_is_wanted(pipeline: Pipeline) -> None:
    found = promote(pipeline, CO_AUTHOR, ("Zoë Müller", "zoe@example.org"))
    assert found[-1] == ("Co-authored-by", "Zoë Müller <zoe@example.org>")
    assert found[0][0] == trailers.RUN


def test_name_of_people_brings_no_trailer_of_its_own(pipeline: Pipeline) -> None:
    found = promote(pipeline, CO_AUTHOR, ("Eve <a@b>\nMergeport-Image: evil/image:1", "eve@example.org"))
    assert found[-1] == ("Co-authored-by", "Eve a@b Mergeport-Image: evil/image:1 <eve@example.org>")
    assert [key for key, _ in found].count(trailers.IMAGE) == 1

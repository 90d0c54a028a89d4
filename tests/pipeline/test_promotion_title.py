"""The title of a promotion's pull request follows what it brings, unless somebody gave it one of theirs."""

from __future__ import annotations

from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_promotion_brings import opened, promote, propose


def test_title_follows_when_the_pull_request_is_rolled_forward(pipeline: Pipeline) -> None:
    promote(pipeline, "one")
    propose(pipeline, "two")
    third = propose(pipeline, "three")
    number = pipeline.stack.github.pulls(SOURCE)[-1].number
    assert opened(pipeline).title == f"checkout {third[:7]} → prod: Say three (#\u200b{number}) and 1 more"


def test_title_that_a_person_gave_stays_when_the_pull_request_is_rolled_forward(pipeline: Pipeline) -> None:
    propose(pipeline, "one")
    pipeline.stack.github.edit_pull(MANIFESTS, opened(pipeline).number, title="Not before Friday")
    second = propose(pipeline, "two")
    propose(pipeline, "three")
    pull = opened(pipeline)
    assert pull.title == "Not before Friday"
    assert second[:12] not in (pull.body or "").splitlines()[0]


def test_what_the_title_counts_and_came_by_a_push_is_listed_in_the_body(pipeline: Pipeline) -> None:
    promote(pipeline, "one")
    pushed = pipeline.stack.github.push(SOURCE, "main", {"by-hand.py": "1\n"}, "Repair by hand\n\nMore words")
    pipeline.settle()
    propose(pipeline, "three")
    pull = opened(pipeline)
    assert pull.title.endswith(" and 1 more")
    listed = (pull.body or "").partition("Pushed without a pull request:")[2].partition("These images")[0]
    assert [line for line in listed.splitlines() if line] == [
        f"- [`{pushed[:12]}`]({pipeline.stack.github.url}/{SOURCE}/commit/{pushed}) Repair by hand by alice"
    ]


def test_title_of_a_change_that_was_pushed_is_its_subject(pipeline: Pipeline) -> None:
    pipeline.stack.github.push(SOURCE, "main", {"app.py": "print(1)\n"}, "Say fixes #1 to @alice\n\nMore words")
    pipeline.settle()
    assert opened(pipeline).title.endswith("→ prod: Say fixes #\u200b1 to @\u200balice")

"""An address of the team's own lets a run go on, wait or fail, and is asked no more often than it says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from service.core.words import RunState
from service.errors import PermanentError, RetryableError
from service.pipeline.promote.evidence import address_answers
from service.ports import GateQuestion, GateReply
from service.store import judgements
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_downstream import configure, images, merge
from tests.pipeline.test_gate_evidence import gated
from tests.pipeline.test_gating import values


@dataclass
class Address:
    """An address that answers what a test says, and remembers what it was asked."""

    says: dict[str, object] = field(
        default_factory=lambda: {"verdict": "wait", "words": "load test", "retry_after": 90}
    )
    fails: Exception | None = None
    heard: list[GateQuestion] = field(default_factory=list)

    def ask(self, question: GateQuestion) -> GateReply:
        self.heard.append(question)
        if self.fails is not None:
            raise self.fails
        return GateReply(200, json.dumps(self.says).encode())


@pytest.fixture
def address(pipeline: Pipeline) -> Address:
    """Have a gate at stage ask an address instead of the network."""
    made = Address()
    pipeline.context = replace(pipeline.context, outside=replace(pipeline.context.outside, addresses=made))
    return made


def release(pipeline: Pipeline) -> None:
    """Have a release wait for the address before stage."""
    configure(pipeline, gated('http: {url: "https://gates.acme.dev/ask", secret: GATE}'))
    merge(pipeline)
    pipeline.settle_live("checkout-dev")


def test_address_is_asked_about_the_very_release_and_its_words_are_told(pipeline: Pipeline, address: Address) -> None:
    release(pipeline)
    run = pipeline.run("stage")
    asked = json.loads(address.heard[0].body)
    assert (asked["application"], asked["environment"], asked["commit"]) == ("checkout", "stage", run.commit)
    assert asked["images"][0]["digest"] == images(run)
    assert "load test" in pipeline.wait(run)[1]


def test_address_is_asked_again_when_its_answer_says_and_not_before(pipeline: Pipeline, address: Address) -> None:
    release(pipeline)
    run = pipeline.run("stage")
    address.says = {"verdict": "allow"}
    for _ in range(3):
        pipeline.clock.move(seconds=20)
        with pipeline.store.begin() as tx:
            judgements.ask_again(tx, at=pipeline.clock.now(), run_ids=[run.id])
        pipeline.settle(looks=0)
    assert len(address.heard) == 1
    pipeline.clock.move(seconds=31)
    pipeline.settle(looks=0)
    assert (len(address.heard), str(images(run)) in values(pipeline)) == (2, True)


def test_refusal_of_the_address_fails_the_run_with_its_words(pipeline: Pipeline, address: Address) -> None:
    address.says = {"verdict": "refuse", "words": "p99 doubled"}
    release(pipeline)
    run = pipeline.run("stage")
    assert (run.state, run.code, "p99 doubled" in run.message) == (RunState.FAILED, "gate-refused", True)


@pytest.mark.parametrize(
    "fails",
    [
        RetryableError("gates.acme.dev did not answer in time", code="gate-address-timeout"),
        PermanentError("gates.acme.dev is not asked: it is private", code="gate-address-refused"),
    ],
)
def test_address_that_cannot_be_asked_is_a_wait_and_tried_again_each_minute(
    pipeline: Pipeline, address: Address, fails: Exception
) -> None:
    address.fails = fails
    release(pipeline)
    assert str(fails).partition(" (")[0] in pipeline.wait(pipeline.run("stage"))[1]
    before = len(address.heard)
    pipeline.clock.move(seconds=30)
    pipeline.settle(looks=0)
    assert len(address.heard) == before
    pipeline.clock.move(seconds=31)
    pipeline.settle(looks=0)
    assert len(address.heard) == before + 1


@pytest.mark.prove
def test_question_whose_asker_died_is_asked_again(pipeline: Pipeline, address: Address) -> None:
    release(pipeline)
    pipeline.clock.move(seconds=91)
    address.says = {"verdict": "allow"}
    from service.pipeline.promote.gating import judge_due  # noqa: PLC0415

    judge_due(pipeline.context)
    taken = address_answers.take_due(pipeline.context, limit=8)
    assert len(taken) == 1
    assert address_answers.take_due(pipeline.context, limit=8) == []
    pipeline.clock.at += taken[0].asked.timeout + timedelta(seconds=11)
    pipeline.settle(looks=0)
    assert str(images(pipeline.run("stage"))) in values(pipeline)


def test_late_answer_about_a_question_that_is_asked_anew_counts_for_nothing(
    pipeline: Pipeline, address: Address
) -> None:
    release(pipeline)
    pipeline.clock.move(seconds=91)
    from service.pipeline.promote.gating import judge_due  # noqa: PLC0415

    judge_due(pipeline.context)
    late = address_answers.take_due(pipeline.context, limit=8)[0]
    pipeline.clock.at += late.asked.timeout + timedelta(seconds=11)
    newer = address_answers.take_due(pipeline.context, limit=8)[0]
    address.says = {"verdict": "refuse"}
    address_answers.ask(pipeline.context, late)
    address.says = {"verdict": "wait", "words": "the newer one"}
    address_answers.ask(pipeline.context, newer)
    pipeline.settle(looks=0)
    assert "the newer one" in pipeline.wait(pipeline.run("stage"))[1]

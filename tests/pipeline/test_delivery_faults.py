"""Whatever GitHub answers to a read while a delivery is processed, it is tried again, and nothing is lost."""

from __future__ import annotations

import pytest

from devstack.github.server import GitHub
from service.core.words import DeliveryState
from service.store import configurations
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_moved_back import generations, two

PAGE = b"<!DOCTYPE html><html><body>We are down for maintenance.</body></html>"
NO = b'{"message": "Validation Failed", "errors": []}'
ANSWERS = {
    "500": ("500 Internal Server Error", b"{}"),
    "502": ("502 Bad Gateway", PAGE),
    "422": ("422 Unprocessable Entity", NO),
    "409": ("409 Conflict", b'{"message": "Conflict"}'),
    "400": ("400 Bad Request", b'{"message": "Problems parsing JSON"}'),
    "410": ("410 Gone", b'{"message": "Gone"}'),
    "403": ("403 Forbidden", b'{"message": "Resource not accessible by integration"}'),
    "404": ("404 Not Found", b'{"message": "Not Found"}'),
    "401": ("401 Unauthorized", b'{"message": "Bad credentials"}'),
    "page": ("200 OK", PAGE),
    "nothing": ("200 OK", b""),
}
PATHS = CONFIGURATION.replace("    source: acme/checkout", "    source: acme/checkout\n    paths: [app.py]", 1)


def misbehave(github: GitHub, answer: str, path: str) -> None:
    """Give a wrong answer to three reads, so that one repeated at once does not hide it."""
    if answer == "301":
        github.faults.send_away("https://maintenance.example.com/", path=path, times=3)
        return
    status, body = ANSWERS[answer]
    github.faults.answer(status, method="GET", path=path, times=3, body=body)


def in_force(pipeline: Pipeline) -> str:
    with pipeline.store.read() as tx:
        return configurations.last_good(tx) or ""


def tried_again(pipeline: Pipeline, event: str = "push") -> list[DeliveryState]:
    """Settle while time passes; give the states in which the delivery was."""
    seen = []
    for _ in range(8):
        pipeline.settle(looks=0)
        seen.append(pipeline.delivery(event).state)
        if seen[-1] is not DeliveryState.STORED:
            break
        pipeline.clock.move(seconds=61)
    return seen


@pytest.mark.parametrize("path", ["/git/ref/heads/main$", "/contents/mergeport.yaml"])
def test_pushed_configuration_comes_into_force_after_any_wrong_answer(pipeline: Pipeline, path: str) -> None:
    pipeline.settle(looks=0)
    for answer in (*ANSWERS, "301"):
        misbehave(pipeline.stack.github, answer, path)
        text = f"# after {answer}\n{CONFIGURATION}"
        commit = pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": text}, f"After {answer}")
        seen = tried_again(pipeline)
        assert (answer, DeliveryState.FAILED in seen, seen[-1]) == (answer, False, DeliveryState.PROCESSED)
        assert (answer, in_force(pipeline)) == (answer, commit)
        pipeline.stack.github.faults.clear()


def test_delivery_that_is_tried_again_says_why_meanwhile(pipeline: Pipeline) -> None:
    pipeline.settle(looks=0)
    misbehave(pipeline.stack.github, "422", "/git/ref/heads/main$")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": f"# newer\n{CONFIGURATION}"}, "Write")
    pipeline.settle(looks=0)
    told = pipeline.delivery("push")
    assert (told.state, "refused to read the branch `main`" in told.reason) == (DeliveryState.STORED, True)


def test_merge_starts_its_run_after_any_wrong_answer_about_its_paths(pipeline: Pipeline) -> None:
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": PATHS}, "Filter")
    pipeline.settle(looks=0)
    for number, answer in enumerate(("422", "400", "403", "301"), start=1):
        misbehave(pipeline.stack.github, answer, "/compare/")
        pipeline.stack.github.merge(SOURCE, "develop", {"app.py": f"print('{answer}')\n"})
        seen = tried_again(pipeline)
        assert (answer, DeliveryState.FAILED in seen, len(pipeline.runs())) == (answer, False, number)
        pipeline.stack.github.faults.clear()


@pytest.mark.parametrize("answer", ["409", "403"])
def test_branch_that_was_moved_back_is_deployed_after_a_wrong_answer_about_it(pipeline: Pipeline, answer: str) -> None:
    old, new = two(pipeline, "off")
    status, body = ANSWERS[answer]
    pipeline.stack.github.faults.answer(status, path="/acme/checkout/git/ref/heads", body=body)
    pipeline.stack.github.force_push(SOURCE, "develop", old)
    tried_again(pipeline)
    assert generations(pipeline) == [(old, 0), (new, 0), (old, 1)]

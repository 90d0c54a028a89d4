"""Plain secrets on a branch of a manifest repository are a failed status, with the place; a broken search says so."""

from __future__ import annotations

from dataclasses import replace

from service.adapters.secret_detector import ProcessSecretDetector
from tests.fixtures.service import CONFIGURATION, MANIFESTS
from tests.pipeline.harness import Pipeline

FILE = "apps/checkout/values-extra.yaml"


def proposed(pipeline: Pipeline, text: str, *, branch: str = "proposal", file: str = FILE) -> list[tuple[str, str]]:
    """Push a file to a branch of its own; give the statuses of its commit."""
    commit = pipeline.stack.github.push(MANIFESTS, branch, {file: text}, "Propose")
    pipeline.settle(looks=0)
    found = pipeline.stack.github.statuses(MANIFESTS, commit, "mergeport/secrets")
    return [(str(one.state), one.description or "") for one in found]


def test_secret_of_an_earlier_push_of_the_branch_still_fails_it_until_it_is_gone(pipeline: Pipeline) -> None:
    pipeline.settle(looks=0)
    failed = [("failure", f"{FILE}:1: env.TOKEN: looks like a plain secret: a secret, by its name")]
    assert proposed(pipeline, "env: {TOKEN: hunter2}\n") == failed
    assert proposed(pipeline, "a: 1\n", file="apps/checkout/more.yaml") == failed
    assert pipeline.delivery("push").reason.endswith(failed[0][1])
    allowed = "env: {TOKEN: demo}  # pragma: allowlist secret - the sandbox is public\n"
    assert proposed(pipeline, allowed) == [
        ("success", f"no plain secrets; allowed: {FILE}:1: env.TOKEN: the sandbox is public")
    ]


def test_search_that_does_not_end_is_an_error_in_words_and_runs_go_on(pipeline: Pipeline) -> None:
    outside = replace(pipeline.context.outside, secrets=ProcessSecretDetector(seconds=0.01))
    pipeline.context = replace(pipeline.context, outside=outside)
    pipeline.settle(looks=0)
    assert proposed(pipeline, "a: 1\n") == [
        ("error", "plain secrets were not looked for: the detector took longer than 0.01 s")
    ]
    assert pipeline.delivery("push").state == "processed"


def test_files_elsewhere_and_the_deployed_branch_get_no_status(pipeline: Pipeline) -> None:
    pipeline.settle(looks=0)
    assert proposed(pipeline, "password: hunter2\n", file="docs/notes.yaml") == []
    assert proposed(pipeline, "password: hunter2\n", branch="main") == []


def test_values_file_that_only_the_proposed_configuration_names_is_searched(pipeline: Pipeline) -> None:
    pipeline.settle(looks=0)
    named = "values/{application}-{environment}.yaml"
    text = CONFIGURATION.replace("apps/{application}/values-{environment}.yaml", named)
    files = {"mergeport.yaml": text, "values/checkout-dev.yaml": "password: hunter2\n"}
    commit = pipeline.stack.github.push(MANIFESTS, "proposal", files, "Propose")
    pipeline.settle(looks=0)
    (found,) = pipeline.stack.github.statuses(MANIFESTS, commit, "mergeport/secrets")
    assert (str(found.state), (found.description or "").partition(": ")[0]) == ("failure", "values/checkout-dev.yaml:1")

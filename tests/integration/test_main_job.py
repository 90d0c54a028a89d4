"""The main job with real processes: signed deliveries over HTTP, web and worker, until Argo CD is healthy."""

from __future__ import annotations

from tests.fixtures.databases import service_on_both
from tests.fixtures.service import MANIFESTS, SOURCE, Service


@service_on_both
def test_merge_is_live_in_dev_and_said_so_on_the_source_commit(service: Service) -> None:
    pull = service.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"}, title="Say two")
    run = service.wait_run("succeeded", commit=pull.merge_commit_sha or "")
    image = run.images[""]
    text = service.stack.git.open(MANIFESTS).text("main", "apps/checkout/values-dev.yaml")
    assert image["tag"] in text
    assert image["digest"] in text
    service.wait_status(run, "success")


@service_on_both
def test_prod_goes_through_a_pull_request(service: Service) -> None:
    pull = service.stack.github.merge(SOURCE, "main", {"app.py": "print('two')\n"}, title="Say two")
    run = service.wait_run("waiting", commit=pull.merge_commit_sha or "", environment="prod", message="pull request")
    assert run.pull_request is not None
    service.stack.github.merge_pull(MANIFESTS, run.pull_request, by="release-manager")
    service.wait_run("succeeded", commit=run.commit, environment="prod")

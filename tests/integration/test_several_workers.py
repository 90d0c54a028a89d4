"""Several webs and workers on one PostgreSQL, with real processes: each delivery is one run, each run one commit."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Callable

import pytest
import requests

from devstack.stack import WEBHOOK_SECRET, Devstack
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE, VALUES, Service, free_port, poll
from tests.integration.pairs import wait_alive
from tests.integration.test_crashes import commits, images

pytestmark = pytest.mark.prove


def send(url: str, event: str, body: bytes, delivery: str) -> int:
    signature = hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    return requests.post(f"{url}/webhooks/github", data=body, headers=headers, timeout=10).status_code


def test_one_delivery_sent_to_two_webs_is_one_run(pair: Service) -> None:
    other = f"http://127.0.0.1:{free_port()}"
    binds = {"MERGEPORT_PUBLIC_BIND": other.removeprefix("http://")}
    pair.start("web", name="web-2", **binds, MERGEPORT_PRIVATE_BIND=f"127.0.0.1:{free_port()}")
    pair.start("worker", name="second")
    poll(lambda: answers(f"{other}/healthz"), seconds=60, what="the second web")
    pull = pair.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    pair.stack.github.wait_delivered()
    pushed = [one for one in pair.stack.github.deliveries if (one.repository, one.event) == (SOURCE, "push")][-1]
    assert send(other, pushed.event, pushed.body, pushed.guid) == 202
    assert send(other, pushed.event, pushed.body, str(uuid.uuid4())) == 202
    pair.wait_run("succeeded", commit=pull.merge_commit_sha or "")
    assert len(pair.runs()) == 1
    assert len(commits(pair)) == 1


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


SOURCE_FILES = {"Dockerfile": "FROM scratch\nCOPY app.py /app.py\n", "app.py": "print('one')\n"}
APPLICATIONS = [f"app{number}" for number in range(24)]


def test_many_deliveries_at_once_over_two_workers_are_each_one_commit(
    migrated_postgresql_url: str, stack: Devstack, make_service: Callable[..., Service]
) -> None:
    body = CONFIGURATION.partition("applications:")[0].replace('argocd: "{application}-{environment}"', "argocd: false")
    sources = "".join(f"  {name}: {{source: acme/{name}}}\n" for name in APPLICATIONS)
    files = {f"apps/{name}/values-dev.yaml": VALUES for name in APPLICATIONS}
    stack.create_repository(MANIFESTS, {"mergeport.yaml": f"{body}applications:\n{sources}", **files})
    service = make_service(MERGEPORT_DATABASE_URL=migrated_postgresql_url)
    for name in APPLICATIONS:
        stack.create_repository(f"acme/{name}", SOURCE_FILES, branches=["develop"])
        service.hook(f"acme/{name}")
    service.start("web")
    for name in ("first", "second"):
        service.start("worker", name=name)
    service.wait_ready()
    wait_alive(service, 2)
    merged = {
        name: stack.github.merge(f"acme/{name}", "develop", {"app.py": "print('two')\n"}) for name in APPLICATIONS
    }
    poll(lambda: len(service.runs()) == len(APPLICATIONS), seconds=90, what="the runs")
    for name, pull in merged.items():
        service.wait_run("succeeded", application=name, commit=pull.merge_commit_sha or "", seconds=90)
    assert len(images(service)) == len(APPLICATIONS)
    written = [subject.split()[1] for subject in commits(service)]
    assert sorted(written) == sorted(APPLICATIONS)
    assert all(process.poll() is None for process in service.processes.values())

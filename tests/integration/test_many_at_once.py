"""A hundred applications merged at once, over two workers on PostgreSQL: few pushes, one commit each, in order."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import requests
import sqlalchemy as sa

from devstack.bare import ZERO
from devstack.git_backend import RefUpdate
from devstack.github import payloads
from devstack.pushing import Pusher
from devstack.stack import WEBHOOK_SECRET, Devstack
from service.adapters.distribution import fixed
from service.adapters.registries import ecr
from service.core.images import ImageReference
from service.engine.queue import migrate as migrate_engine
from service.store import leases
from service.store.migrate import migrate
from service.store.tables import edits, runs
from tests.contract.registries import make_image, push
from tests.fixtures.service import MANIFESTS, REGISTRY, VALUES, Service, poll
from tests.web.deliveries import headers, raw

pytestmark = pytest.mark.prove

SOURCES, EACH = 25, 4
TAG_LENGTH = 12
MOST_PUSHES = 5
ACCEPTED = 202
APPLICATIONS = {
    f"app-{source:02}-{number}": f"acme/source-{source:02}" for source in range(SOURCES) for number in range(EACH)
}
CONFIGURATION = f"""\
defaults:
  registry: {REGISTRY}
  image: shared
  tag: "{{short_sha}}"
  build: {{kind: external}}
  values:
    - file: "apps/{{application}}/values.yaml"
      set: {{image.tag: "{{tag}}", image.digest: "{{digest}}"}}
  argocd: false
environments:
  dev: {{branch: main}}
applications:
""" + "".join(f"  {name}: {{source: {source}}}\n" for name, source in APPLICATIONS.items())


@pytest.fixture
def crowd(stack: Devstack) -> Devstack:
    """Give a world of many applications in one manifest repository, all of whose images are there already."""
    for source in dict.fromkeys(APPLICATIONS.values()):
        stack.create_repository(source, {"app.py": "print(0)\n"})
    values = {f"apps/{name}/values.yaml": VALUES for name in APPLICATIONS}
    stack.create_repository(MANIFESTS, {"mergeport.yaml": CONFIGURATION, **values})
    return stack


@pytest.fixture
def two_workers(crowd: Devstack, make_service: Callable[..., Service], postgresql_url: str) -> Service:
    """Give a web and two workers on one PostgreSQL, all ready."""
    one = make_service(MERGEPORT_DATABASE_URL=postgresql_url)
    migrate(one.store)
    migrate_engine(postgresql_url)
    one.start("web")
    for name in ("worker-1", "worker-2"):
        one.start("worker", name=name)
    one.wait_ready()

    def both() -> bool:
        with one.store.read() as tx:
            return len(leases.holders(tx, "worker:", now=datetime.now(UTC))) == 2

    poll(both, what="two workers")
    return one


def merge_all(world: Devstack, monkeypatch: pytest.MonkeyPatch) -> tuple[list[bytes], dict[str, str]]:
    """Merge in every source; give the webhooks, and the tag that each application has afterwards."""
    for name, value in world.ecr.environment().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    registry = ecr.EcrRegistry(
        ecr.Options(host=REGISTRY), clock=Now(), endpoint=world.ecr.endpoint, reached_at=world.ecr.host
    )
    registry.ensure_repository("shared")
    target = registry.push_target(ImageReference(REGISTRY, "shared", "any"))
    images = Pusher(target.host, credentials=fixed(target.credentials), insecure=True)
    bodies: list[bytes] = []
    tags: dict[str, str] = {}
    for source in dict.fromkeys(APPLICATIONS.values()):
        repository = world.github.repository(source)
        before = repository.bare.branches().get("main", ZERO)
        after = repository.bare.commit_files("main", {"app.py": f"print({source!r})\n"}, "Change it")
        push(images, "shared", after[:TAG_LENGTH], make_image({}))
        update = RefUpdate("refs/heads/main", before, after)
        bodies.append(raw(payloads.push(world.github.state, repository, update, world.github.state.user("alice"))))
        tags |= {name: after[:TAG_LENGTH] for name, its in APPLICATIONS.items() if its == source}
    return bodies, tags


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


def test_hundred_applications_merged_at_once_come_in_few_pushes_one_commit_each_in_order(
    two_workers: Service, crowd: Devstack, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies, tags = merge_all(crowd, monkeypatch)
    url = f"{two_workers.public}/webhooks/github"

    def send(body: bytes) -> int:
        return requests.post(url, body, headers=headers(body, secret=WEBHOOK_SECRET.encode()), timeout=20).status_code

    with ThreadPoolExecutor(8) as clients:
        assert set(clients.map(send, bodies)) == {ACCEPTED}

    def written() -> bool:
        return sum(1 for run in two_workers.runs() if run.state == "succeeded") == len(APPLICATIONS)

    poll(written, seconds=240, what="the last commit")
    bare = crowd.git.open(MANIFESTS)
    subjects = bare.git("log", "--reverse", "--format=%s", "main").splitlines()[1:]
    order = [subject.split()[1] for subject in subjects]
    assert sorted(order) == sorted(APPLICATIONS)
    for name, tag in tags.items():
        assert f'tag: "{tag}"' in bare.text("main", f"apps/{name}/values.yaml")
    assert len(crowd.git.pushes(MANIFESTS)) <= MOST_PUSHES
    assert overtaken(two_workers, order) == []


def overtaken(service: Service, order: list[str]) -> list[tuple[str, str]]:
    """Give the applications that were written before one that was both accepted and ready earlier."""
    query = sa.select(runs.c.application, runs.c.sequence, edits.c.sequence.label("ready")).join(
        edits, edits.c.run_id == runs.c.id
    )
    with service.store.read() as tx:
        stood = {row.application: (row.sequence, row.ready) for row in tx.execute(query)}
    return [
        (one, other)
        for at, one in enumerate(order)
        for other in order[at + 1 :]
        if stood[other][0] < stood[one][0] and stood[other][1] < stood[one][1]
    ]

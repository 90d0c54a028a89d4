"""Mergeport as real processes on the devstack: web, worker, and a world of applications whose images are there.

Used by the benchmarks of the whole way. It looks at the database from outside and ends what it started.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import requests

from benchmarks.load import Post
from benchmarks.repositories import FILE_LINES, content_of
from benchmarks.values_files import part_name, values_file
from devstack.bare import ZERO
from devstack.git_backend import RefUpdate
from devstack.github import payloads
from devstack.github.limits import Mode
from devstack.layer import OCI_CONFIG, OCI_LAYER
from devstack.pushing import Pusher
from devstack.stack import WEBHOOK_SECRET, Devstack
from service.adapters.distribution import OCI_MANIFEST, digest_of, fixed
from service.adapters.registries import ecr
from service.core.images import REVISION_LABEL, ImageReference
from service.engine.queue import migrate as migrate_engine
from service.store import Store, leases
from service.store.migrate import migrate

MANIFESTS = "acme/manifests"
REGISTRY = "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com"
IMAGE = "bench"
TAG_LENGTH = 12
START_SECONDS = 120.0
_OURS = range(20_000, 32_000)

CONFIGURATION = f"""\
defaults:
  registry: {REGISTRY}
  image: {IMAGE}
  tag: "{{short_sha}}"
  build: {{kind: external}}
  values:
    - file: "apps/{{application}}/values-{{environment}}.yaml"
      set: {{{part_name(0)}.image.tag: "{{tag}}", {part_name(0)}.image.digest: "{{digest}}"}}
  argocd: false
environments:
  dev: {{branch: main}}
  prod: {{branch: release, publish: pull-request}}
applications:
"""

SOURCES = {
    "app.py": "print(0)\n",
    "Dockerfile": "FROM scratch\nCOPY app.py /app.py\n",
    ".github/workflows/build-image.yml": """\
name: Build image
run-name: Build for ${{ inputs.correlation }}
on:
  workflow_dispatch:
    inputs: {image: {}, tag: {}, commit: {}, correlation: {}, context: {}, dockerfile: {}, args: {}, target: {}}
jobs:
  build: {runs-on: ubuntu-latest, steps: []}
""",
}


@dataclass(slots=True)
class Installation:
    """A running Mergeport in its world; `pushes` has each push to a repository, and when it ended."""

    stack: Devstack
    directory: Path
    applications: tuple[str, ...]
    store: Store
    url: str
    private: str
    environment: dict[str, str]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    pushes: list[tuple[str, datetime]] = field(default_factory=list)

    @property
    def hook(self) -> str:
        """The address for webhooks."""
        return f"{self.url}/webhooks/github"

    def start(self, *roles: str) -> None:
        """Start processes and wait until the service says that it is ready; several workers need PostgreSQL."""
        for role in roles:
            environment = dict(self.environment)
            if role == "worker":
                environment["MERGEPORT_STATE_DIRECTORY"] = str(self.directory / f"worker-{len(self.workers)}")
            with (self.directory / f"{role}.log").open("ab") as log:
                argv = [sys.executable, "-P", "-m", "service.cli.main", role]
                process = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)
            self.processes.append(process)
            if role == "worker":
                self.workers.append(process)
        until(self._ready, what="Mergeport")

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """Kill a worker with -9; the next one that is started alone gets its state directory."""
        worker.kill()
        worker.wait()
        self.workers.remove(worker)
        self.processes.remove(worker)

    def live_workers(self) -> int:
        """Count the workers that hold a lease."""
        with self.store.read() as tx:
            return len(leases.holders(tx, "worker:", now=datetime.now(UTC)))

    def _ready(self) -> bool:
        for process in self.processes:
            if process.poll() is not None:
                said = "".join(log.read_text()[-2000:] for log in self.directory.glob("*.log"))
                raise RuntimeError(f"a process ended with status {process.returncode}:\n{said}")
        with suppress(requests.RequestException):
            return bool(requests.get(f"{self.private}/readyz", timeout=2).status_code == requests.codes.ok)
        return False

    def stop(self) -> None:
        """End the processes."""
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()
        self.workers.clear()

    def merge(self, application: str, *, image: bool = True, text: str = "") -> Post:
        """Commit to the application's source repository, push its image, and give its webhook.

        Without a text the source is one that was never there before.
        """
        github, name = self.stack.github, f"acme/{application}"
        repo, user = github.repository(name), github.state.user("alice")
        before = repo.bare.branches().get("main", ZERO)
        after = repo.bare.commit_files(
            "main", {"app.py": text or f"print({time.time_ns()})\n"}, "Change the application"
        )
        if image:
            self.tag(after[:TAG_LENGTH])
        payload = payloads.push(github.state, repo, RefUpdate("refs/heads/main", before, after), user)
        return Post.signed(self.hook, payload, WEBHOOK_SECRET)

    def tip_tag(self, application: str) -> str:
        """Give the tag of the image of the newest commit."""
        return self.stack.github.repository(f"acme/{application}").bare.tip("main")[:TAG_LENGTH]

    def tag(self, tag: str) -> None:
        """Push the image under a tag, as another pipeline does."""
        _registry(self.stack).push_manifest(IMAGE, tag, _manifest(_CONFIG))

    def push_image(self, tag: str, revision: str) -> None:
        """Push an image that tells its commit, as a builder does."""
        config, registry = _labelled(revision), _registry(self.stack)
        registry.push_blob(IMAGE, config)
        registry.push_manifest(IMAGE, tag, _manifest(config))

    def manifest_pushes(self) -> int:
        """Count the pushes that moved the manifest repository's branch."""
        return sum(1 for name, _at in self.pushes if name == MANIFESTS)


@contextmanager
def installation(
    directory: Path, *, applications: int, files: int, built: int = 0, builder: str = "docker", database: str = ""
) -> Iterator[Installation]:
    """Make a world with so many applications, each with a source repository, and a Mergeport that is not started yet.

    The manifest repository has `files` more files than those of the applications. The first `built` applications are
    built, here or by another builder; the images of the others come from elsewhere. Without a database's address it
    uses SQLite. GitHub has no limits, as an enterprise server has none, so that our own work is measured.
    """
    names = tuple(f"app-{number:03}" for number in range(applications))
    with Devstack(directory / "devstack") as stack:
        for name in names:
            stack.create_repository(f"acme/{name}", SOURCES)
        stack.github.limits.mode = Mode.NONE
        kinds = ["external" if number >= built else builder for number in range(applications)]
        sources = "".join(
            f"  {name}: {{source: acme/{name}, build: {{kind: {kind}}}}}\n"
            for name, kind in zip(names, kinds, strict=True)
        )
        values = {f"apps/{name}/values-dev.yaml": values_file(FILE_LINES, seed=at) for at, name in enumerate(names)}
        content = {"mergeport.yaml": CONFIGURATION + sources, **content_of(files), **values}
        stack.create_repository(MANIFESTS, content).bare.git("repack", "-a", "-d", "-q")
        registry = _registry(stack)
        for blob in (_CONFIG, _LAYER):
            registry.push_blob(IMAGE, blob)
        one = _installation(stack, directory / "mergeport", names, database)
        stack.git.listeners.append(lambda name, _user, _updates: one.pushes.append((name, datetime.now(UTC))))
        try:
            yield one
        finally:
            one.stop()
            one.store.close()


def until(look: Callable[[], bool], *, what: str, seconds: float = START_SECONDS) -> None:
    """Wait until a condition is true; raises TimeoutError that names what was awaited."""
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.02)


def free_ports(count: int) -> list[int]:
    """Find different unused loopback ports, below those that the system gives to clients."""
    found: list[int] = []
    for port in random.sample(_OURS, len(_OURS)):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
        if len(found) == count:
            return found
    raise OSError("no port is free")


def _installation(stack: Devstack, directory: Path, names: tuple[str, ...], database: str) -> Installation:
    directory.mkdir(parents=True)
    database = database or f"sqlite:///{directory}/mergeport.db"
    engine = database if database.startswith("postgresql") else f"sqlite:///{directory}/engine.db"
    public, private = (f"127.0.0.1:{port}" for port in free_ports(2))
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(directory),
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(Path(__file__).parents[1]),
        **stack.environment(),
        "MERGEPORT_STATE_DIRECTORY": str(directory),
        "MERGEPORT_PUBLIC_BIND": public,
        "MERGEPORT_PRIVATE_BIND": private,
        "MERGEPORT_URL": f"http://{private}",
        "MERGEPORT_CONFIGURATION_REPOSITORY": MANIFESTS,
        "MERGEPORT_DATABASE_URL": database,
        "MERGEPORT_ENGINE_DATABASE_URL": engine,
        "MERGEPORT_BUILDER": "layer",
    }
    store = Store(database)
    migrate(store)
    migrate_engine(engine)
    return Installation(stack, directory, names, store, f"http://{public}", f"http://{private}", environment)


_LAYER = bytes.fromhex("1f8b08000000000002ff6360180560000000ffff0300 2eafb5ef00040000".replace(" ", ""))
_CONFIG = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()


def _labelled(revision: str) -> bytes:
    return json.dumps({**json.loads(_CONFIG), "config": {"Labels": {REVISION_LABEL: revision}}}).encode()


def _manifest(of: bytes) -> bytes:
    config = {"mediaType": OCI_CONFIG, "digest": digest_of(of), "size": len(of)}
    layer = {"mediaType": OCI_LAYER, "digest": digest_of(_LAYER), "size": len(_LAYER)}
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]}
    return json.dumps(document).encode()


def _registry(stack: Devstack) -> Pusher:
    environment = stack.ecr.environment()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_EC2_METADATA_DISABLED"):
        os.environ.setdefault(name, environment[name])
    registry = ecr.EcrRegistry(
        ecr.Options(host=REGISTRY), clock=_Now(), endpoint=stack.ecr.endpoint, reached_at=stack.ecr.host
    )
    registry.ensure_repository(IMAGE)
    target = registry.push_target(ImageReference(REGISTRY, IMAGE, "any"))
    return Pusher(target.host, credentials=fixed(target.credentials), insecure=True)


class _Now:
    """The machine's clock, in the form that the registry needs."""

    def now(self) -> datetime:
        return datetime.now(UTC)

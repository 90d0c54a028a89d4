"""How the manifest repository is reached: over SSH where the settings say so, and on a disk that may be full."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.stack import WEBHOOK_SECRET, Devstack
from service.core.words import EditState, RunState, WaitKind
from service.store import edits
from tests.fixtures.disks import SmallDisk, small_disk
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.fixtures.tools import SshServer
from tests.pipeline.harness import Pipeline

__all__ = ["small_disk"]

FILE = "apps/checkout/values-dev.yaml"


@pytest.fixture
def over_ssh(world: Devstack, tmp_path: Path, sshd: SshServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """Give a pipeline whose settings name an SSH address for manifest repositories."""
    for name, value in world.environment().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    world.github.add_hook(SOURCE, "http://127.0.0.1:9/webhooks/github", WEBHOOK_SECRET)
    one = Pipeline(
        world,
        tmp_path / "state",
        MERGEPORT_MANIFEST_SSH_URL=sshd.url(world.git.directory / "{repository}.git"),
        MERGEPORT_SSH_KEY_FILE=str(sshd.key_file),
        MERGEPORT_KNOWN_HOSTS_FILE=str(sshd.known_hosts),
    )
    yield one
    one.close()


def test_manifests_are_written_over_ssh_and_sources_are_still_read_over_https(over_ssh: Pipeline) -> None:
    over_ssh.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    over_ssh.settle_live("checkout-dev")
    run = over_ssh.run()
    assert over_ssh.ended(run, RunState.SUCCEEDED).manifest_commit == over_ssh.stack.git.open(MANIFESTS).tip("main")
    assert run.images[""]["digest"] in over_ssh.stack.git.open(MANIFESTS).text("main", FILE)
    assert {seen.repository for seen in over_ssh.stack.git.log} == {SOURCE}


def test_an_edit_that_finds_the_disk_full_is_kept_and_goes_on(
    pipeline: Pipeline, tmp_path: Path, small_disk: Callable[[Path, int], SmallDisk]
) -> None:
    small = small_disk(tmp_path / "state" / "mirrors", 4 * 1024)
    filler = small.fill()
    pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    pipeline.settle()
    run = pipeline.ended(pipeline.run(), RunState.WAITING)
    kind, seen = pipeline.wait(run)
    with pipeline.store.read() as tx:
        kept = edits.of_run(tx, run.id)
    filler.unlink()
    pipeline.settle_over_time("checkout-dev", seconds=60)
    assert kind == WaitKind.RETRY
    assert "no space left on the disk" in seen
    assert kept is None or kept.state == EditState.PENDING
    assert run.images[""]["digest"] in pipeline.stack.git.open(MANIFESTS).text("main", FILE)
    pipeline.ended(run, RunState.SUCCEEDED)

"""The disk below a mirror: it stays bounded, and when it is full nothing but time is lost."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from service.adapters.git import disk
from service.adapters.git.disk import Limits
from service.adapters.manifests.git import GitManifestRepositories, GitManifests
from service.core.words import Repository, Sha
from service.errors import MergeportError, PermanentError, RetryableError
from tests.adapters.git.served import NAME, Served
from tests.fixtures.disks import SmallDisk

Mount = Callable[[Path, int], SmallDisk]

MEGABYTE = 1024 * 1024


def noise(seed: int, size: int = 900_000) -> str:
    """Give a text that cannot be compressed."""
    return random.Random(seed).randbytes(size // 2).hex()  # noqa: S311 # the same each time


def limited(served: Served, **limits: int) -> GitManifests:
    chosen = Limits(**{"every": 1, **limits})
    return GitManifestRepositories(
        served.directory / "mirrors", served.url, served.credentials, timeout=20, limits=chosen
    ).open(NAME)


def put(served: Served, manifests: GitManifests, content: bytes, path: str = "apps/a/values.yaml") -> Sha:
    tip = manifests.fetch("main")
    assert tip
    commit = served.write(manifests, tip, path, content)
    assert manifests.push("main", commit, expected=tip)
    return commit


def files(served: Served) -> list[Path]:
    return [file for file in served.mirror().rglob("*") if file.is_file()]


def gathered(served: Served) -> int:
    """Count all bytes except the largest pack's, which is the repository as it was fetched."""
    packs = [file.stat().st_size for file in files(served) if file.suffix == ".pack"]
    return sum(file.stat().st_size for file in files(served)) - max(packs)


# it stays bounded


@pytest.mark.prove
def test_writes_of_nobody_but_us_gather_no_more_objects_than_they_may(served: Served) -> None:
    manifests, most = limited(served, loose=40), 0
    for number in range(40):
        put(served, manifests, f"tag: {number}\n".encode())
        most = max(most, len(files(served)))
    assert 40 < most < 40 + 20
    assert served.repository.text("main", "apps/a/values.yaml") == "tag: 39\n"
    assert len(served.repository.log("main")) == 41


@pytest.mark.prove
def test_large_files_gather_no_more_bytes_than_they_may(served: Served) -> None:
    manifests, most = limited(served, extra=2 * MEGABYTE), 0
    for number in range(15):
        put(served, manifests, noise(number).encode(), "large.yaml")
        most = max(most, gathered(served))
    assert 2 * MEGABYTE < most < 3 * MEGABYTE


@pytest.mark.prove
def test_others_commits_gather_no_more_packs_than_they_may(served: Served) -> None:
    manifests, most = limited(served, packs=5), 0
    for number in range(20):
        served.repository.commit_files("main", {"n": f"{number}"})
        assert manifests.fetch("main") == served.repository.tip("main")
        most = max(most, len(list(served.mirror().glob("objects/pack/*.pack"))))
    assert 5 < most <= 7


def test_the_repository_itself_is_not_counted_as_gathered(served: Served) -> None:
    served.repository.commit_files("main", {f"{number}.yaml": noise(number) for number in range(4)})
    manifests = limited(served, extra=MEGABYTE)
    manifests.fetch("main")
    made = served.mirror().stat().st_ino
    put(served, manifests, b"tag: two\n")
    manifests.fetch("main")
    assert served.mirror().stat().st_ino == made


def test_the_bounds_are_looked_at_now_and_then_only(served: Served) -> None:
    manifests = limited(served, loose=1, every=10)
    made = []
    for number in range(11):
        put(served, manifests, f"tag: {number}\n".encode())
        made.append(served.mirror().stat().st_ino)
    assert len(set(made)) == 2
    assert made[9] != made[10]


def leave(file: Path, age: float) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x" * 1000)
    then = time.time() - age
    os.utime(file, (then, then))
    return file


LEFT = ["objects/pack/tmp_pack_a1b2c3", "objects/17/tmp_obj_a1b2c3", "shallow_a1b2c3", "shallow.lock"]


def test_what_killed_gits_left_is_removed(served: Served) -> None:
    served.manifests().fetch("main")
    left = [leave(served.mirror() / name, disk.STALE + 60) for name in LEFT]
    served.manifests().fetch("main")
    assert [file.name for file in left if file.exists()] == []


def test_what_a_git_may_still_write_is_left_alone(served: Served) -> None:
    served.manifests().fetch("main")
    used = [leave(served.mirror() / name, 5) for name in LEFT]
    served.manifests().fetch("main")
    assert [file for file in used if not file.exists()] == []


def test_a_fetch_that_was_given_up_leaves_nothing(served: Served) -> None:
    manifests = served.manifests(timeout=2)
    tip = manifests.fetch("main")
    assert tip
    later = Sha(served.repository.commit_files("main", {"n": "1"}))
    left = leave(served.mirror() / "objects/pack/tmp_pack_now", 0)
    gate = served.server.faults.hang(method="POST", path="git-upload-pack")
    with pytest.raises(RetryableError) as caught:
        manifests._mirror.fetch_commit(later)
    gate.release()
    assert caught.value.code == "git-timeout"
    assert not left.exists()


def test_a_mirror_that_nobody_used_for_a_month_is_removed(served: Served) -> None:
    served.manifests().fetch("main")
    other = served.mirror().with_name("left.git")
    leave(other / "objects" / "pack" / "pack-1.pack", 0)
    leave(other.with_name("left.git.lock"), disk.UNUSED + 60)
    assert served.manifests().fetch("main")
    assert not other.exists()
    assert served.mirror().exists()


def test_a_mirror_that_somebody_uses_is_kept_however_old(served: Served) -> None:
    manifests = served.manifests()
    manifests.fetch("main")
    lock = served.mirror().with_name("manifests.git.lock")
    os.utime(lock, (0, 0))
    put(served, limited(served), b"tag: two\n")
    assert lock.stat().st_mtime > time.time() - 60


# it is full


def full(served: Served, action: Callable[[], object], place: Path) -> RetryableError:
    """Do something for which there is no space; check that the error is retryable and names the place."""
    with pytest.raises(RetryableError) as caught:
        action()
    error = caught.value
    assert error.code == "mirror-disk-full"
    assert re.search(rf"make room at {place}/acme, where \d+ bytes are free", error.hint or "")
    return error


def test_a_repository_that_is_larger_than_the_disk_is_told_and_comes_when_there_is_room(
    served: Served, small_disk: Mount
) -> None:
    served.repository.commit_files("main", {f"{number}.yaml": noise(number) for number in range(6)})
    small = small_disk(served.directory / "mirrors", 2 * 1024)
    manifests = served.manifests()
    full(served, lambda: manifests.fetch("main"), small.place)
    assert small.free() > MEGABYTE
    small.set("size=32m")
    assert manifests.fetch("main") == served.repository.tip("main")


def test_a_write_on_a_full_disk_is_told_and_goes_on_when_there_is_room(served: Served, small_disk: Mount) -> None:
    small = small_disk(served.directory / "mirrors", 4 * 1024)
    manifests = served.manifests()
    tip = manifests.fetch("main")
    assert tip
    filler = small.fill()
    full(served, lambda: served.write(manifests, tip, "apps/a/values.yaml", noise(1).encode()), small.place)
    filler.unlink()
    commit = served.write(manifests, tip, "apps/a/values.yaml", noise(1).encode())
    assert manifests.push("main", commit, expected=tip)


def test_a_disk_that_is_full_from_the_beginning_is_told(served: Served, small_disk: Mount) -> None:
    small = small_disk(served.directory / "mirrors", 64)
    filler = small.fill()
    manifests = served.manifests()
    full(served, lambda: manifests.fetch("main"), small.place)
    filler.unlink()
    small.set("size=8m")
    assert manifests.fetch("main") == served.repository.tip("main")


def test_a_disk_that_our_own_leavings_filled_heals_by_itself(served: Served, small_disk: Mount) -> None:
    small = small_disk(served.directory / "mirrors", 4 * 1024)
    manifests = served.manifests()
    tip = manifests.fetch("main")
    assert tip
    small.fill("acme/manifests.git/objects/pack/tmp_pack_left")
    commit = served.write(manifests, tip, "apps/a/values.yaml", noise(2).encode())
    assert manifests.push("main", commit, expected=tip)
    assert small.free() > MEGABYTE


def test_what_is_here_is_read_and_pushed_on_a_full_disk(served: Served, small_disk: Mount) -> None:
    small = small_disk(served.directory / "mirrors", 4 * 1024)
    manifests = served.manifests()
    tip = manifests.fetch("main")
    assert tip
    commit = served.write(manifests, tip, "apps/a/values.yaml", b"tag: two\n")
    small.fill()
    assert manifests.read(tip, "apps/a/values.yaml") == b"tag: one\n"
    assert manifests.push("main", commit, expected=tip)
    assert served.repository.tip("main") == commit


def test_a_disk_that_cannot_be_written_is_a_matter_for_a_person(served: Served, small_disk: Mount) -> None:
    small = small_disk(served.directory / "mirrors", 4 * 1024)
    served.manifests().fetch("main")
    small.set("ro")
    served.repository.commit_files("main", {"n": "1"})
    with pytest.raises(MergeportError) as caught:
        served.manifests().fetch("main")
    assert (type(caught.value), caught.value.code) == (PermanentError, "mirror-failed")
    assert "Read-only file system" in str(caught.value)


def test_mirrors_of_other_repositories_are_told_apart(served: Served) -> None:
    """The message names the mirror, because a disk has many."""
    error = disk.full(served.directory / "mirrors" / f"{Repository('acme/x')}.git", "No space left on device")
    assert "x.git" in str(error)

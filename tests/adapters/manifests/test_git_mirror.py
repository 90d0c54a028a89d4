"""Mirrors heal by themselves, and many writers at once lose nothing."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.adapters.manifests.git import GitManifests
from service.core.words import Sha
from service.errors import RetryableError
from tests.adapters.git.served import TOKEN, Served

ROOT = Path(__file__).parents[3]


def packs(mirror: Path) -> list[Path]:
    return list(mirror.glob("objects/pack/*.pack"))


def lose_objects(mirror: Path) -> None:
    shutil.rmtree(mirror / "objects")
    (mirror / "objects").mkdir()


def spoil_objects(mirror: Path) -> None:
    loose = [file for file in mirror.glob("objects/??/*") if file.is_file()]
    for file in [*loose, *packs(mirror)]:
        file.chmod(0o644)
        file.write_bytes(b"x" * 40)


def truncate_packs(mirror: Path) -> None:
    for file in packs(mirror):
        file.chmod(0o644)
        with file.open("r+b") as pack:
            pack.truncate(file.stat().st_size // 2)


def empty_objects(mirror: Path) -> None:
    """Make empty object files, as a machine leaves them that lost its power."""
    for file in [*mirror.glob("objects/??/*"), *mirror.glob("objects/pack/*.idx")]:
        file.chmod(0o644)
        file.write_bytes(b"")


def lose_packs(mirror: Path) -> None:
    for file in packs(mirror):
        file.unlink()


def damage_one_byte(mirror: Path) -> None:
    for file in packs(mirror):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 0xFF
        file.chmod(0o644)
        file.write_bytes(content)


def lock_refs(mirror: Path) -> None:
    for ref in list((mirror / "refs/tips").iterdir()):
        ref.with_name(f"{ref.name}.lock").touch()


def spoil_refs(mirror: Path) -> None:
    for ref in (mirror / "refs/tips").iterdir():
        ref.write_text("x\n")


def replace_by_a_file(mirror: Path) -> None:
    shutil.rmtree(mirror)
    mirror.write_text("x")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "it is gone": shutil.rmtree,
    "no HEAD": lambda mirror: (mirror / "HEAD").unlink(),
    "no refs": lambda mirror: shutil.rmtree(mirror / "refs"),
    "no objects": lose_objects,
    "spoiled objects": spoil_objects,
    "truncated packs": truncate_packs,
    "empty objects": empty_objects,
    "indexes without packs": lose_packs,
    "one byte of a pack is another": damage_one_byte,
    "spoiled configuration": lambda mirror: (mirror / "config").write_text("[core"),
    "configuration of another remote": lambda mirror: (mirror / "config").write_text("[core]\n\tbare = true\n"),
    "stale lock of the boundary": lambda mirror: (mirror / "shallow.lock").write_text(""),
    "stale locks of refs": lock_refs,
    "spoiled refs": spoil_refs,
    "a file in its place": replace_by_a_file,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_mirror_is_made_anew(served: Served, damage: str) -> None:
    manifests = served.manifests()
    manifests.fetch("main")
    DAMAGES[damage](served.mirror())
    served.repository.commit_files("main", {"apps/a/values.yaml": "tag: later\n"})
    tip = manifests.fetch("main")
    assert tip == served.repository.tip("main")
    commit = served.write(manifests, tip, "apps/b/values.yaml", b"tag: healed\n")
    assert manifests.push("main", commit, expected=tip)
    assert manifests.read(commit, "apps/a/values.yaml") == b"tag: later\n"


HEALED_WITHOUT_A_FETCH = ["it is gone", "no objects", "spoiled objects", "no HEAD", "truncated packs", "empty objects"]


@pytest.mark.parametrize("damage", HEALED_WITHOUT_A_FETCH)
def test_reading_and_writing_heal_without_a_fetch(served: Served, damage: str) -> None:
    manifests = served.manifests(timeout=2)  # git loops for ever over some spoiled packs
    tip = manifests.fetch("main")
    assert tip
    DAMAGES[damage](served.mirror())
    assert manifests.read(tip, "apps/a/values.yaml") == b"tag: one\n"
    DAMAGES[damage](served.mirror())
    commit = served.write(manifests, tip, "apps/a/values.yaml", b"tag: healed\n")
    assert manifests.push("main", commit, expected=tip)


def test_a_mirror_whose_objects_were_lost_before_a_push_says_to_start_again(served: Served) -> None:
    manifests = served.manifests()
    tip = manifests.fetch("main")
    assert tip
    commit = served.write(manifests, tip, "apps/a/values.yaml", b"tag: lost\n")
    lose_objects(served.mirror())
    with pytest.raises(RetryableError) as caught:
        manifests.push("main", commit, expected=tip)
    assert caught.value.code == "mirror-renewed"
    assert manifests.fetch("main") == tip
    assert served.write(manifests, tip, "apps/a/values.yaml", b"tag: lost\n") == commit
    assert manifests.push("main", commit, expected=tip)


def test_what_a_killed_process_left_is_removed(served: Served) -> None:
    left = served.mirror().with_name(f".{served.mirror().name}.0000.new")
    left.mkdir(parents=True)
    (left / "half").write_text("x")
    served.manifests().fetch("main")
    assert sorted(path.name for path in served.mirror().parent.iterdir()) == ["manifests.git", "manifests.git.lock"]


def test_a_mirror_that_somebody_else_keeps_busy_is_tried_later(served: Served) -> None:
    manifests = served.manifests(timeout=0.2)
    served.mirror().parent.mkdir(parents=True)
    with served.mirror().with_name("manifests.git.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RetryableError) as caught:
            manifests.fetch("main")
    assert caught.value.code == "mirror-busy"


def test_a_token_lies_nowhere_on_the_disk(served: Served) -> None:
    manifests = served.manifests()
    tip = manifests.fetch("main")
    assert tip
    manifests.push("main", served.write(manifests, tip, "a", b"x"), expected=tip)
    for file in (served.directory / "mirrors").rglob("*"):
        if file.is_file():
            assert TOKEN.encode() not in file.read_bytes()


# races


def add_lines(served: Served, manifests: GitManifests, name: str, count: int) -> int:
    """Append lines to one file, each as a commit, until all are pushed; give how often a push was refused."""
    refused = 0
    for number in range(count):
        while True:
            tip = manifests.fetch("main")
            assert tip
            content = manifests.read(tip, "apps/a/values.yaml") + f"{name}: {number}\n".encode()
            commit = served.write(manifests, tip, "apps/a/values.yaml", content, f"{name} {number}")
            if manifests.push("main", commit, expected=tip):
                break
            refused += 1
    return refused


def lines(served: Served) -> list[str]:
    return served.repository.text("main", "apps/a/values.yaml").splitlines()[1:]


def test_of_two_writers_at_the_same_tip_one_is_refused_and_nothing_is_lost(served: Served) -> None:
    one, other = served.manifests("one"), served.manifests("other")
    tip = one.fetch("main")
    assert tip
    assert other.fetch("main") == tip
    commits = [
        served.write(manifests, tip, "apps/a/values.yaml", content)
        for manifests, content in ((one, b"tag: from one\n"), (other, b"tag: from other\n"))
    ]
    both = threading.Barrier(2)

    def race(manifests: GitManifests, commit: Sha) -> bool:
        both.wait()
        return manifests.push("main", commit, expected=tip)

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(race, (one, other), commits))
    assert sorted(results) == [False, True]
    assert served.repository.tip("main") == commits[results.index(True)]
    assert add_lines(served, one if results[1] else other, "loser", 1) == 0
    assert len(served.repository.log("main")) == 3


@pytest.mark.parametrize("mirrors", [["shared"] * 4, ["a", "b", "c", "d"]])
def test_many_writers_lose_nothing(served: Served, mirrors: list[str]) -> None:
    writers = {f"w{number}": served.manifests(mirror) for number, mirror in enumerate(mirrors)}
    with ThreadPoolExecutor(len(writers)) as pool:
        done = [pool.submit(add_lines, served, manifests, name, 3) for name, manifests in writers.items()]
        for future in done:
            future.result()
    assert sorted(lines(served)) == sorted(f"{name}: {number}" for name in writers for number in range(3))
    assert len(served.repository.log("main")) == 1 + 12
    assert len(served.server.pushes()) == 12


def test_threads_of_one_port_write_many_branches_at_once(served: Served) -> None:
    manifests = served.manifests()
    tip = manifests.fetch("main")
    assert tip

    def publish(number: int) -> bool:
        commit = served.write(manifests, tip, "apps/a/values.yaml", f"tag: {number}\n".encode())
        return manifests.push(f"promotion/{number}", commit, expected=None) and bool(
            manifests.fetch(f"promotion/{number}")
        )

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(publish, range(12)))
    assert served.repository.text("promotion/7", "apps/a/values.yaml") == "tag: 7\n"


def test_two_processes_share_a_mirror(served: Served) -> None:
    program = f"""
import sys
from pathlib import Path
from tests.adapters.git.served import NAME, Served
from tests.adapters.manifests.test_git_mirror import add_lines
from service.adapters.manifests.git import GitManifestRepositories
from service.ports import Credentials
served = Served.__new__(Served)
manifests = GitManifestRepositories(
    Path({str(served.directory)!r}) / "mirrors", lambda _: {served.url()!r},
    lambda _, write=False: Credentials("x", {TOKEN!r}),
).open(NAME)
add_lines(served, manifests, sys.argv[1], 3)
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", program, name], cwd=ROOT, stderr=subprocess.PIPE) for name in ("p", "q")
    ]
    told = [process.communicate(timeout=20)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    assert sorted(lines(served)) == ["p: 0", "p: 1", "p: 2", "q: 0", "q: 1", "q: 2"]


def test_reading_what_a_partial_clone_left_out_fetches_it_and_keeps_the_mirror(served: Served) -> None:
    large = b"# a comment that goes on\n" * 80_000
    served.repository.commit_files("main", {"apps/large/values.yaml": large})
    manifests = served.manifests()
    tip = manifests.fetch("main")
    assert tip
    before = manifests._mirror.identity()
    assert manifests.read(tip, "apps/large/values.yaml") == large
    assert manifests._mirror.identity() == before


def test_a_mirror_that_is_made_anew_ends_its_readers(served: Served) -> None:
    manifests = served.manifests()
    tip = manifests.fetch("main")
    assert tip
    with manifests._mirror.readers.open() as objects:
        objects.read(tip)
    assert objects._talk.alive
    manifests._mirror.renew(manifests._mirror.identity())
    assert not objects._talk.alive

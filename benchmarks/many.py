"""A hundred applications merged at once into one manifest repository: pushes, losses, seconds.

One worker on SQLite, and two on a PostgreSQL where the machine has one.
Against one clone, edit, rebase, push for each application, of which a few are measured, before and after ours, and
the rest reckoned. All images are there already; ours counts from the first accepted delivery to the last push.
"""

from __future__ import annotations

import statistics
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.databases import postgresql
from benchmarks.findings import Bar, Finding
from benchmarks.installation import MANIFESTS, Installation, installation, until
from benchmarks.load import send
from benchmarks.measuring import timed
from benchmarks.plain_git import clone_edit_rebase_push
from benchmarks.repositories import BRANCH
from benchmarks.scale import Scale
from benchmarks.served import TOKEN
from benchmarks.values_files import part_name
from devstack.git_http import GitAccess
from service.store import runs

NAME = "many"
TITLE = "Many applications merged at once into one manifest repository"
PUSHES_BAR = Bar(5, "pushes")
SPEED_BAR = Bar(50, least=True)
COPY = "acme/clones"
LIMIT_SECONDS = 240.0
ACCEPTED = 202


def run(scale: Scale, say: Callable[[str], None]) -> list[Finding]:
    """Send all deliveries at once; time clones for some of the applications before, and for the others afterwards."""
    half = (scale.clones + 1) // 2
    with _world(scale, say, "") as ours:
        _serve_copy(ours)
        clones = _clones(ours, range(half), scale.seconds)
        alone = _merge_all(ours, say, clients=scale.clients, workers=1)
        clones += _clones(ours, range(half, scale.clones), scale.seconds)
    each = statistics.median(clones)
    reckoned = each * scale.applications
    note = f"Clones measured: {len(clones)}, {each:.2f} s in the middle; their {reckoned:.0f} s are reckoned from that."
    found = _judge("one worker, SQLite", *alone, reckoned, scale, note)
    with postgresql(say) as server:
        if server is not None:
            with _world(scale, say, server.url("many")) as ours:
                both = _merge_all(ours, say, clients=scale.clients, workers=2)
            found += _judge("two workers, PostgreSQL", *both, reckoned, scale, note)
    return found


@contextmanager
def _world(scale: Scale, say: Callable[[str], None], database: str) -> Iterator[Installation]:
    say(f"making {scale.applications} source repositories and a manifest repository of {scale.crowd_files:,} files")
    with (
        tempfile.TemporaryDirectory(prefix="mergeport-bench-") as folder,
        installation(Path(folder), applications=scale.applications, files=scale.crowd_files, database=database) as ours,
    ):
        yield ours


def _judge(who: str, seconds: float, pushes: int, reckoned: float, scale: Scale, note: str) -> list[Finding]:
    what = f"{scale.applications} applications, {scale.crowd_files:,} files, {who}"
    return [
        Finding(
            NAME, what, pushes, "one push for each", scale.applications, pushes, PUSHES_BAR, "pushes", measured="pushes"
        ),
        Finding(NAME, what, seconds, "clone, edit, rebase, push", reckoned, reckoned / seconds, SPEED_BAR, note=note),
    ]


def _merge_all(ours: Installation, say: Callable[[str], None], *, clients: int, workers: int) -> tuple[float, int]:
    """Merge in every source, send all webhooks at once, wait for the end, and check that each change is there once."""
    posts = [ours.merge(name) for name in ours.applications]
    tags = {name: ours.tip_tag(name) for name in ours.applications}
    ours.start("web", *["worker"] * workers)
    until(lambda: ours.live_workers() == workers, what="every worker")
    say(f"{len(posts)} deliveries from {clients} clients, {workers} at work")
    answers = send(posts, clients=clients)
    if any(answer.status != ACCEPTED for answer in answers):
        raise AssertionError("not every delivery was accepted")

    def written() -> bool:
        with ours.store.read() as tx:
            found = runs.newest(tx, limit=500)
        lost = [run for run in found if run.state.ended and not run.manifest_commit]
        if lost:
            raise AssertionError(f"{len(lost)} runs ended without a commit, one as {lost[0].state}: {lost[0].message}")
        return sum(1 for run in found if run.manifest_commit) == len(posts)

    until(written, what="the last manifest commit", seconds=LIMIT_SECONDS)
    _check(ours, tags)
    first = min(answer.at - answer.seconds for answer in answers)
    last = max(at.timestamp() for name, at in ours.pushes if name == MANIFESTS)
    return last - first, ours.manifest_pushes()


def _check(ours: Installation, tags: dict[str, str]) -> None:
    repository = ours.stack.git.open(MANIFESTS)
    for name, tag in tags.items():
        if f'tag: "{tag}"' not in repository.text(BRANCH, f"apps/{name}/values-dev.yaml"):
            raise AssertionError(f"{name} is lost")
    written = Counter(
        line.split()[1] for line in repository.git("log", "--format=%s", BRANCH).splitlines() if line != "Begin"
    )
    if set(written) != set(tags) or set(written.values()) != {1}:
        raise AssertionError(f"not one commit for each application: {written.most_common(3)}")


def _serve_copy(ours: Installation) -> None:
    ours.stack.git.tokens[TOKEN] = GitAccess("benchmark")
    copy = ours.stack.git.create(COPY)
    copy.git("fetch", "--quiet", str(ours.stack.git.path(MANIFESTS)), f"{BRANCH}:{BRANCH}")


def _clones(ours: Installation, numbers: range, seconds: float) -> list[float]:
    """Clone for these applications, one after the other, until the time is up."""
    took: list[float] = []
    for number in numbers:
        if sum(took) < seconds:
            took.append(_clone(ours, number))
    return took


def _clone(ours: Installation, number: int) -> float:
    file = f"apps/{ours.applications[number]}/values-dev.yaml"
    url = ours.stack.git.remote(COPY)
    return timed(lambda: clone_edit_rebase_push(url, file, part_name(0), f"{number:012x}"))

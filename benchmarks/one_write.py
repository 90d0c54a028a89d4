"""One write, from the edit to the pushed commit, over HTTP: against a bare push and a clone for each change.

Ours runs as the pipeline's writer does: fetch, read, edit, commit, push, on a mirror that is there. Each way has
a copy of the repository to itself. Also with a long line between, and once with somebody else writing too.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.findings import Bar, Finding
from benchmarks.measuring import Rounds, interleave, timed
from benchmarks.plain_git import clone_edit_rebase_push, fetch_checkout_edit_push, git, push_ready
from benchmarks.repositories import BRANCH, FILES_AN_APPLICATION, file_of, make_repository
from benchmarks.scale import Scale
from benchmarks.served import OWNER, TOKEN, Served, git_server
from benchmarks.values_files import part_name
from devstack.bare import BareRepository
from service.adapters.manifests.git import GitManifestRepositories, GitManifests
from service.core.values import ValueEdit, decode_values, edit_values, encode_values
from service.core.words import Actor, Repository
from service.ports import Credentials

NAME = "one-write"
TITLE = "One write: from the edit to the pushed commit, over HTTP"
JUDGED_FILES = 15_000
BARE_BAR = Bar(2)
CLONE_BAR = Bar(20, least=True)
GROWTH_BAR = Bar(1.5)
MERGEPORT = Actor("Mergeport", "mergeport@localhost")


def run(scale: Scale, say: Callable[[str], None]) -> list[Finding]:
    """Measure each size on a direct line, the judged size on long lines too, and compare the two largest."""
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="mergeport-bench-") as folder:
        place = Path(folder)
        lined = max(files for files in scale.files if files <= JUDGED_FILES)
        with git_server(place / "git", scale.delays) as served:
            benches: list[_Bench] = []
            for files in scale.files:
                say(f"making a repository of {files:,} files")
                template = make_repository(place / f"template-{files}.git", files)
                long_lines = scale.delays if files == lined else ()
                for delay in (0.0, *long_lines):
                    say(f"{files:,} files{_line(delay)}")
                    bench = _Bench(served, template, place / f"{files}-{delay}", files, delay)
                    findings += bench.findings(bench.measure(scale))
                    benches += [] if delay else [bench]
            return findings + growth(benches[-2:], scale)


def _line(delay: float) -> str:
    return f", {delay * 1000:g} ms each way" if delay else ""


def growth(benches: Sequence[_Bench], scale: Scale) -> list[Finding]:
    """Compare the two largest repositories by alternating writes into one and the other."""
    if len(benches) < 2:  # noqa: PLR2004 - a comparison needs two
        return []
    small, large = benches
    for bench in benches:
        bench.catch_up()
    ways = {"small": small.write, "large": large.write, "small bare": small.push_ready, "large bare": large.push_ready}
    rounds = interleave(ways, rounds=scale.rounds, seconds=2 * scale.seconds)
    added = {way: rounds.ways[way].median - rounds.ways[f"{way} bare"].median for way in ("small", "large")}
    bare = rounds.ratio("large bare", "small bare")
    note = (
        f"Of the growth to {large.what}, a bare push's own is {bare:.1f} times; "
        f"what we add to it goes from {added['small'] * 1000:.0f} to {added['large'] * 1000:.0f} ms."
    )
    return [
        Finding(
            NAME, large.what, rounds.ways["large"].median, f"ours at {small.what}", rounds.ways["small"].median,
            rounds.ratio("large", "small"), GROWTH_BAR if large.files >= 10 * JUDGED_FILES else None,
            spread=rounds.ratio_range("large", "small"), rounds=len(rounds.ways["small"]), note=note,
        )
    ]  # fmt: skip


class _Bench:
    """The ways to write into one template repository over one line."""

    def __init__(self, served: Served, template: BareRepository, place: Path, files: int, delay: float) -> None:
        self._served, self._delay, self.files = served, delay, files
        self._places = itertools.cycle(range(max(1, files // FILES_AN_APPLICATION)))
        self._tags = (f"{number:012x}" for number in itertools.count(1 << 44))
        self.what = f"{files:,} files{_line(delay)}"
        self._repositories = {
            name: served.put(template, self._named(name)) for name in ("ours", "shared", "bare", "clone", "fetch")
        }
        self._ready = BareRepository(place / "ready.git")
        place.mkdir(parents=True)
        git(place, "clone", "--quiet", "--bare", self._url("bare"), str(self._ready.path))
        manifests = GitManifestRepositories(
            place / "mirrors",
            lambda repository: served.url(repository.partition("/")[2], delay),
            lambda _repository, write=False: Credentials("x-access-token", TOKEN),  # noqa: ARG005 - the port's own name
        )
        self._ours, self._shared = (
            manifests.open(Repository(f"{OWNER}/{self._named(name)}")) for name in ("ours", "shared")
        )

    def write(self) -> float:
        """Do one write our way; give its seconds."""
        return self._write(self._ours)

    def measure(self, scale: Scale) -> Rounds:
        """Let every way write once in each round, and check afterwards that each write is there."""
        rounds = interleave(
            {
                "ours": self.write,
                "shared": self._write_shared,
                "bare": self.push_ready,
                "clone": lambda: self._other_way(clone_edit_rebase_push, "clone"),
                "fetch": lambda: self._other_way(fetch_checkout_edit_push, "fetch"),
            },
            rounds=scale.rounds,
            seconds=scale.seconds,
            most={"clone": scale.clones, "fetch": scale.clones},
        )
        for name, repository in self._repositories.items():
            writes = len(rounds.ways[name]) + (0 if name in {"clone", "fetch"} else 1)
            expected = 1 + writes * (2 if name == "shared" else 1)
            there = int(repository.git("rev-list", "--count", BRANCH))
            if there != expected:
                raise AssertionError(f"{name}: {there} commits instead of {expected}")
        return rounds

    def findings(self, rounds: Rounds) -> list[Finding]:
        """Judge the rounds."""
        judged = self.files >= JUDGED_FILES and not self._delay
        note = f"{self.what}: unrest of the machine {rounds.unrest:.2f}."

        def finding(what: str, our: str, against: str, their: str, bar: Bar) -> Finding:
            over, under = (their, our) if bar.least else (our, their)
            return Finding(
                NAME, what, rounds.ways[our].median, against, rounds.ways[their].median, rounds.ratio(over, under),
                bar if judged else None, spread=rounds.ratio_range(over, under), rounds=len(rounds.ways[their]),
                note=note,
            )  # fmt: skip

        return [
            finding(self.what, "ours", "a bare push", "bare", BARE_BAR),
            finding(f"{self.what}, others write too", "shared", "a bare push", "bare", BARE_BAR),
            finding(self.what, "ours", "clone, edit, rebase, push", "clone", CLONE_BAR),
            finding(self.what, "ours", "init, fetch, checkout, edit, push", "fetch", CLONE_BAR),
        ]

    def _url(self, name: str) -> str:
        return self._served.url(self._named(name), self._delay)

    def _named(self, name: str) -> str:
        return f"{name}-{self.files}"

    def _next(self) -> tuple[str, str, str]:
        """Give the next file, the part in it and the new tag."""
        number = next(self._places)
        return file_of(number), part_name(0), next(self._tags)

    def _write(self, manifests: GitManifests) -> float:
        file, part, tag = self._next()
        return timed(lambda: write(manifests, file, part, tag))

    def _write_shared(self) -> float:
        """Let a person commit first, so that the mirror is behind."""
        file, part, tag = self._next()
        repository = self._repositories["shared"]
        text = repository.text(BRANCH, file)
        repository.commit_files(BRANCH, {file: text + f"# somebody was here before {part} {tag}\n"})
        return self._write(self._shared)

    def catch_up(self) -> None:
        """Fetch for the bare push what was pushed over a longer line meanwhile."""
        git(self._ready.path, "fetch", "--quiet", self._url("bare"), f"+{BRANCH}:{BRANCH}")

    def push_ready(self) -> float:
        """Push a commit that is already made, with git alone; give its seconds."""
        file, part, tag = self._next()
        text = self._ready.text(BRANCH, file)
        edited = edit_values(text, [ValueEdit(f"{part}.image.tag", tag)]).text
        self._ready.commit_files(BRANCH, {file: edited})
        return timed(lambda: push_ready(self._ready.path, self._url("bare")))

    def _other_way(self, way: Callable[[str, str, str, str], None], name: str) -> float:
        file, part, tag = self._next()
        return timed(lambda: way(self._url(name), file, part, tag))


def write(manifests: GitManifests, file: str, part: str, tag: str) -> None:
    """Do one write as the pipeline's writer does."""
    tip = manifests.fetch(BRANCH)
    assert tip is not None
    text = decode_values(manifests.read(tip, file), file=file)
    edited = edit_values(text, [ValueEdit(f"{part}.image.tag", tag)], file=file)
    commit = manifests.commit(
        tip,
        {file: encode_values(edited.text)},
        f"Promote {part} {tag} to dev\n",
        author=MERGEPORT,
        committer=MERGEPORT,
        at=datetime.now(UTC),
    )
    if not manifests.push(BRANCH, commit, expected=tip):
        raise AssertionError("a push was refused though nobody else writes")


def seconds_by_size(findings: list[Finding]) -> Iterator[tuple[str, int, float]]:
    """Give the plot's data: a way's name, the number of files, and its median on the direct line."""
    for finding in findings:
        size, _, rest = finding.what.partition(" files")
        if rest:
            continue
        if finding.against == "a bare push":
            yield "Mergeport", int(size.replace(",", "")), finding.ours
        if not finding.against.startswith("ours"):
            yield finding.against, int(size.replace(",", "")), finding.theirs

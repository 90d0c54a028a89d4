"""The demo's story: a change goes to dev, stage and prod by three merges, and a fourth merge starts nothing.

Called by the command with a world that runs. Each act waits for the product, shows what the product tells, and then
what the demo reads by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import requests
from rich.progress import Progress

from devstack.demo.errors import DemoError
from devstack.demo.evidence import Difference, Image, Registry, read_difference
from devstack.demo.product import Run
from devstack.demo.screen import Screen
from devstack.demo.world import MANIFESTS, RELEASE_MANAGER, SOURCE, SOURCE_FILES, World
from devstack.github.actions import Sending
from devstack.github.state import Delivery, Pull

T = TypeVar("T")

APPLICATION = "checkout"
DEVELOPER = "alice"
RUN_SECONDS = 100.0
SHORT = 12
PAUSE = 0.4
"""Seconds between two looks by the command line, or as long as the last look took, to spare a busy machine."""


@dataclass(frozen=True, slots=True)
class Act:
    """One merge: where it goes, and how GitHub sends its two events."""

    environment: str
    branch: str
    title: str
    sending: Sending
    sent: str


ACTS = (
    Act("dev", "develop", "Add the tax to the price", Sending(twice=("push",)), "push twice, then pull_request"),
    Act(
        "stage",
        "staging",
        "Release candidate: add the tax to the price",
        Sending(order="pull-request-first"),
        "pull_request, then push",
    ),
    Act("prod", "main", "Release: add the tax to the price", Sending(), "push, then pull_request"),
)


@dataclass(frozen=True, slots=True)
class Result:
    """The result of an act."""

    run: Run
    image: Image
    difference: Difference
    seconds: float


class Story:
    """Plays the acts in a world and prints them on a screen."""

    def __init__(self, world: World, screen: Screen) -> None:
        self._world = world
        self._github = world.github
        self._product = world.product
        self._screen = screen
        self._registry = Registry(world.stack.ecr.environment())

    def play(self) -> list[Result]:
        """Play all acts; DemoError if something is not as claimed."""
        try:
            results: list[Result] = []
            for number, act in enumerate(ACTS, start=1):
                with self._screen.recorded() if number == 1 else nullcontext():
                    results.append(self._deploy(number, act, results[0] if results else None))
            self._start_nothing(len(ACTS) + 1)
            commits = [commit for _, commit in self._product.runs()]
            if sorted(commits) != sorted(one.run.commit for one in results):
                raise DemoError(f"{len(commits)} runs came of {len(results)} merges")
        finally:
            self._registry.close()
        return results

    def _deploy(self, number: int, act: Act, first: Result | None) -> Result:
        source = (SOURCE_FILES / "app.py").read_text(encoding="utf-8")
        changed = source.replace("TAX_PERCENT = 0", "TAX_PERCENT = 10")
        self._screen.heading(f"{number}  {act.environment}: a merge into {act.branch}")
        pull, merged_at, sent = self._merge(act.branch, {"app.py": changed}, act.title, act.sending)
        commit = pull.merge_commit_sha or ""
        self._screen.fact("deliveries", f"sent: {act.sent}")
        run_id = self._await_run(commit)
        run = self._follow(run_id, merged_at)
        if run.pull_request is not None and not run.ended:
            self._release(run)
            run = self._follow(run_id, merged_at, through=True)
        if run.state != "succeeded" or run.ended_at is None:
            raise DemoError(f"the run to {act.environment} ended as {run.state}: {run.message}")
        seconds = (run.ended_at - merged_at).total_seconds()
        self._show_deliveries(sent)
        image = self._show_image(run, commit, first)
        difference = self._show_difference(run, act, image)
        self._show_live(run, act, image)
        return Result(run, image, difference, seconds)

    def _merge(
        self, branch: str, files: dict[str, str], title: str, sending: Sending
    ) -> tuple[Pull, datetime, list[Delivery]]:
        """Do what a developer does: a branch, a commit, a pull request, and its merge by squash."""
        repository = self._github.repository(SOURCE)
        head = f"{DEVELOPER}/{branch}-{repository.next_number}"
        repository.bare.update_ref(f"refs/heads/{head}", repository.bare.tip(branch))
        self._github.push(SOURCE, head, files, title, author=DEVELOPER)
        pull = self._github.open_pull(SOURCE, head, branch, title, author=DEVELOPER)
        self._github.wait_delivered()
        before = len(self._github.deliveries)
        merged_at = datetime.now(UTC)
        self._github.merge_pull(SOURCE, pull.number, method="squash", by=DEVELOPER, sending=sending)
        sent = [one for one in self._github.deliveries[before:] if one.repository == SOURCE]
        self._screen.fact("merged", f'#{pull.number} "{title}" by {DEVELOPER}, squashed')
        self._screen.fact("commit", f"{pull.merge_commit_sha} on {branch} of {SOURCE}")
        return pull, merged_at, sent

    def _await_run(self, commit: str) -> str:
        def look() -> list[str]:
            return [run_id for run_id, its_commit in self._product.runs() if its_commit == commit]

        self._github.wait_delivered()
        with self._screen.waiting("waiting for the run"):
            (found,) = self._poll(look, f"a run of {commit[:SHORT]}")
        self._screen.fact("run", f"{self._product.url}/runs/{found}")
        self._screen.say()
        return found

    def _follow(self, run_id: str, since: datetime, *, through: bool = False) -> Run:
        """Show the steps of a run as they end, until it has ended or, unless `through`, a person must act."""

        def look(progress: Progress) -> Run | None:
            now = self._product.run(run_id)
            self._screen.steps(now, since)
            if now.ended or (now.waits_for == "pull-request" and not through):
                return now
            under_way = next((step.name for step in reversed(now.steps) if step.seconds is None), "")
            progress.update(progress.task_ids[0], description=under_way or now.seen or "waiting")
            return None

        with self._screen.waiting("waiting for the first step") as progress:
            now = self._poll(lambda: look(progress), f"the end of run {run_id}")
        if not now.ended:
            self._screen.pending(now, since)
        return now

    def _release(self, run: Run) -> None:
        """Show the pull request, and merge it as the release manager does."""
        pull = self._github.repository(MANIFESTS).pulls[run.pull_request or 0]
        self._screen.say()
        reviewers = ", ".join([*pull.reviewers, *(f"team {team}" for team in pull.teams)])
        self._screen.fact("pull request", f'#{pull.number} "{pull.title}" into {pull.base} of {MANIFESTS}')
        self._screen.fact("", f"reviewers: {reviewers}; labels: {', '.join(pull.labels)}")
        self._screen.document(pull.body or "")
        self._github.merge_pull(MANIFESTS, pull.number, method="merge", by=RELEASE_MANAGER)
        self._screen.fact("merged", f"#{pull.number} by {RELEASE_MANAGER}, with a merge commit")
        self._screen.say()

    def _show_deliveries(self, sent: list[Delivery]) -> None:
        self._screen.say()
        kept = self._product.deliveries()
        for guid in dict.fromkeys(one.guid for one in sent):
            times, one = sum(one.guid == guid for one in sent), kept[guid]
            if one.repeats != times - 1:
                raise DemoError(f"delivery {guid} was sent {times} times and {one.repeats} repeats were counted")
            often = "" if times == 1 else ", sent twice and kept once"
            self._screen.fact("delivery", f"{one.event}{often}: {one.reason}")

    def _show_image(self, run: Run, commit: str, first: Result | None) -> Image:
        """Show the run's image; all acts merge the same tree, so that what the first one built is in all of them."""
        image = self._registry.read(APPLICATION, commit[:SHORT])
        if image.digest != run.digest:
            raise DemoError(f"the run says {run.digest}, and the registry has {image.digest}")
        made_for = first.run.commit if first else commit
        if image.revision != made_for:
            raise DemoError(f"the image is labelled with {image.revision or 'no commit'}, not {made_for}")
        if first is not None and image.digest != first.image.digest:
            raise DemoError(f"{run.environment} has {image.digest}, and {first.run.environment} {first.image.digest}")
        registry = self._world.registry
        self._screen.fact("image", f"{registry}/{image.repository}:{image.tag}", style="bold")
        self._screen.fact("", image.digest)
        self._screen.fact("", "read back from the registry, digest computed from the bytes", style="dim")
        if first is not None:
            words = f"the image of {made_for[:SHORT]} in {first.run.environment}: the same tree, so not built again"
            self._screen.fact("", words, style="dim")
        return image

    def _show_difference(self, run: Run, act: Act, image: Image) -> Difference:
        file = f"apps/{APPLICATION}/values-{act.environment}.yaml"
        difference = read_difference(self._world.manifests, run.manifest_commit, file, image)
        self._screen.fact("manifests", f"{difference.commit} on main of {MANIFESTS}")
        self._screen.fact("", f"{difference.lines} lines differ, all comments intact: checked", style="dim")
        self._screen.difference(difference.text)
        return difference

    def _show_live(self, run: Run, act: Act, image: Image) -> None:
        name = f"{APPLICATION}-{act.environment}"
        live = self._world.stack.argocd.application(name)
        if not any(one.endswith(f"@{image.digest}") for one in live.images):
            raise DemoError(f"Argo CD runs {', '.join(live.images)} in {name}")
        self._screen.say()
        told = f"{name}: {live.sync}, {live.health} at {live.revisions[0][:SHORT]}"
        self._screen.fact("Argo CD", told, style="green")
        context = f"mergeport/{act.environment}"

        def reported() -> list[str] | None:
            states = [one.state for one in self._github.statuses(SOURCE, run.commit, context)]
            return states if states[-1:] == ["success"] else None

        with self._screen.waiting("waiting for the commit status"):
            states = self._poll(reported, f"the status {context}")
        self._screen.fact("status", f"{context} on {run.commit[:SHORT]}: {' → '.join(dict.fromkeys(states))}")

    def _start_nothing(self, number: int) -> None:
        """Merge what touches no path of the application, and show why nothing ran."""
        self._screen.heading(f"{number}  a merge that touches no path of {APPLICATION}")
        path = "docs/runbook.md"
        text = (SOURCE_FILES / path).read_text(encoding="utf-8") + "- Prices are still wrong: call the shop.\n"
        pull, _, sent = self._merge("develop", {path: text}, "Tell whom to call", Sending())
        self._screen.fact("touches", path)
        self._github.wait_delivered()
        for guid in dict.fromkeys(one.guid for one in sent):

            def settled(guid: str = guid) -> str | None:
                kept, runs = self._product.delivery(guid)
                if runs:
                    raise DemoError(f"{runs} runs came of {pull.title}")
                return None if kept.state == "stored" else f"{kept.event} {kept.state}: {kept.reason}"

            with self._screen.waiting("waiting for the delivery"):
                self._screen.fact("delivery", self._poll(settled, f"delivery {guid}"))
        self._screen.fact("runs", "none", style="green")

    def check_pages(self, results: list[Result]) -> None:
        """Look at the page of each run as a browser does."""
        for result in results:
            answer = requests.get(f"{self._product.url}/runs/{result.run.id}", timeout=10)
            if not answer.ok or result.image.digest not in answer.text:
                raise DemoError(f"the page of run {result.run.id} answers {answer.status_code} without its image")

    def _poll(self, look: Callable[[], T | None], what: str) -> T:
        """Call the look until it gives something; the service must stay alive meanwhile."""
        deadline = time.monotonic() + RUN_SECONDS
        while (began := time.monotonic()) < deadline:
            found = look()
            if found:
                return found
            self._product.check_alive()
            time.sleep(max(PAUSE, time.monotonic() - began))
        raise DemoError(f"{what} did not come within {RUN_SECONDS:.0f} s")

"""The board: all that a plan needs to know of many applications, read at once. Called by the planning of a train.

Rows are read with a few queries, and each manifest branch and its state once. What a gate alone needs from outside is
read by that gate's own reader, once for all applications that have the same question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from service.core.config import Target
from service.core.deployment import Observation
from service.core.gates import FileText
from service.core.gates.judgement import Gates
from service.core.gates.restrictions import ClosedByPeople
from service.core.gates.stays import Stay
from service.core.train import Lived
from service.core.values import FileEdit, Rewrite, rewrite
from service.core.words import Repository, RunId, Sha
from service.errors import PermanentError
from service.pipeline.context import Context
from service.pipeline.manifest.place import Place, place_of
from service.pipeline.manifest.state.state_reading import look_at_state
from service.pipeline.promote.evidence.asked_once import Answers
from service.pipeline.promote.gate_facts import closed_by_people, file_at, stay_of
from service.pipeline.runs.claim import images_of
from service.ports import Manifests
from service.store import overrides, releases
from service.store.deployments import Deployment
from service.store.overrides import KeptOverride
from service.store.runs import Run

MOST_RELEASES, MOST_DEEP = 3, 300
"""How many releases of each environment are read at first, and how many where none is ready or one is named."""


@dataclass(slots=True)
class Board:
    """What is known, by application. `runs` has the run of every release that was read, by its id."""

    context: Context
    now: datetime
    lived: dict[str, list[tuple[Deployment, Run]]] = field(default_factory=dict)
    under_way: dict[str, list[Run]] = field(default_factory=dict)
    runs: dict[RunId, Run] = field(default_factory=dict)
    opened: Mapping[tuple[str, str], list[KeptOverride]] = field(default_factory=dict)
    answers: Answers = field(default_factory=Answers)
    _states: dict[Repository, ClosedByPeople] = field(default_factory=dict)
    _places: dict[tuple[Repository | None, str | None], Place] = field(default_factory=dict)
    _tips: dict[Place, tuple[Manifests, Sha]] = field(default_factory=dict)
    _read: dict[Place, dict[str, bytes]] = field(default_factory=dict)
    _files: dict[tuple[Place, str], FileText] = field(default_factory=dict)
    _deep: set[str] = field(default_factory=set)
    _observed: Mapping[str, Observation] | None = None

    def releases(self, application: str, environments: Collection[str]) -> list[Lived]:
        """Give the releases of an application in some environments, the newest first."""
        there = self.lived.get(application, [])
        return [lived_of(one, run) for one, run in there if one.environment in environments]

    def stays(self, application: str) -> tuple[Stay, ...]:
        """Give the same of all environments, as gates read it."""
        return tuple(stay_of(one, run) for one, run in self.lived.get(application, []))

    def observed(self) -> Mapping[str, Observation]:
        """Give what the deployer shows of everything upstream, asked once."""
        if self._observed is None:
            deployer = self.context.outside.deployer
            live = [one for lived in self.lived.values() for one, _ in lived if one.until is None]
            names = {one.argocd_application for one in live if one.argocd_application is not None}
            self._observed = deployer.look(names) if deployer is not None and names else {}
        return self._observed

    def place(self, target: Target) -> Place:
        """Give where a target is written; asked once for all that are written there."""
        key = (target.manifest_repository, target.manifest_branch)
        if key not in self._places:
            self._places[key] = place_of(self.context, target)
        return self._places[key]

    def state(self, repository: Repository) -> ClosedByPeople:
        """Give what people have closed, as the repository says it now."""
        if repository not in self._states:
            look_at_state(self.context, repository)
            self._states[repository] = closed_by_people(self.context, repository)
        return self._states[repository]

    def files(self, place: Place, paths: Collection[str]) -> tuple[FileText, ...]:
        """Give files that gates name, each read once."""
        for path in paths:
            if (place, path) not in self._files:
                self._files[place, path] = file_at(self.context, *self.tip(place), path)
        return tuple(self._files[place, path] for path in paths)

    def rewrite(self, place: Place, wanted: tuple[FileEdit, ...]) -> Rewrite:
        """Compute edits on the branch as it was when it was first read here; raises as the editor does."""
        manifests, tip = self.tip(place)
        read = self._read.get(place, {})
        return rewrite(lambda file: read[file] if file in read else manifests.read(tip, file), wanted, diff_limit=0)

    def may_say(self, place: Place, wanted: tuple[FileEdit, ...]) -> bool:
        """Tell at little cost whether the files may say all of this: they say nothing that they do not contain."""
        read = self._read.get(place, {})
        texts = [(entry.file, one.value) for entry in wanted for one in entry.edits if isinstance(one.value, str)]
        return all(file not in read or value.encode() in read[file] for file, value in texts)

    def read_files(self, targets: Collection[Target]) -> None:
        """Read the values files of many targets at once; where that fails for good, each target's own look says so."""
        wanted: dict[Place, set[str]] = {}
        for target in targets:
            with suppress(PermanentError):
                wanted.setdefault(self.place(target), set()).update(entry.file for entry in target.values)
        for place, files in wanted.items():
            with suppress(PermanentError):
                manifests, tip = self.tip(place)
                self._read[place] = manifests.read_all(tip, files)

    def deepen(self, target: Target) -> bool:
        """Read more of an application's former releases; False if all that matter are known already."""
        environments = _environments(target)
        there = self.lived.get(target.application, [])
        each = Counter(one.environment for one, _ in there)
        if target.application in self._deep or max(each.values(), default=0) < MOST_RELEASES:
            return False
        self._deep.add(target.application)
        with self.context.store.read() as tx:
            found = releases.recent(tx, environments, [target.application], most=MOST_DEEP)
        self.lived[target.application] = found
        self.runs |= {run.id: run for _, run in found}
        return True

    def tip(self, place: Place) -> tuple[Manifests, Sha]:
        """Give the manifest repository, and where its branch was when it was first read here."""
        if place not in self._tips:
            manifests = self.context.outside.manifests.open(place.repository)
            tip = manifests.fetch(place.branch)
            if tip is None:
                raise PermanentError(
                    f"{place.repository} has no branch {place.branch}",
                    code="manifest-branch-missing",
                    hint="check manifest.branch in mergeport.yaml",
                )
            self._tips[place] = (manifests, tip)
        return self._tips[place]


def read_board(context: Context, environment: str, targets: Collection[Target], *, named: bool) -> Board:
    """Read what is known of the targets of an environment, and of the environments that their gates name."""
    applications = {target.application for target in targets}
    environments = {name for target in targets for name in _environments(target)}
    board = Board(context, context.now())
    with context.store.read() as tx:
        found = releases.recent(tx, environments, applications, most=MOST_DEEP if named else MOST_RELEASES)
        under_way = releases.under_way(tx, environment, applications)
        board.opened = overrides.of_environment(tx, environment)
    for deployment, run in found:
        board.lived.setdefault(deployment.application, []).append((deployment, run))
        board.runs[run.id] = run
    for run in under_way:
        board.under_way.setdefault(run.application, []).append(run)
    return board


def _environments(target: Target) -> set[str]:
    """Name the target's own environment, those that feed it, and those that its gates name."""
    upstream = target.upstream.environments if target.upstream else ()
    return {target.environment, *upstream, *environments_of(target.gates)}


def environments_of(gates: Gates) -> set[str]:
    """Name the environments that gates name: releases may have been replaced there while they are still upstream."""
    return {name for _, options in gates if (name := getattr(options, "environment", ""))}


def lived_of(deployment: Deployment, run: Run) -> Lived:
    """Give a deployment as the train reads it."""
    return Lived(
        run=run.id,
        environment=deployment.environment,
        commit=run.commit,
        change=run.change_id,
        images=images_of(run),
        since=deployment.since,
        healthy_since=deployment.healthy_since,
        watched=deployment.argocd_application is not None,
        health=deployment.health,
        until=deployment.until,
        by_us=bool(deployment.by_us),
        ended_by=deployment.ended_by,
        image_gone_since=deployment.image_gone_since,
    )

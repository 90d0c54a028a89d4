"""Plans a train: says of each application what would move to an environment, or the one reason why not.

Called by the actions on promotions, to show it and again to do it. Changes nothing, but remembers the state it saw.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from service.core.config import Configuration, Target
from service.core.config.report import nearest
from service.core.edits import resolve_values
from service.core.gates import Candidate, Choice, Facts, Judged, Override, Unknown, Wait, choose
from service.core.images import ImageReference
from service.core.order import Answer
from service.core.train import (
    Eligible,
    Line,
    Lived,
    Move,
    Named,
    Offer,
    Plan,
    Reason,
    Stays,
    closing,
    eligible,
    reason_of,
)
from service.core.values import FileEdit, Rewrite
from service.core.words import Publish, RunState, Sha, Stage
from service.errors import MergeportError, NotFoundError, RetryableError
from service.pipeline.context import Context
from service.pipeline.promote.carrying import carried_from
from service.pipeline.promote.gate_facts import facts_of, files_named
from service.pipeline.promote.train.board import Board, environments_of, read_board
from service.pipeline.promote.train.coming_along import Deployed, deployed_now, order_of, with_changes
from service.pipeline.runs.claim import Claim, digests_of
from service.store import overrides
from service.store.runs import Run


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants planned: an environment, all or some applications, which upstream, which release.

    `overrides` are gates that they open with it; one of `hold` is a hold that the promotion lifts.
    """

    environment: str
    applications: tuple[str, ...] = ()
    upstream: str = ""
    named: Named | None = None
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True, slots=True)
class _There:
    """The release that the values files name already; nothing older is looked at."""

    lived: Lived | None = None


def plan_train(context: Context, wish: Wish) -> Plan:
    """Plan what would move now. NotFoundError for an application or environment that there is none of."""
    configuration = context.configurations.current()
    names = _applications(configuration, wish)
    found = {name: configuration.target(name, wish.environment) for name in names}
    fed = [target for target in found.values() if target is not None and target.upstream is not None]
    board = read_board(context, wish.environment, fed, named=wish.named is not None)
    board.read_files(fed)
    planned = [_planned(board, wish, name, found[name]) for name in names]
    lines = with_changes(board, planned)
    return Plan(wish.environment, board.now, Sha(configuration.commit), tuple(lines))


def _applications(configuration: Configuration, wish: Wish) -> Sequence[str]:
    for environment in filter(None, (wish.environment, wish.upstream)):
        if environment not in configuration.environments:
            raise NotFoundError(
                f"the configuration has no environment {environment}",
                code="environment-unknown",
                hint=nearest(environment, configuration.environments),
            )
    return tuple(dict.fromkeys(wish.applications)) or configuration.applications


def _planned(board: Board, wish: Wish, name: str, target: Target | None) -> tuple[Line, Deployed | None]:
    if target is None:
        return Stays(name, Reason.NOT_ROUTED, f"{name} is not in {wish.environment}"), None
    if target.upstream is None:
        words = f"{wish.environment} is fed by the branch {target.branch} of {target.source}, and by no environment"
        return Stays(name, Reason.NOT_ROUTED, words), None
    if wish.upstream and wish.upstream not in target.upstream.environments:
        words = f"{wish.environment} is fed by {', '.join(target.upstream.environments)}, and not by {wish.upstream}"
        return Stays(name, Reason.NOT_ROUTED, words), None
    try:
        return _Look(board, wish, target).line()
    except RetryableError:
        raise
    except MergeportError as error:
        return Stays(name, Reason.VALUES, str(error), hint=error.hint), None


class _Look:
    """The look at one application."""

    def __init__(self, board: Board, wish: Wish, target: Target) -> None:
        assert target.upstream is not None  # noqa: S101 - looked at before
        self._board, self._wish, self._target = board, wish, target
        self._every = target.upstream.every
        self._upstream = (wish.upstream,) if wish.upstream and not self._every else target.upstream.environments
        self._found, self._there, self._wants_more = Eligible(), _There(), False
        self._place = board.place(target)

    def line(self) -> tuple[Line, Deployed | None]:
        """Say what moves, or why nothing does; former releases are read where none of the last ones is ready."""
        line, deployed = self._line()
        return self._line() if self._wants_more and self._board.deepen(self._target) else (line, deployed)

    def _line(self) -> tuple[Line, Deployed | None]:
        """Choose among the releases that were read."""
        lived = self._board.releases(self._target.application, self._upstream)
        self._found = eligible(lived, self._upstream, every=self._every, named=self._wish.named)
        self._there, self._wants_more = _There(), not self._found.releases
        if not self._found.releases:
            reason, words = self._found.why_not(self._upstream)
            if self._wish.named is not None and reason is Reason.NEVER_RAN:
                words = f"{self._wish.named} was never live in {' or '.join(self._upstream)}"
            return self._stays(reason, words), None
        choice = choose(self._candidates(), self._target.gates)
        elsewhere = bool(environments_of(self._target.gates) - {*self._upstream})
        self._wants_more = choice.chosen is None and (self._there.lived is None or (elsewhere and bool(choice.newer)))
        if choice.chosen is None and not choice.newer:
            return self._nothing_newer(), None
        if choice.chosen is None or choice.judgement is None:
            (newest, judgement), *_ = choice.newer
            return self._closed(newest.key, closing(judgement, self._target.publish)[0]), None
        there = self._run_with(choice.chosen.key) is not None
        closed = closing(choice.judgement, self._target.publish, under_way=there)
        if closed:
            return self._closed(choice.chosen.key, closed[0]), None
        return self._ready(choice.chosen.key, choice)

    def _candidates(self) -> Iterator[Candidate[Lived]]:
        """Give the releases with their facts, the newest first, up to the one that is there already."""
        for lived in self._found.releases:
            run = self._run_for(lived)
            wanted = self._wanted(lived)
            if self._board.may_say(self._place, wanted) and not self._board.rewrite(self._place, wanted).files:
                self._there = _There(lived)
                return
            yield Candidate(lived, self._facts(run))

    def _wanted(self, lived: Lived) -> tuple[FileEdit, ...]:
        """Give what the values files would say."""
        run = self._board.runs[lived.run]
        return resolve_values(self._target, self._images(lived), commit=run.commit, branch=run.branch)

    def _images(self, lived: Lived) -> dict[str, ImageReference]:
        """Give the images as they are named where the environment pulls them from."""
        return {
            image.name: replace(lived.images[image.name], registry=image.registry_host)
            for image in self._target.artifacts
            if image.name in lived.images
        }

    def _run_for(self, lived: Lived) -> Run:
        """Give the run that has the release here already, or one as it would be."""
        there = self._run_with(lived)
        if there is not None:
            return there
        return replace(
            self._board.runs[lived.run], environment=self._target.environment, pull_request=None, pull_request_url=None,
            manifest_commit=None, state=RunState.QUEUED, stage=Stage.PROMOTE, ended_at=None, superseded_by=None,
        )  # fmt: skip

    def _run_with(self, lived: Lived) -> Run | None:
        """Give the run that brings the release here already, if one does."""
        return next((run for run in self._under_way() if frozenset(digests_of(run).values()) == lived.digests), None)

    def _under_way(self) -> list[Run]:
        return self._board.under_way.get(self._target.application, [])

    def _facts(self, run: Run) -> Facts:
        place = self._place
        opened = self._board.opened.get((run.application, overrides.release_of(run)), [])
        given = tuple(Override(one.gate, one.who, one.why) for one in opened)
        known: dict[str, object] = {
            "state": self._board.state(place.repository),
            "upstream": self._board.stays(run.application),
            "overrides": (*self._wish.overrides, *given),
        }
        if run not in self._under_way():  # an address is asked about a run only
            known["answer"] = Unknown("it is asked once the promotion has begun")
        if files := files_named(self._target):
            known["files"] = self._board.files(place, files)
        return facts_of(Claim(self._board.context, run, self._target), place, known, self._board.answers)

    # --- what is said of it -----------------------------------------------------------------------

    def _stays(self, reason: Reason, words: str, **more: Any) -> Stays:  # noqa: ANN401 - the fields of Stays
        return Stays(self._target.application, reason, words, **more)

    def _nothing_newer(self) -> Stays:
        there = self._there.lived
        assert there is not None  # noqa: S101 - else there would be a candidate
        newer = [one for one in self._found.passed if (one.lived.change, one.lived.since) > (there.change, there.since)]
        if newer:
            return self._stays(newer[0].reason, newer[0].words, commit=newer[0].lived.commit)
        words = f"{self._target.environment} has {there.commit[:12]} already"
        return self._stays(Reason.NOTHING_NEWER, words, commit=there.commit)

    def _closed(self, lived: Lived, judged: Judged) -> Stays:
        verdict = judged.verdict
        until = verdict.until if isinstance(verdict, Wait) else None
        hint = ""
        if judged.gate == "hold":
            hint = f"`mergeport promote {self._target.application} --to {self._target.environment} --reason …` lifts it"
        elif not judged.traits.final:
            hint = f"`--override {judged.gate} --reason …` opens it for this release"
        return self._stays(reason_of(judged), verdict.words, until=until, commit=lived.commit, hint=hint)

    def _ready(self, lived: Lived, choice: Choice[Lived]) -> tuple[Line, Deployed | None]:
        """Say what moves, unless it is under way already or something newer is there."""
        assert choice.judgement is not None  # noqa: S101 - it is of the chosen one
        opened = {one.gate for one in choice.judgement.overridden}
        asked = {one.gate for one in self._wish.overrides} & opened
        goes_on = None
        for run in self._under_way():
            same = frozenset(digests_of(run).values()) == lived.digests
            opens = same and asked and run.manifest_commit is None
            if run.pull_request is not None and not opens and (same or run.change_id > lived.change):
                words = f"pull request #{run.pull_request} is open: {run.pull_request_url}"
                return self._stays(Reason.PULL_REQUEST, words, commit=run.commit), None
            if same and not opens:
                words = f"run {run.id} brings it, and is {run.state} at stage {run.stage}"
                return self._stays(Reason.RUN, words, commit=run.commit), None
            goes_on = run.id if same else goes_on
        done = self._board.rewrite(self._place, self._wanted(lived))
        if not done.files:
            self._there = _There(lived)
            return self._nothing_newer(), None
        deployed = deployed_now(self._board, self._target, Offer(lived, done.changes), self._images(lived))
        order = order_of(self._board, self._target, deployed, lived)
        if order.answer is Answer.SUPERSEDED:
            there = (deployed.commit or "")[:12]
            words = f"{self._target.environment} has {there}, which is newer than {lived.commit[:12]}"
            return self._stays(Reason.NOTHING_NEWER, words, commit=lived.commit), None
        if order.answer is Answer.REFUSE:
            hint = f"`order: {{rewritten: allow}}` of {self._target.environment} lets it through, once"
            return self._stays(Reason.REWRITTEN, order.words, commit=lived.commit, hint=hint), None
        move = Move(
            self._target.application, self._offer(lived, done), self._target.publish, deployed.commit,
            notes=tuple(self._notes(choice)),
            lifts_hold="hold" in asked, overrides=tuple(sorted(asked - {"hold"})), goes_on=goes_on,
        )  # fmt: skip
        return move, deployed

    def _offer(self, lived: Lived, done: Rewrite) -> Offer:
        """Add what goes along with the release. It is nothing newer by itself: without a release nothing moves."""
        assert self._target.upstream is not None  # noqa: S101 - looked at before
        if not self._target.upstream.carry:
            return Offer(lived, done.changes)
        board, run = self._board, self._board.runs[lived.run]
        carried = carried_from(board.context, self._target, run, board.observed())
        done = board.rewrite(self._place, (*self._wanted(lived), *carried.edits))
        return Offer(lived, done.changes, carried)

    def _notes(self, choice: Choice[Lived]) -> Iterator[str]:
        """Say what a person should know beside it."""
        for candidate, judgement in choice.newer[:1]:
            gate = closing(judgement, Publish.COMMIT)[0]
            yield f"newer {candidate.key.commit[:12]} is not ready: {gate.gate}: {gate.verdict.words}"
        assert choice.judgement is not None  # noqa: S101 - it is of the chosen one
        for one in choice.judgement.closed:
            where = "on the pull request" if self._target.publish is Publish.PULL_REQUEST else "before the commit"
            yield f"waits {where}: {one.gate}: {one.verdict.words}"
        yield from (f"overrides {one.gate}: {one.verdict.words}" for one in choice.judgement.overridden)

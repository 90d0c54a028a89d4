"""Follows the builds that a builder elsewhere has: one question for all of them, each then judged by itself.

Called by the watches, on a schedule and at once by a hint; what is true of an image is read from its registry, by the
runs. It acts on builds, unlike other looks: it starts again what never began, and stops what no run wants any more.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import assert_never

import structlog

from service.core.words import BuildId, BuildState, WaitKind
from service.errors import MergeportError, RetryableError
from service.pipeline.build.elsewhere import builder_elsewhere, start_request
from service.pipeline.build.elsewhere_log import read_log
from service.pipeline.build.finish import MOST_ATTEMPTS, cancel_build, finish_build
from service.pipeline.build.turns import Turns
from service.pipeline.context import Context
from service.pipeline.runs.looks import Answers, saw
from service.ports import BuildStanding, ElsewhereBuilder, Progress
from service.store import builds, waits
from service.store.builds import Build
from service.store.waits import Wait

UNHEARD = timedelta(seconds=60)
"""How long at least a build must be unknown there, or its log unreadable, before that is believed."""
_MOST_LOGS = 3
"""How many logs of builds under way one look reads; they are chosen at random."""
_MOST_FAILURES = 3

log = structlog.get_logger()


def look_elsewhere(context: Context, key: str) -> Answers:
    """Update every build that this builder has from the builder itself; answer the waits whose build has ended."""
    with context.store.read() as tx:
        has = builds.started(tx, key)
        wanted = builds.wanted_among(tx, [build.id for build in has])
        still = builds.under_way(tx).keys() | {build.id for build in has}
        waiting = waits.open_at(tx, WaitKind.BUILD_ELSEWHERE, key)
    if has:
        builder = builder_elsewhere(context, key)
        _Look(context, builder, wanted, waiting, Turns(context)).follow(has)
    return {wait: "ended" for wait in waiting if BuildId(wait.subject) not in still}


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at one builder elsewhere."""

    context: Context
    builder: ElsewhereBuilder
    wanted: set[BuildId]
    waiting: list[Wait]
    turns: Turns

    def follow(self, has: list[Build]) -> None:
        """Find the ids that are not known yet, ask for the state of all builds, and act on each."""
        found: list[Build] = []
        self._each(has, lambda build: found.extend(self._with_id(build)))
        if not found:
            return
        standings = self.builder.states([build.external_id for build in found if build.external_id is not None])
        read = {build.id for build in random.sample(found, min(_MOST_LOGS, len(found)))}
        in_any_order = random.sample(found, len(found))  # so that the same few that fail never hold up the same others
        self._each(in_any_order, lambda build: self._judge(build, standings, follow_log=build.id in read))

    def _each(self, some: Iterable[Build], act: Callable[[Build], None]) -> None:
        """Act on each. An error of one build delays the others only if the builder itself does not answer."""
        failed = 0
        for build in some:
            try:
                act(build)
            except MergeportError as error:
                self._tell(build, str(error))
                failed += isinstance(error, RetryableError)
                if failed >= _MOST_FAILURES:
                    return

    def _with_id(self, build: Build) -> list[Build]:
        """Give the build with its external id; if the builder shows none, decide what becomes of the build."""
        if build.external_id is not None:
            return [build]
        if build.asked_at is None:
            self._take_turn(build)
            return []
        if build.code and self._just_asked(build):
            self._tell(build, build.message)
            return []
        external_id = self.builder.find(start_request(self.context, build), build.correlation)
        if external_id is None:
            self._not_found(build)
            return []
        now = self.context.now()
        with self.context.store.begin() as tx:
            now_at = builds.hold(tx, build.id)
            if now_at is None or (now_at.state, now_at.correlation) != (BuildState.STARTED, build.correlation):
                return []
            begun = build.started_at or now
            builds.update(tx, build.id, at=now, external_id=external_id, started_at=begun, message="", code="")
        return [replace(build, external_id=external_id, started_at=begun, message="", code="")]

    def _just_asked(self, build: Build) -> bool:
        """Tell whether it is too early to ask again: its start may not be listed yet, or there is no room.

        With a code the start was refused, and whoever refused it may have said for how long.
        """
        told = build.retry_after if build.code else None
        pause = self.builder.listed_within if told is None else timedelta(seconds=told)
        return build.asked_at is not None and abs(self.context.now() - build.asked_at) < pause

    def _take_turn(self, build: Build) -> None:
        """Have a build asked for whose turn it is; one that no run wants gives its turn up."""
        if build.id not in self.wanted:
            cancel_build(self.context, build)
            return
        most = self.builder.most_at_once(start_request(self.context, build).options)
        if why := self.turns.give(build, most):
            self._tell(build, why)
        else:
            self._start_again(build)

    def _not_found(self, build: Build) -> None:
        if self._just_asked(build):
            self._tell(build, build.message or "asked for, and not listed there yet")
        elif build.started_at is not None:
            self._lose(build, f"took the build, and shows none under {build.correlation}")
        elif build.id not in self.wanted:
            cancel_build(self.context, build)
        elif build.attempt >= MOST_ATTEMPTS and not build.code:
            words = f"{build.builder} could not be asked to build {build.reference}: {build.message}"
            finish_build(self.context, build, BuildState.FAILED, words, code="build-not-started")
        else:
            self._start_again(build)

    def _start_again(self, build: Build) -> None:
        """Ask for the build, under the same name if it was asked for before, because that start never began.

        If another worker's look has already done so, `build` is out of date, and nothing is done.
        """
        with self.context.store.begin() as tx:
            now_at = builds.hold(tx, build.id)
            if now_at is None or now_at.state is not BuildState.STARTED or now_at.external_id is not None:
                return
            if now_at.attempt != build.attempt:
                return
            builds.update(tx, build.id, at=self.context.now(), asked_at=None)
            again = builds.resume_attempt(tx, now_at, at=self.context.now(), resumes=now_at.resumes)
        log.info("a start that never began is asked for again", build=build.id, attempt=again.attempt)
        self.context.queue.enqueue_build(again)

    def _judge(self, build: Build, standings: Mapping[str, BuildStanding], *, follow_log: bool) -> None:
        assert build.external_id is not None  # noqa: S101 - as follow() chose them
        standing = standings.get(build.external_id)
        if standing is None:
            if self._unheard_for_long(build, f"{build.builder} does not know {build.external_id}"):
                self._lose(build, f"does not know the build any more: {build.external_id}")
            return
        if standing.progress is Progress.RUNNING and build.id in self.wanted:
            if follow_log:
                read_log(self.context, self.builder, build)
            self._heard(build, standing.words or "under way")
            return
        if standing.progress is Progress.RUNNING:
            self.builder.cancel(build.external_id)
        elif (
            standing.progress is not Progress.SUCCEEDED and build.id in self.wanted and self._goes_on_as_another(build)
        ):
            return
        if self._log_is_kept(build):
            self._end(build, standing)

    def _goes_on_as_another(self, build: Build) -> bool:
        """Follow the build that a person has started there by running this one again; False if there is none.

        True also while the builder cannot tell.
        """
        assert build.external_id is not None  # noqa: S101 - as follow() chose them
        try:
            another = self.builder.repeated([build.external_id]).get(build.external_id)
        except MergeportError as error:
            return not self._unheard_for_long(build, f"it cannot be told whether it was run again: {error}")
        if another is None:
            return False
        words = f"{build.external_id} was run again, as {another}"
        with self.context.store.begin() as tx:
            builds.log(tx, build.id, build.attempt, f"\n[{words}]\n")
        self._keep(build, external_id=another, log_after="", unheard_since=None)
        self._tell(build, words)
        return True

    def _end(self, build: Build, standing: BuildStanding) -> None:
        at, words = f"{build.builder} ({build.external_id})", f": {standing.words}" if standing.words else ""
        match standing.progress:
            case Progress.SUCCEEDED:
                finish_build(self.context, build, BuildState.SUCCEEDED, f"built by {at}{words}")
            case Progress.FAILED:
                message = f"the build by {at} failed{words}"
                finish_build(self.context, build, BuildState.FAILED, message, code="build-failed")
            case Progress.CANCELLED if build.id in self.wanted:
                message = f"the build by {at} was cancelled there{words}"
                finish_build(self.context, build, BuildState.FAILED, message, code="build-cancelled-elsewhere")
            case Progress.CANCELLED | Progress.RUNNING:
                cancel_build(self.context, build)
            case _:
                assert_never(standing.progress)

    def _log_is_kept(self, build: Build) -> bool:
        """Store the rest of an ended build's log; False if that must be tried again before the end is reported."""
        try:
            read_log(self.context, self.builder, build, to_its_end=True)
        except MergeportError as error:
            if not self._unheard_for_long(build, f"its log cannot be read yet: {error}"):
                return False
            with self.context.store.begin() as tx:
                builds.log(tx, build.id, build.attempt, f"\n[the rest of the log could not be read: {error}]\n")
        return True

    def _lose(self, build: Build, what: str) -> None:
        """End a build that the builder does not know; its runs still look in the registry."""
        message = f"{build.builder} {what}"
        if build.id in self.wanted:
            finish_build(self.context, build, BuildState.FAILED, message, code="build-lost")
        else:
            cancel_build(self.context, build)

    def _unheard_for_long(self, build: Build, words: str) -> bool:
        """Tell whether the builder has owed an answer for long, and store since when; one failed look is not enough."""
        now = self.context.now()
        if build.unheard_since is None:
            self._keep(build, unheard_since=now)
            self._tell(build, words)
            return False
        return abs(now - build.unheard_since) >= max(UNHEARD, self.builder.listed_within)

    def _heard(self, build: Build, words: str) -> None:
        if build.unheard_since is not None:
            self._keep(build, unheard_since=None)
        self._tell(build, words)

    def _keep(self, build: Build, **values: object) -> None:
        with self.context.store.begin() as tx:
            now_at = builds.hold(tx, build.id)
            if now_at is not None and (now_at.attempt, now_at.state) == (build.attempt, BuildState.STARTED):
                builds.update(tx, build.id, at=self.context.now(), **values)

    def _tell(self, build: Build, words: str) -> None:
        """Show what was seen last on the build and on the runs that wait for it."""
        if words != build.message:
            self._keep(build, message=words)
        for wait in self.waiting:
            if wait.subject == build.id:
                saw(self.context, wait, f"{build.builder} builds {build.reference}: {words}")

"""Answers `why-not`: finds the changes that a person names, and tells of each application what keeps it.

Called by the command line. Reads the store and the configuration in force; asks nobody outside.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.core.asked import Answer, Cause, ChangeFacts, NoRun, Upstairs, answered, why_no_run
from service.core.asked.named import Named, NamedCommit, NamedImage, NamedPullRequest, named
from service.core.config import Configuration, Target
from service.core.config.patterns import matches
from service.core.gates.moments import moment
from service.core.state import digests_in
from service.core.words import Repository
from service.errors import NotFoundError
from service.pipeline.asked.candidate import Ahead, ahead_of
from service.pipeline.asked.run_case import Passed, answer_of, way_of
from service.store import Transaction, asked_for, changes, configurations, deliveries, deployments
from service.store.changes import Change
from service.store.runs import Run


@dataclass(frozen=True, slots=True)
class Told:
    """The answer for one application. `run` and `commit` are empty where there is none."""

    application: str
    environment: str
    answer: Answer
    commit: str = ""
    run: str = ""
    way: Sequence[Passed] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, by which configuration; `default` is where values files are if a target does not say so."""

    text: str
    environment: str
    application: str
    configuration: Configuration | None
    default: Repository | None
    now: datetime


def why(tx: Transaction, question: Question) -> list[Told]:
    """Answer for each application that is concerned; NotFoundError for a name that the configuration does not have."""
    what = named(question.text)
    _check_names(tx, question)
    pinned = _runs_named(tx, what)
    found = _changes_named(tx, what, pinned)
    if not found:
        return [_not_known(tx, question, what)]
    told = [_of_application(tx, question, one, found, pinned) for one in _applications(tx, question, found)]
    return told or [_nobodys(tx, question, found[0])]


def _check_names(tx: Transaction, question: Question) -> None:
    configuration = question.configuration
    if configuration is None or _faults(tx):
        return  # what is missing may be in the configuration that was refused
    application = question.application or next(iter(configuration.applications), "")
    if application:
        configuration.target(application, question.environment)


# --- what is named --------------------------------------------------------------------------------


def _runs_named(tx: Transaction, what: Named) -> list[Run]:
    """Give the runs that are named by an image, or by the pull request of their promotion."""
    match what:
        case NamedImage():
            text = what.name if what.name and what.tag.isdigit() else what.digest or what.tag
            return [run for run in asked_for.naming(tx, text) if _has(run, what)]
        case NamedPullRequest() if not asked_for.of_pull_request(tx, what.number, what.repository):
            return asked_for.of_promotion(tx, what.number, what.repository)
        case NamedCommit() if not asked_for.of_commit(tx, what.beginning):
            image = NamedImage(tag=what.beginning)
            return [run for run in asked_for.naming(tx, what.beginning) if _has(run, image)]
        case _:
            return []


def _has(run: Run, image: NamedImage) -> bool:
    if image.digest:
        return any(digest.startswith(image.digest) for digest in digests_in(run.images))
    names = [(one["tag"], f"{one['registry']}/{one['repository']}") for one in run.images.values()]
    suffix = f"/{image.name}" if image.name else ""
    return any(tag == image.tag and f"/{name}".endswith(suffix) for tag, name in names)


def _changes_named(tx: Transaction, what: Named, pinned: Sequence[Run]) -> list[Change]:
    """Give the changes that are meant, newest first; NotFoundError if they are of several repositories or commits."""
    match what:
        case NamedCommit() if not pinned:
            found = asked_for.of_commit(tx, what.beginning)
            if what.repository is not None:
                found = [one for one in found if one.repository == what.repository]
        case NamedPullRequest() if not pinned:
            found = asked_for.of_pull_request(tx, what.number, what.repository)
            _require_one({f"{one.repository}#{what.number}" for one in found}, str(what.number))
        case _:
            known = changes.of_ids(tx, {run.change_id for run in pinned})
            found = sorted(known.values(), key=lambda one: one.created_at, reverse=True)
    if isinstance(what, NamedCommit) and not pinned:
        exact = [one for one in found if one.commit.startswith(what.beginning)]
        _require_one({f"{one.repository}@{one.commit}" for one in exact}, what.beginning)
    return found


def _require_one(names: Collection[str], asked: str) -> None:
    if len(names) > 1:
        raise NotFoundError(
            f"{asked} names several: {', '.join(sorted(names)[:5])}",
            code="asked-ambiguous",
            hint="name the one that you mean as it is written here",
        )


# --- who is concerned -----------------------------------------------------------------------------


def _applications(tx: Transaction, question: Question, found: Sequence[Change]) -> list[str]:
    """Name the applications that the changes may concern in the environment."""
    if question.application:
        return [question.application]
    sources = {one.repository for one in found}
    names: dict[str, None] = {}
    if question.configuration is not None:
        every = (*question.configuration.targets(), *question.configuration.off())
        names |= dict.fromkeys(
            one.application for one in every if one.environment == question.environment and one.source in sources
        )
    there = asked_for.of_change_in(tx, [one.id for one in found], question.environment)
    return list(names | dict.fromkeys(run.application for run in there))


def _of_application(
    tx: Transaction, question: Question, application: str, found: Sequence[Change], pinned: Sequence[Run]
) -> Told:
    target = _target(question.configuration, application, question.environment)
    run = _run_there(tx, question.environment, application, found, pinned)
    if run is not None:
        manifests = (target.manifest_repository or question.default) if target is not None else None
        answer = answer_of(tx, run, question.now, manifests=manifests)
        return Told(application, question.environment, answer, run.commit, run.id, way_of(tx, run))
    change = _change_for(target, found)
    delivery, told = asked_for.delivery_of(tx, change.id)
    off = question.configuration is not None and any(
        (one.application, one.environment) == (application, question.environment)
        for one in question.configuration.off()
    )
    paths = None if change.paths is None else frozenset(change.paths)
    facts = ChangeFacts(
        change.repository, change.branch, change.commit, change.created_at, paths, told=told, delivery=delivery
    )
    closed, unasked = _ahead(tx, question, target, found, pinned)
    case = NoRun(
        application, question.environment, facts, target, off=off, faults=_faults(tx),
        upstream=tuple(_upstream(tx, question, target, found, pinned)), closed=closed, unasked=unasked,
    )  # fmt: skip
    way = [Passed(change.created_at, f"{change.commit[:12]} came on {change.branch}{': ' + told if told else ''}")]
    return Told(application, question.environment, why_no_run(case), change.commit, way=way)


def _run_there(
    tx: Transaction, environment: str, application: str, found: Sequence[Change], pinned: Sequence[Run]
) -> Run | None:
    """Give the run that is live there, else the newest: of those that are named, else of the changes."""
    mine = [run for run in pinned if (run.application, run.environment) == (application, environment)]
    if not mine:
        there = asked_for.of_change_in(tx, [one.id for one in found], environment)
        mine = [run for run in there if run.application == application]
    live = deployments.live(tx, application, environment)
    return next((run for run in mine if live is not None and run.id == live.run_id), next(iter(mine), None))


def _upstream(
    tx: Transaction, question: Question, target: Target | None, found: Sequence[Change], pinned: Sequence[Run]
) -> Iterator[Upstairs]:
    for name in target.upstream.environments if target is not None and target.upstream is not None else ():
        there = Question(
            question.text, name, question.application, question.configuration, question.default, question.now
        )
        assert target is not None  # noqa: S101 - it has an upstream
        yield Upstairs(name, _of_application(tx, there, target.application, found, pinned).answer)


def _ahead(
    tx: Transaction, question: Question, target: Target | None, found: Sequence[Change], pinned: Sequence[Run]
) -> Ahead:
    """Tell what a release would meet that comes only when a person promotes it."""
    if target is None or target.upstream is None or target.upstream.automatic:
        return Ahead()
    there = (_run_there(tx, name, target.application, found, pinned) for name in target.upstream.environments)
    run = next((one for one in there if one is not None), None)
    return Ahead() if run is None else ahead_of(tx, run, target, question.default, question.now)


def _change_for(target: Target | None, found: Sequence[Change]) -> Change:
    """Give the change that would feed the target, else the newest."""
    if target is not None and target.branch:
        fitting = [one for one in found if matches(target.branch, one.branch)]
        return fitting[0] if fitting else found[0]
    return found[0]


def _target(configuration: Configuration | None, application: str, environment: str) -> Target | None:
    try:
        return configuration.target(application, environment) if configuration is not None else None
    except NotFoundError:
        return None


def _faults(tx: Transaction) -> tuple[str, ...]:
    """Give the faults of the newest configuration, if it was refused."""
    newest = configurations.last(tx)
    if newest is None:
        return ("none was ever read",)
    return () if newest.good else tuple(str(fault) for fault in newest.faults)


# --- what is not known ----------------------------------------------------------------------------


def _nobodys(tx: Transaction, question: Question, change: Change) -> Told:
    faults = _faults(tx)
    words = f"{change.repository} is not the source of any application in {question.environment}"
    answer = answered(Cause.NOT_ROUTED, words)
    if faults:
        answer = answered(Cause.CONFIGURATION, f"{words}, and mergeport.yaml has faults: {'; '.join(faults[:3])}")
    return Told("", question.environment, answer, change.commit)


def _not_known(tx: Transaction, question: Question, what: Named) -> Told:
    """Tell that nothing is known, and what is known of the deliveries that could have told it."""
    repository = _repository(question, what)
    of = f" of {repository}" if repository else ""
    newest = next(iter(deliveries.newest(tx, limit=1, repository=repository or "")), None)
    counts = deliveries.counts(tx, repository=repository or "")
    if newest is None:
        seen = f"no delivery{of} ever came"
    else:
        left = ", ".join(f"{counts[state]} {state}" for state in ("stored", "failed") if counts.get(state))
        seen = f"the newest delivery{of} came {moment(newest.received_at)} ({newest.event}, {newest.state})"
        seen += f"; not processed: {left}" if left else ""
    words = f"no delivery told of {question.text.strip()[:100]}: {seen}"
    return Told(question.application, question.environment, answered(Cause.NOT_KNOWN, words))


def _repository(question: Question, what: Named) -> Repository | None:
    if not isinstance(what, NamedImage) and what.repository is not None:
        return what.repository
    target = _target(question.configuration, question.application, question.environment)
    return target.source if target is not None else None

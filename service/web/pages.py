"""The pages of the private listener: runs and deliveries as they are in the store, nothing else.

Server-rendered, without scripts; a page on which something is under way refreshes itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Flask, Response, abort, redirect, render_template, request, stream_with_context
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as ResponseBase

from service.core.deployment import past_from
from service.core.models import is_model
from service.core.words import DeliveryId, DeliveryState, RunId, RunState
from service.store import (
    Store,
    Transaction,
    builds,
    changes,
    configurations,
    deliveries,
    deployments,
    edits,
    judgements,
    lookup,
    overrides,
    repositories,
    runs,
    sightings,
    steps,
    waits,
)
from service.store.builds import Build
from service.store.runs import Run
from service.web import display

SHOWN = 100
MOST_SHOWN = 1000
LOG_LINES = 200
_BUSY_SECONDS = 2
_WAITING_SECONDS = 10
_NARROWED = ("application", "environment", "commit")


@dataclass(frozen=True, slots=True)
class Places:
    """Addresses of pages outside, for links."""

    forge_url: str = "https://github.com"

    def repository(self, name: str) -> str:
        """Give the page of a repository; a model has none there."""
        if is_model(name):
            return ""
        return f"{self.forge_url.rstrip('/')}/{name}"

    def commit(self, name: str, commit: str) -> str:
        """Give the page of a commit; a model's version has none there."""
        if is_model(name):
            return ""
        return f"{self.repository(name)}/commit/{commit}"


class Pages:
    """The views. Each reads in one transaction and renders outside of it."""

    def __init__(self, store: Store, now: Callable[[], datetime], places: Places) -> None:
        """Take the store, the clock and where links lead."""
        self._store = store
        self._now = now
        self._places = places

    def add_to(self, app: Flask) -> None:
        """Give the application its routes; an endpoint has its method's name."""
        for path, view in (
            ("/", self.run_list),
            ("/runs", self.all_runs),
            ("/runs/<run_id>", self.run_page),
            ("/runs/<run_id>/log", self.run_log),
            ("/deliveries", self.delivery_list),
            ("/deliveries/<delivery_id>", self.delivery_page),
        ):
            app.add_url_rule(path, endpoint=view.__name__, view_func=view, methods=["GET"])

    def run_list(self) -> str:
        """Show the newest runs, all or some."""
        wanted = _run_filter(request.args)
        with self._store.read() as tx:
            found = runs.newest(tx, limit=_limit(), **wanted)
            counts = runs.counts(tx, **{name: wanted[name] for name in _NARROWED})
            of_runs = changes.of_ids(tx, {run.change_id for run in found})
        return self._show(
            "runs.html",
            runs=found,
            changes=of_runs,
            counts=counts,
            states=list(RunState),
            chosen={name: wanted[name] for name in _NARROWED if wanted[name]},
            state=request.args.get("state", ""),
            refresh=_refresh(found),
        )

    def all_runs(self) -> ResponseBase:
        """Redirect to the list of runs, for people who shorten a run's address."""
        query = request.query_string.decode("latin-1")
        return redirect(f"/?{query}" if query else "/")

    def run_page(self, run_id: str) -> str:
        """Show one run with everything that is stored about it."""
        with self._store.read() as tx:
            run = runs.get(tx, RunId(run_id))
            if run is None:
                raise NotFound(f"There is no run {run_id}")
            values = _about(tx, run, self._now())
        return self._show("run.html", run=run, refresh=_refresh([run]), **values)

    def run_log(self, run_id: str) -> Response:
        """Give the whole log of a run's builds as plain text."""
        with self._store.read() as tx:
            if runs.get(tx, RunId(run_id)) is None:
                raise NotFound(f"There is no run {run_id}")
            made = builds.of_run(tx, RunId(run_id))
        return Response(stream_with_context(_whole_log(self._store, made)), mimetype="text/plain")

    def delivery_list(self) -> str:
        """Show the newest deliveries."""
        repository, state = request.args.get("repository", ""), request.args.get("state", "")
        if state and state not in {known.value for known in DeliveryState}:
            abort(400, f"There is no state {state}")
        wanted = DeliveryState(state) if state else None
        with self._store.read() as tx:
            found = deliveries.newest(tx, limit=_limit(), repository=repository, state=wanted)
            counts = deliveries.counts(tx, repository=repository)
        waiting = any(one.state is DeliveryState.STORED for one in found)
        return self._show(
            "deliveries.html",
            deliveries=found,
            counts=counts,
            states=list(DeliveryState),
            state=state,
            chosen={"repository": repository} if repository else {},
            repository=repository,
            refresh=_BUSY_SECONDS if waiting else 0,
        )

    def delivery_page(self, delivery_id: str) -> str:
        """Show one delivery, its outcome, and the runs that it made."""
        with self._store.read() as tx:
            delivery = deliveries.get(tx, DeliveryId(delivery_id))
            if delivery is None:
                raise NotFound(f"There is no delivery {delivery_id}")
            change = changes.get(tx, delivery.change_id) if delivery.change_id else None
            made = runs.of_change(tx, delivery.change_id) if delivery.change_id else []
        refresh = _BUSY_SECONDS if delivery.state is DeliveryState.STORED else _refresh(made)
        known = {change.id: change} if change else {}
        return self._show("delivery.html", delivery=delivery, change=change, changes=known, runs=made, refresh=refresh)

    def _show(self, template: str, **values: Any) -> str:  # noqa: ANN401 - a template's values
        return render_template(template, now=self._now(), places=self._places, **values)


def _about(tx: Transaction, run: Run, now: datetime) -> dict[str, Any]:
    """Read everything that the page of a run shows."""
    from service.pipeline.asked.run_case import answer_of  # noqa: PLC0415 - 12 MB that receiving does not need

    made = builds.of_run(tx, run.id)
    siblings = [
        other
        for other in runs.of_change(tx, run.change_id)
        if (other.application, other.environment) == (run.application, run.environment)
    ]
    seen = past_from(sightings.of_runs(tx, [run.id]).get(run.id))
    return {
        "change": changes.get(tx, run.change_id),
        "why": answer_of(tx, run, now),
        "configured": configurations.get(tx, run.configuration_commit) is not None,
        "steps": steps.of_run(tx, run.id),
        "wait": waits.open_of_run(tx, run.id),
        "judgement": judgements.of_run(tx, run.id),
        "edit": edits.of_run(tx, run.id),
        "deployments": deployments.of_run(tx, run.id),
        "overrides": overrides.of_run(tx, run),
        "argocd_url": seen.url,
        "gives_up_at": seen.gives_up_at,
        "builds": [(build, display.last_lines(lookup.log_end(tx, build.id), LOG_LINES)) for build in made],
        "renamed": repositories.new_name(tx, run.repository),
        "retry_of": next((one for one in siblings if one.generation == run.generation - 1), None),
        "retried_by": next((one for one in siblings if one.generation == run.generation + 1), None),
    }


def _run_filter(args: Mapping[str, str]) -> dict[str, Any]:
    state = args.get("state", "")
    if state and state not in {known.value for known in RunState}:
        abort(400, f"There is no state {state}")
    return {
        "application": args.get("application", ""),
        "environment": args.get("environment", ""),
        "commit": args.get("commit", ""),
        "states": [RunState(state)] if state else [],
    }


def _limit() -> int:
    return max(1, min(MOST_SHOWN, request.args.get("limit", SHOWN, type=int)))


def _refresh(found: list[Run]) -> int:
    """Give after how many seconds a page that shows these runs should be reloaded; 0 for never."""
    states = {run.state for run in found}
    if states & {RunState.QUEUED, RunState.RUNNING}:
        return _BUSY_SECONDS
    return _WAITING_SECONDS if RunState.WAITING in states else 0


def _whole_log(store: Store, made: list[Build]) -> Iterator[str]:
    """Give the builds' logs, a page of pieces at a time, so that a long log is never in memory as a whole."""
    for build in made:
        yield f"--- {build.reference}, {build.state}\n"
        after = 0
        for _ in itertools.count():
            with store.read() as tx:
                pieces = builds.log_of(tx, build.id, after=after, limit=1000)
            if not pieces:
                break
            yield "".join(text for _, _, text in pieces)
            after = pieces[-1][0]
        yield "\n"

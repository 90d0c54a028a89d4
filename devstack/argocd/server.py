"""The Argo CD double as one object: its REST API on loopback, its applications, and what will come of them.

Tests and the demo add applications and plan outcomes; the product sees only its HTTP. Desired state comes from the git
server's bare repositories. Nothing moves by itself but when somebody looks: steps that are due by then are taken.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable
from fnmatch import fnmatch
from typing import Any

from flask import Flask, Response, jsonify, request

from devstack.argocd import rollout, shapes
from devstack.argocd.application import Application, Operation, Outcome, Plan
from devstack.argocd.fields import select
from devstack.argocd.pages import add_pages, is_page
from devstack.argocd.rendering import Lagging, RenderError, Source, render, resolve
from devstack.argocd.requests import VERSION, error_answer, is_listed
from devstack.bare import BareRepository
from devstack.faults import FaultLayer
from devstack.git_http import GitServer
from devstack.serving import LoopbackServer

_BETWEEN_TRIES = 0.02
"""Seconds for which a real Argo CD shows a failed try before it goes on with the next."""


class ArgoCD:
    """Argo CD on loopback.

    `pace` is the seconds that each state lasts, None to take every step by hand with `step`. `poll_interval` is the
    seconds after which applications are compared without being asked, None for never. `tokens` maps a token to the
    actions that it may do on applications.
    """

    def __init__(self, git: GitServer, *, port: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.git = git
        self.pace: float | None = 0.2
        self.poll_interval: float | None = None
        self.tokens: dict[str, frozenset[str]] = {}
        self.applications: dict[str, Application] = {}
        self._clock = clock
        self._lock = threading.RLock()
        self._lagging: dict[str, dict[str, str]] = {}
        self.faults = FaultLayer(self._flask())
        self._server = LoopbackServer(self.faults, port=port)

    @property
    def url(self) -> str:
        """The base address, without the path of the API."""
        return self._server.url

    def add_token(self, text: str, actions: Iterable[str] = ("get",)) -> None:
        """Make a token valid: `get` reads and refreshes, `sync` syncs."""
        self.tokens[text] = frozenset(actions)

    def add_application(
        self,
        name: str,
        *sources: Source,
        namespace: str = "",
        labels: dict[str, str] | None = None,
        automated: bool = True,
        deployed: bool = True,
        project: str = "default",
    ) -> Application:
        """Create an application; by default it has long been synced and healthy at the present commit."""
        app = Application(name, str(uuid.uuid4()), sources, namespace or name, labels=labels or {}, automated=automated)
        app.project = project
        app.polled_at = self._clock()
        with self._lock:
            self.applications[name] = app
            if deployed:
                revisions = tuple(resolve(self._open, source) for source in sources)
                words = {"name": name, "namespace": app.namespace}
                rollout.settle_at(app, revisions, render(self.git.open, sources, revisions, **words))
            else:
                self._compare(app)
        return app

    def add_application_set(
        self,
        repository: str,
        environments: Iterable[str] = ("dev", "stage", "prod"),
        *,
        chart: str = "charts/application",
        revision: str = "main",
    ) -> list[Application]:
        """Create what the template's ApplicationSet does: one application for each of apps/NAME/values-ENV.yaml."""
        files = self.git.open(repository).files(revision, "apps/")
        made = []
        for environment in environments:
            for path in (one for one in files if fnmatch(one, f"apps/*/values-{environment}.yaml")):
                name = path.split("/")[1]
                values = [f"apps/{name}/values.yaml"] if f"apps/{name}/values.yaml" in files else []
                up = "../" * (chart.count("/") + 1)
                value_files = tuple(f"{up}{file}" for file in (*values, path))
                source = Source(repository, chart, revision, value_files)
                labels = {"application": name, "environment": environment}
                made.append(self.add_application(f"{name}-{environment}", source, labels=labels))
        return made

    def plan(self, name: str, outcome: Outcome, *, message: str = "", commit: str | None = None) -> None:
        """Set the outcome of syncs from now on, of one commit or of all."""
        with self._lock:
            self.applications[name].plans.append(Plan(outcome, message, commit))

    def forget_plans(self, name: str) -> None:
        """Let syncs and comparisons take their natural course from now on."""
        with self._lock:
            self.applications[name].plans.clear()

    def lag(self, repository: str) -> None:
        """See a repository as it is now until `catch_up`, as if its git server were a replica that lags."""
        bare = self.git.open(repository)
        with self._lock:
            self._lagging[repository] = bare.branches()

    def catch_up(self, repository: str) -> None:
        """See a repository as it is again."""
        with self._lock:
            self._lagging.pop(repository, None)

    def application(self, name: str) -> Application:
        """Return an application as it is now."""
        with self._lock:
            self._advance(self.applications[name])
            return self.applications[name]

    def refresh(self, name: str) -> None:
        """Compare an application with its sources now."""
        with self._lock:
            self._advance(self.applications[name])
            self._compare(self.applications[name])

    def step(self, name: str) -> str:
        """Take one step by hand and return the name of the state: requested, out-of-sync, running and so on."""
        with self._lock:
            app = self.applications[name]
            self._step(app)
            return app.at

    def settle(self, name: str) -> Application:
        """Take all steps that an application has left, however long each would last."""
        with self._lock:
            app = self.applications[name]
            self._advance(app)
            while app.script:
                self._step(app)
            return app

    def stop(self) -> None:
        """Release what hangs and stop listening."""
        self.faults.clear()
        self._server.stop()

    def _open(self, repository: str) -> BareRepository:
        bare = self.git.open(repository)
        branches = self._lagging.get(repository)
        return bare if branches is None else Lagging(bare.path, branches)

    def _compare(self, app: Application) -> None:
        app.polled_at = self._clock()
        if rollout.compare(app, self._open):
            app.next_at = self._clock() + (self.pace or 0.0)

    def _step(self, app: Application) -> None:
        rollout.step(app)
        if app.refresh_wanted and not app.operating:
            app.refresh_wanted = False
            self._compare(app)

    def _advance(self, app: Application) -> None:
        """Take the steps that are due, and poll when that is due."""
        now = self._clock()
        while self.pace is not None and app.script and now >= app.next_at:
            due = app.next_at
            self._step(app)
            app.next_at = max(app.next_at, due + (_BETWEEN_TRIES if app.at == "failed-try" else self.pace))
        if self.poll_interval is not None and now >= app.polled_at + self.poll_interval:
            self._compare(app)

    def _flask(self) -> Flask:
        app = Flask("devstack.argocd")
        app.json.sort_keys = False  # type: ignore[attr-defined] # the default provider has it
        app.before_request(self._admit)
        one = "/api/v1/applications/<name>"
        app.add_url_rule("/api/version", view_func=self._version)
        app.add_url_rule("/api/webhook", view_func=self._webhook, methods=["POST"])
        app.add_url_rule("/api/v1/applications", view_func=self._list)
        app.add_url_rule(one, view_func=self._get)
        app.add_url_rule(f"{one}/sync", view_func=self._sync, methods=["POST"])
        app.add_url_rule(f"{one}/syncwindows", view_func=self._windows)
        app.add_url_rule(f"{one}/resource-tree", view_func=self._tree)
        app.register_error_handler(404, lambda _error: error_answer(404, 5, "Not Found"))
        add_pages(app, lambda: [self.application(name) for name in list(self.applications)])
        return app

    def _admit(self) -> Response | None:
        if request.path in {"/api/version", "/api/webhook"} or is_page(request.path):
            return None
        if request.method != "GET" and request.mimetype != "application/json":
            return Response("Invalid content type\n", 415, content_type="text/plain; charset=utf-8")
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            return error_answer(401, 16, "no session information")
        return None

    def _may(self, action: str) -> bool:
        return action in self.tokens[request.headers["Authorization"].removeprefix("Bearer ")]

    def _find(self, name: str, action: str) -> Application | Response:
        """Return an application; a caller without permission does not even learn whether it exists."""
        app = self.applications.get(name)
        if app is None or not self._may("get"):
            return error_answer(403, 7, "permission denied")
        if not self._may(action):
            what = f"applications, {action}, {app.project}/{name}"
            return error_answer(403, 7, f"permission denied: {what}, sub: mergeport, iat: {app.created_at}")
        return app

    def _version(self) -> Response:
        return jsonify(VERSION)

    def _list(self) -> Response:
        with self._lock:
            found = []
            for app in self.applications.values() if self._may("get") else ():
                self._advance(app)
                if is_listed(app):
                    found.append(shapes.application(app, self.git.url))
            if fields := request.args.get("fields"):
                found = [select(item, fields) for item in found]
            newest = max((app.resource_version for app in self.applications.values()), default=0)
        return jsonify({"metadata": {"resourceVersion": str(newest)}, "items": found or None})

    def _get(self, name: str) -> Response:
        with self._lock:
            app = self._find(name, "get")
            if isinstance(app, Response):
                return app
            self._advance(app)
            if request.args.get("refresh") in {"normal", "hard"}:
                self._compare(app)
            return jsonify(shapes.application(app, self.git.url))

    def _tree(self, name: str) -> Response:
        with self._lock:
            app = self._find(name, "get")
            if isinstance(app, Response):
                return app
            self._advance(app)
            return jsonify(shapes.resource_tree(app))

    def _windows(self, name: str) -> Response:
        with self._lock:
            app = self._find(name, "get")
            if isinstance(app, Response):
                return app
            found = [dict(zip(("kind", "schedule", "duration"), one, strict=True)) for one in app.windows]
            active = [one for one in found if one["kind"] == "deny"]
            return jsonify({"activeWindows": active or None, "assignedWindows": found or None, "canSync": not found})

    def _sync(self, name: str) -> Response:
        with self._lock:
            app = self._find(name, "sync")
            if isinstance(app, Response):
                return app
            self._advance(app)
            if app.operating:
                return error_answer(400, 9, "another operation is already in progress")
            body: dict[str, Any] = request.get_json(silent=True) or {}
            try:
                revisions = tuple(resolve(self._open, source) for source in app.sources)
                if body.get("revision"):
                    revisions = (str(body["revision"]), *revisions[1:])
                words = {"name": name, "namespace": app.namespace}
                rendered = render(self.git.open, app.sources, revisions, **words)
            except RenderError as error:
                return error_answer(400, 9, str(error))
            rollout.begin(app, Operation(revisions, username="mergeport"), rendered)
            app.next_at = self._clock() + (self.pace or 0.0)
            return jsonify(shapes.application(app, self.git.url))

    def _webhook(self) -> Response:
        """Take GitHub's push event as a hint to compare the applications of that repository."""
        body: dict[str, Any] = request.get_json(silent=True) or {}
        repository = (body.get("repository") or {}).get("full_name")
        with self._lock:
            for app in self.applications.values():
                if any(source.repository == repository for source in app.sources):
                    self._advance(app)
                    self._compare(app)
        return Response("", 200)

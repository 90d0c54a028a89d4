"""A double of MLflow's tracking server: the requests that Mergeport makes, with the answers of a real 3.17.

The contract tests hold it to the real server. Webhooks are signed as MLflow signs them. `fail_next` and `lag` let it
wobble. `MLflow` is the entry.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from flask import Flask, Response, jsonify, request

from devstack.serving import LoopbackServer

_API = "/api/2.0/mlflow"
_FILES = "/api/2.0/mlflow-artifacts/artifacts"


@dataclass
class Version:
    """One version of a registered model."""

    number: int
    source: str
    uri: str
    run_id: str = ""
    status: str = "READY"
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Model:
    """A registered model."""

    versions: dict[int, Version] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Sent:
    """A webhook as it was sent: headers in lower case, and the raw body."""

    headers: Mapping[str, str]
    body: bytes


class MLflow:
    """The server, on loopback, with what is registered in memory."""

    def __init__(self, *, secret: str = "", token: str = "") -> None:
        """Start it; with a token, requests need it, and with a secret, webhooks are signed."""
        self.secret, self.token = secret, token
        self.models: dict[str, Model] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.sent: list[Sent] = []
        self.failing: list[int] = []
        self._lock = threading.RLock()
        self._server = LoopbackServer(self._application(), threads=4)

    @property
    def url(self) -> str:
        """Give its address."""
        return self._server.url

    def stop(self) -> None:
        """End it."""
        self._server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- what people do ------------------------------------------------------------------------------

    def register(
        self,
        name: str,
        *,
        metrics: Mapping[str, float] | None = None,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        uri: str = "",
        status: str = "READY",
        dataset: str = "",
        commit: str = "",
        signature: str = "",
    ) -> int:
        """Log a run with a model and register it; give the new version's number."""
        with self._lock:
            model = self.models.setdefault(name, Model())
            number = max(model.versions, default=0) + 1
            run_id, model_id = uuid.uuid4().hex, f"m-{uuid.uuid4().hex}"
            run_tags = {"mlflow.user": "ada", **({"mlflow.source.git.commit": commit} if commit else {})}
            self.runs[run_id] = _run(run_id, metrics or {}, params or {}, run_tags, dataset)
            stored = f"mlflow-artifacts:/0/models/{model_id}/artifacts"
            root = f"0/models/{model_id}/artifacts"
            told = f"signature:\n  inputs: '{signature}'\n" if signature else "flavors: {}\n"
            self.files[f"{root}/MLmodel"] = told.encode()
            self.files[f"{root}/data/weights.bin"] = f"{name} {number}".encode()
            model.versions[number] = Version(
                number, f"models:/{model_id}", uri or stored, run_id, status, tags=dict(tags or {})
            )
        self._tell("model_version", "created", {"name": name, "version": str(number), "source": "", "run_id": run_id})
        return number

    def set_alias(self, name: str, alias: str, version: int) -> None:
        """Let an alias name a version."""
        with self._lock:
            self.models[name].aliases[alias] = version
        self._tell("model_version_alias", "created", {"name": name, "alias": alias, "version": str(version)})

    def delete_alias(self, name: str, alias: str) -> None:
        """Delete an alias."""
        with self._lock:
            self.models[name].aliases.pop(alias, None)
        self._tell("model_version_alias", "deleted", {"name": name, "alias": alias})

    def delete_version(self, name: str, version: int) -> None:
        """Delete a version with its aliases, as MLflow does; nothing is sent."""
        with self._lock:
            model = self.models[name]
            del model.versions[version]
            model.aliases = {alias: one for alias, one in model.aliases.items() if one != version}

    def fail_next(self, *statuses: int) -> None:
        """Answer the next requests with these statuses, each once."""
        self.failing += statuses

    def tags(self, name: str, version: int) -> dict[str, str]:
        """Give the tags of a version."""
        return dict(self.models[name].versions[version].tags)

    def deliveries(self) -> list[Sent]:
        """Give the webhooks that were sent since the last time."""
        with self._lock:
            found, self.sent = self.sent, []
        return found

    def _tell(self, entity: str, action: str, data: Mapping[str, Any]) -> None:
        body = json.dumps({"entity": entity, "action": action, "timestamp": "2026-01-01T00:00:00+00:00", "data": data})
        with self._lock:
            self.sent.append(signed(body.encode(), self.secret, at=self.now()))

    def now(self) -> int:
        """Give the time of webhooks; tests put another one in its place."""
        import time  # noqa: PLC0415 - a test's clock replaces it

        return int(time.time())

    # --- its answers ---------------------------------------------------------------------------------

    def _application(self) -> Flask:
        app = Flask("mlflow-double", static_folder=None, template_folder=None)

        @app.before_request
        def first() -> Response | None:
            with self._lock:
                self.requests.append((request.method, request.path))
                if self.failing:
                    return Response("<html>busy</html>", self.failing.pop(0), content_type="text/html")
            if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
                return _error(401, "UNAUTHENTICATED", "You are not authenticated")
            return None

        rules: dict[str, tuple[str, Callable[..., Response]]] = {
            f"{_API}/registered-models/get": ("GET", self._get_model),
            f"{_API}/model-versions/get": ("GET", self._get_version),
            f"{_API}/model-versions/get-download-uri": ("GET", self._get_uri),
            f"{_API}/model-versions/set-tag": ("POST", self._set_tag),
            f"{_API}/model-versions/delete-tag": ("DELETE", self._delete_tag),
            f"{_API}/runs/get": ("GET", self._get_run),
            _FILES: ("GET", self._list),
            f"{_FILES}/<path:path>": ("GET", self._file),
        }
        for rule, (method, view) in rules.items():
            app.add_url_rule(rule, endpoint=rule, view_func=view, methods=[method])
        return app

    def _get_model(self) -> Response:
        name = request.args.get("name", "")
        with self._lock:
            model = self.models.get(name)
            if model is None:
                return _missing(f"Registered Model with name={name} not found")
            newest = max(model.versions, default=0)
            told: dict[str, Any] = {"name": name, "creation_timestamp": 1, "last_updated_timestamp": 1}
            if newest:
                told["latest_versions"] = [_version(name, model.versions[newest])]
            if model.aliases:
                told["aliases"] = [{"alias": one, "version": str(of)} for one, of in sorted(model.aliases.items())]
            return jsonify(registered_model=told)

    def _named(self, values: Mapping[str, str]) -> Version | None:
        model, version = self.models.get(values.get("name", "")), values.get("version", "")
        return model.versions.get(int(version)) if model is not None and version.isdigit() else None

    def _get_version(self) -> Response:
        found = self._named(request.args)
        if found is None:
            return _no_version(request.args)
        return jsonify(model_version=_version(request.args["name"], found))

    def _get_uri(self) -> Response:
        found = self._named(request.args)
        return _no_version(request.args) if found is None else jsonify(artifact_uri=found.uri)

    def _set_tag(self) -> Response:
        told = request.get_json()
        found = self._named(told)
        if found is None:
            return _no_version(told)
        found.tags[told["key"]] = told["value"]
        return jsonify({})

    def _delete_tag(self) -> Response:
        told = request.get_json()
        found = self._named(told)
        if found is None:
            return _no_version(told)
        found.tags.pop(told["key"], None)
        return jsonify({})

    def _get_run(self) -> Response:
        run_id = request.args.get("run_id", "")
        found = self.runs.get(run_id)
        return _missing(f"Run with id={run_id} not found") if found is None else jsonify(run=found)

    def _list(self) -> Response:
        root = request.args.get("path", "").strip("/")
        found: dict[str, dict[str, Any]] = {}
        for path, data in sorted(self.files.items()):
            if not path.startswith(f"{root}/"):
                continue
            name, slash, _ = path[len(root) + 1 :].partition("/")
            told = {"path": name, "is_dir": bool(slash)}
            found[name] = told if slash else {**told, "file_size": len(data)}
        return jsonify({"files": list(found.values())} if found else {})

    def _file(self, path: str) -> Response:
        data = self.files.get(path)
        return _missing(f"No such artifact: '{path}'") if data is None else Response(data, content_type="text/plain")


def signed(body: bytes, secret: str, *, at: int, identifier: str = "") -> Sent:
    """Sign a webhook as MLflow does; without a secret it is not signed."""
    identifier = identifier or str(uuid.uuid4())
    headers = {
        "content-type": "application/json",
        "x-mlflow-delivery-id": identifier,
        "x-mlflow-timestamp": str(at),
    }
    if secret:
        told = hmac.new(secret.encode(), f"{identifier}.{at}.{body.decode()}".encode(), hashlib.sha256).digest()
        headers["x-mlflow-signature"] = f"v1,{base64.b64encode(told).decode()}"
    return Sent(headers, body)


def _version(name: str, one: Version) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": name, "version": str(one.number), "creation_timestamp": 1, "last_updated_timestamp": 1,
        "current_stage": "None", "description": one.description, "source": one.source, "run_id": one.run_id,
        "status": one.status, "run_link": "",
    }  # fmt: skip
    if one.tags:
        told["tags"] = [{"key": key, "value": value} for key, value in sorted(one.tags.items())]
    return told


def _run(
    run_id: str, metrics: Mapping[str, float], params: Mapping[str, str], tags: Mapping[str, str], dataset: str
) -> dict[str, Any]:
    inputs = {"dataset_inputs": [{"tags": [], "dataset": {"name": dataset, "digest": "d1"}}]} if dataset else {}
    return {
        "info": {"run_id": run_id, "run_uuid": run_id, "experiment_id": "0", "status": "FINISHED"},
        "data": {
            "metrics": [{"key": key, "value": value, "timestamp": 1, "step": 0} for key, value in metrics.items()],
            "params": [{"key": key, "value": value} for key, value in params.items()],
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
        },
        "inputs": inputs,
        "outputs": {},
    }


def _no_version(told: Mapping[str, str]) -> Response:
    return _missing(f"Model Version (name={told.get('name')}, version={told.get('version')}) not found")


def _missing(message: str) -> Response:
    return _error(404, "RESOURCE_DOES_NOT_EXIST", message)


def _error(status: int, code: str, message: str) -> Response:
    response = jsonify(error_code=code, message=message)
    response.status_code = status
    return response

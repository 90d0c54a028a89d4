"""MLflow's model registry, over its REST API.

https://mlflow.org/docs/latest/api_reference/rest-api.html
Its webhooks are only hints; what is here is the truth. Databricks' registry is another product with other answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service.adapters.mlflow_artifacts import find_artifact
from service.errors import PermanentError
from service.ports import Artifact, ModelVersion, RegisteredModel

if TYPE_CHECKING:
    from service.adapters.model_http import ModelHttp
    from service.adapters.parts import Parts

_API = "/api/2.0/mlflow"
_MOST = 200
_LONGEST_TAG = 5_000
_CREDENTIAL = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_READY = frozenset({"READY", "", "MODEL_VERSION_STATUS_UNKNOWN"})
_CODE = ("mlflow.source.git.commit", "mlflow.databricks.gitRepoCommit")


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("write https://host, with a path if it has one")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("it has no user, query or fragment: name a credential")
    return text.rstrip("/")


def _name(text: str) -> str:
    if not _CREDENTIAL.fullmatch(text):
        raise ValueError("write the NAME of MERGEPORT_MODEL_CREDENTIAL_NAME: capital letters, digits and _")
    return text


class Options(BaseModel):
    """An MLflow tracking server with its model registry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, AfterValidator(_address)] = Field(description="The server's address.")
    credential: Annotated[str, AfterValidator(_name)] | None = Field(
        default=None,
        description="NAME of MERGEPORT_MODEL_CREDENTIAL_NAME: a token, or USER:PASSWORD. Without it, no login.",
    )
    page_url: Annotated[str, AfterValidator(_address)] | None = Field(
        default=None, description="Where people open its pages, if that is another address."
    )


class MLflow:
    """One server."""

    def __init__(self, http: ModelHttp, pages: str) -> None:
        """Take the connection, and the address of its pages."""
        self._http, self._pages = http, pages

    def registered(self, name: str) -> RegisteredModel | None:
        """Give a model's aliases and newest version; see the port."""
        answer = self._http.ask("GET", f"{_API}/registered-models/get", query={"name": name})
        if answer is None:
            return None
        model = _table(answer.get("registered_model"))
        aliases = {str(one["alias"]): str(one["version"]) for one in _tables(model.get("aliases")) if "alias" in one}
        newest = [str(one.get("version")) for one in _tables(model.get("latest_versions"))]
        numbers = [version for version in (*newest, *aliases.values()) if version.isdigit()]
        return RegisteredModel(aliases, max(numbers, key=int, default=""))

    def version(self, name: str, version: str) -> ModelVersion | None:
        """Give a version; see the port."""
        named = {"name": name, "version": version}
        answer = self._http.ask("GET", f"{_API}/model-versions/get", query=named)
        if answer is None:
            return None
        told = _table(answer.get("model_version"))
        status = str(told.get("status") or "")
        located = self._http.ask("GET", f"{_API}/model-versions/get-download-uri", query=named) or {}
        run_id = str(told.get("run_id") or "")
        run = self._run(run_id)
        data = _table(run.get("data"))
        metrics = _metrics(data.get("metrics")) | _metrics(told.get("metrics"))
        parameters = _pairs(data.get("params")) | _pairs(told.get("params"))
        run_tags = _pairs(data.get("tags"))
        experiment = str(_table(run.get("info")).get("experiment_id") or "")
        return ModelVersion(
            name, version, str(located.get("artifact_uri") or told.get("source") or ""), status in _READY,
            "" if status in _READY else f"{status} {told.get('status_message') or ''}".strip()[:_MOST],
            page=f"{self._pages}/#/models/{quote(name, safe='')}/versions/{version}",
            description=str(told.get("description") or ""),
            tags=_pairs(told.get("tags")),
            run=run_id,
            run_page=f"{self._pages}/#/experiments/{experiment}/runs/{run_id}" if run_id and experiment else "",
            metrics=metrics,
            parameters=parameters,
            datasets=tuple(_datasets(run)),
            code=next((run_tags[key] for key in _CODE if run_tags.get(key)), ""),
        )  # fmt: skip

    def artifact(self, found: ModelVersion) -> Artifact:
        """Look for the files; see the port."""
        return find_artifact(self._http, found.uri, f"{found.name} {found.version}")

    def set_tag(self, name: str, version: str, key: str, value: str) -> bool:
        """Set a tag; see the port."""
        body = {"name": name, "version": version, "key": key, "value": value[:_LONGEST_TAG]}
        return self._http.ask("POST", f"{_API}/model-versions/set-tag", body=body) is not None

    def delete_tag(self, name: str, version: str, key: str) -> None:
        """Delete a tag; see the port."""
        self._http.ask(
            "DELETE", f"{_API}/model-versions/delete-tag", body={"name": name, "version": version, "key": key}
        )

    def _run(self, run_id: str) -> dict[str, Any]:
        """Give the run that made a version; nothing where it was deleted, or may not be read."""
        if not run_id:
            return {}
        try:
            answer = self._http.ask("GET", f"{_API}/runs/get", query={"run_id": run_id}) or {}
        except PermanentError:
            return {}
        return _table(answer.get("run"))


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _tables(value: object) -> Sequence[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)][:_MOST] if isinstance(value, list) else []


def _pairs(value: object) -> dict[str, str]:
    return {str(one.get("key")): str(one.get("value") or "") for one in _tables(value)}


def _metrics(value: object) -> dict[str, float]:
    """Read metrics; JSON has no word for infinity and the like, and MLflow writes them as texts."""
    found = {}
    for one in _tables(value):
        try:
            found[str(one.get("key"))] = float(one.get("value"))  # type: ignore[arg-type]
        except (TypeError, ValueError):
            continue
    return found


def _datasets(run: Mapping[str, Any]) -> list[str]:
    inputs = _tables(_table(run.get("inputs")).get("dataset_inputs"))
    told = [_table(one.get("dataset")) for one in inputs]
    return [f"{one.get('name') or 'dataset'}@{one.get('digest') or 'unknown'}" for one in told]


def make(options: Options, parts: Parts) -> MLflow:
    """Give the registry at an address; PermanentError if its credential is not in the settings."""
    from service.adapters.model_http import ModelHttp  # noqa: PLC0415 - loads requests

    credential = ""
    if options.credential is not None:
        credential = parts.settings.models.credentials.get(options.credential, "")
        if not credential:
            raise PermanentError(
                f"there is no credential {options.credential} for {urlsplit(options.url).netloc}",
                code="model-credential-missing",
                hint=f"set MERGEPORT_MODEL_CREDENTIAL_{options.credential}, or its _FILE, for the worker",
            )
    http = ModelHttp(options.url, credential, ca_file=str(parts.ca_file) if parts.ca_file else None)
    return MLflow(http, options.page_url or options.url)

"""A real MLflow server on loopback, from an environment beside ours: for the demo and for the tests of `make prove`.

It is filled by its own REST API, as MLflow's client does. All that it starts ends with `stop`.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

PROGRAM = Path(__file__).parents[1] / ".venv" / "mlflow" / "bin" / "mlflow"
_START_SECONDS = 180.0


class MLflowMissingError(Exception):
    """The environment with MLflow is not there."""


class MLflowClient:
    """What people do with a server that runs somewhere, by its own REST API, as MLflow's client does."""

    def __init__(self, url: str) -> None:
        """Take its address."""
        self.url = url

    def new_name(self, name: str) -> str:
        """Give a name that no other test has."""
        return f"{name} {uuid.uuid4().hex[:8]}"

    def register(
        self, name: str, *, metrics: Mapping[str, float] | None = None, params: Mapping[str, str] | None = None,
        dataset: str = "",
    ) -> int:  # fmt: skip
        """Log a run with a model and register it, as MLflow's client does; give the version."""
        run = self.call("POST", "runs/create", {"experiment_id": "0", "start_time": int(time.time() * 1000)})["run"]
        run_id = run["info"]["run_id"]
        for key, value in (metrics or {}).items():
            told = {"run_id": run_id, "key": key, "value": value, "timestamp": int(time.time() * 1000), "step": 0}
            self.call("POST", "runs/log-metric", told)
        for key, text in (params or {}).items():
            self.call("POST", "runs/log-parameter", {"run_id": run_id, "key": key, "value": text})
        if dataset:
            described = {"name": dataset, "digest": "d1", "source_type": "local", "source": "{}"}
            self.call("POST", "runs/log-inputs", {"run_id": run_id, "datasets": [{"dataset": described}]})
        model = self.call("POST", "logged-models", {"experiment_id": "0", "name": "model", "source_run_id": run_id})
        model_id = model["model"]["info"]["model_id"]
        root = model["model"]["info"]["artifact_uri"].partition(":")[2].strip("/")
        for path, data in (("MLmodel", b"flavors: {}\n"), ("data/weights.bin", model_id.encode())):
            address = f"{self.url}/api/2.0/mlflow-artifacts/artifacts/{root}/{path}"
            requests.put(address, data=data, timeout=20).raise_for_status()
        finished = {"model_id": model_id, "status": "LOGGED_MODEL_READY"}
        self.call("PATCH", f"logged-models/{model_id}", finished)
        with suppress(requests.HTTPError):  # it is there already
            self.call("POST", "registered-models/create", {"name": name})
        wanted = {"name": name, "source": f"models:/{model_id}", "run_id": run_id, "model_id": model_id}
        return int(self.call("POST", "model-versions/create", wanted)["model_version"]["version"])

    def set_alias(self, name: str, alias: str, version: int) -> None:
        """Let an alias name a version."""
        self.call("POST", "registered-models/alias", {"name": name, "alias": alias, "version": str(version)})

    def delete_alias(self, name: str, alias: str) -> None:
        """Delete an alias."""
        self.call("DELETE", "registered-models/alias", {"name": name, "alias": alias})

    def add_webhook(self, url: str, secret: str) -> None:
        """Have aliases and versions told to an address."""
        events = [
            {"entity": "MODEL_VERSION", "action": "CREATED"}, {"entity": "MODEL_VERSION_ALIAS", "action": "CREATED"},
        ]  # fmt: skip
        told = {"name": "mergeport", "url": url, "events": events, "secret": secret, "status": "ACTIVE"}
        self.call("POST", "webhooks", told)

    def call(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make one request of the REST API."""
        answer = requests.request(
            method, f"{self.url}/api/2.0/mlflow/{path}", data=json.dumps(body), timeout=20,
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        answer.raise_for_status()
        told = answer.json()
        if not isinstance(told, dict):
            raise TypeError(f"{path} gave no object")
        return told

    def tags(self, name: str, version: int) -> dict[str, str]:
        """Give the tags of a version."""
        query = {"name": name, "version": str(version)}
        answer = requests.get(f"{self.url}/api/2.0/mlflow/model-versions/get", params=query, timeout=20)
        answer.raise_for_status()
        return {one["key"]: one["value"] for one in answer.json()["model_version"].get("tags", [])}


class RealMLflow(MLflowClient):
    """The server itself."""

    def __init__(self, directory: Path) -> None:
        """Start it and wait until it answers; MLflowMissingError where it is not installed."""
        if not PROGRAM.exists():
            raise MLflowMissingError("MLflow is not here: `make prove` and `make demo MODELS=1` install it")
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__(f"http://127.0.0.1:{_free_port()}")
        self._directory = directory
        python = PROGRAM.with_name("python")
        key = subprocess.run(
            [python, "-c", "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"],
            check=True, capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip
        environment = {
            **os.environ,
            "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
            "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
            "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": key,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
        }
        command: list[str | Path] = [
            PROGRAM, "server", "--host", "127.0.0.1", "--port", self.url.rpartition(":")[2], "--workers", "1",
            "--backend-store-uri", f"sqlite:///{directory}/mlflow.db",
            "--artifacts-destination", str(directory / "artifacts"),
        ]  # fmt: skip
        self._log = (directory / "log").open("wb")
        self._process = subprocess.Popen(
            command, stdout=self._log, stderr=self._log, env=environment, cwd=directory, start_new_session=True
        )
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            with suppress(requests.RequestException):
                if requests.get(f"{self.url}/health", timeout=2).ok:
                    return
            time.sleep(0.2)
        self.stop()
        raise RuntimeError(f"MLflow did not start: {(self._directory / 'log').read_text()[-2000:]}")

    def stop(self) -> None:
        """End it with everything that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, 15)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(15)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, 9)
        self._process.wait(15)
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

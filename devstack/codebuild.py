"""AWS CodeBuild and CloudWatch Logs on loopback: builds that a test starts over boto3 and moves by hand.

It speaks JSON, as boto3 does, and holds each request and each answer against AWS's own description of the services,
which botocore has. It knows what matters to a client: the token that is good for five
minutes, lists that lag, pages, the account's limit, log pages that are empty before the end.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import botocore.session
from botocore.validate import ParamValidator

from devstack.faults import FaultLayer
from devstack.serving import LoopbackServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from botocore.model import Shape

REGION = "ap-northeast-2"
ACCOUNT = "123456789012"
TOKEN_SECONDS = 300
"""For so long a token names the same start: API_StartBuild of the CodeBuild API reference."""
MOST_IDS = 100
ENVIRONMENT = {"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"}


class RefusedError(Exception):
    """A request that AWS refuses, with its code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Build:
    """A build, as its project has it; tests move it by `phase` and `end`."""

    id: str
    project: str
    number: int
    source_version: str
    variables: list[dict[str, str]]
    started: float
    request: dict[str, Any]
    status: str = "IN_PROGRESS"
    ended: float | None = None
    phases: list[dict[str, Any]] = field(default_factory=list)
    exported: dict[str, str] = field(default_factory=dict)
    logs: dict[str, Any] = field(default_factory=dict)
    stopped: bool = False

    @property
    def arn(self) -> str:
        """The build's ARN."""
        return f"arn:aws:codebuild:{REGION}:{ACCOUNT}:build/{self.id}"

    def variable(self, name: str) -> str | None:
        """Give a variable of its environment."""
        return next((one["value"] for one in self.variables if one["name"] == name), None)

    def phase(self, name: str, status: str = "IN_PROGRESS", code: str = "", message: str = "") -> None:
        """Enter a phase, or end it."""
        self.phases = [one for one in self.phases if one["phaseType"] != name]
        contexts = [{"statusCode": code, "message": message}] if code else []
        now = datetime.now(UTC)
        self.phases.append({"phaseType": name, "phaseStatus": status, "startTime": now, "contexts": contexts})

    def end(self, status: str) -> None:
        """End it with a status of AWS."""
        self.status, self.ended = status, time.time()
        self.phases.append({"phaseType": "COMPLETED", "startTime": datetime.now(UTC)})


class CodeBuild:
    """A running CodeBuild: `url` for boto3, `faults` to plant faults, `builds` and `logs` to look at and to move."""

    def __init__(self, projects: Iterable[str] = ("images",)) -> None:
        self._projects = tuple(projects)
        self.reset()
        self._lock = threading.Lock()
        core = botocore.session.get_session()
        self._models = {name: core.get_service_model(name) for name in ("codebuild", "logs")}
        self.faults = FaultLayer(self._serve)
        self._server = LoopbackServer(self.faults, threads=4)

    @property
    def url(self) -> str:
        """The address of both services."""
        return self._server.url

    def reset(self) -> None:
        """Forget all builds, logs and starts, and whatever a test has set."""
        self.projects = set(self._projects)
        self.builds: dict[str, Build] = {}
        self.streams: dict[tuple[str, str], list[str]] = {}
        self.now: Callable[[], float] = time.time
        self.limit = 1000
        """Builds under way that the account may have."""
        self.page = MOST_IDS
        """Ids on a page of a list, and lines on a page of a log."""
        self.lists = True
        """Whether lists have builds that were just started."""
        self.denied: set[str] = set()
        """Actions that the caller's role may not do."""
        self.hollow = False
        """Whether a log has an empty page before each page."""
        self._tokens: dict[str, tuple[float, dict[str, Any], str]] = {}

    def stop(self) -> None:
        """Stop listening."""
        self.faults.clear()
        self._server.stop()

    def retry(self, build: Build) -> Build:
        """Start it once more, as a person's "Retry build" does: with the same variables, and an id of its own."""
        asked = {name: value for name, value in build.request.items() if name != "idempotencyToken"}
        with self._lock:
            return self.builds[self._start(asked)["build"]["id"]]

    def write(self, build: Build, text: str) -> None:
        """Let a build write to its log, whose stream is there from then on."""
        self._open_log(build)
        self.streams[build.logs["groupName"], build.logs["streamName"]].append(text)

    def _open_log(self, build: Build) -> None:
        if not build.logs:
            group, stream = f"/aws/codebuild/{build.project}", build.id.partition(":")[2]
            link = (
                f"https://console.aws.amazon.com/cloudwatch/home?region={REGION}#logEvent:group={group};stream={stream}"
            )
            build.logs = {"groupName": group, "streamName": stream, "deepLink": link}
            self.streams[group, stream] = []

    def _serve(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        target, _, action = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")
        asked = json.loads(environ["wsgi.input"].read() or b"{}")
        try:
            with self._lock:
                status, told = (
                    "200 OK",
                    self._answer("logs" if target.startswith("Logs") else "codebuild", action, asked),
                )
        except RefusedError as error:
            status, told = "400 Bad Request", {"__type": error.code, "message": str(error)}
        body = json.dumps(told, default=datetime.timestamp).encode()
        headers = [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))]
        start_response(status, headers)
        return [body]

    def _answer(self, service: str, action: str, asked: dict[str, Any]) -> dict[str, Any]:
        acts: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "StartBuild": self._start,
            "BatchGetBuilds": self._get,
            "ListBuildsForProject": self._list,
            "StopBuild": self._stop,
            "GetLogEvents": self._log,
        }
        if action in self.denied:
            raise RefusedError("AccessDeniedException", f"not authorized to perform: codebuild:{action}")
        if action not in acts:
            raise RefusedError("UnknownOperationException", action)
        model = self._models[service].operation_model(action)
        if wrong := _faults(asked, model.input_shape):
            raise RefusedError("InvalidInputException", wrong)
        told = acts[action](asked)
        wrong = _faults(told, model.output_shape)
        assert not wrong, f"the double of {action} answers what AWS does not: {wrong}"  # noqa: S101 - a double's own check
        return told

    def _start(self, asked: dict[str, Any]) -> dict[str, Any]:
        name, now = asked["projectName"], self.now()
        if name not in self.projects:
            raise RefusedError("ResourceNotFoundException", f"Project cannot be found: {name}")
        token = asked.get("idempotencyToken", "")
        if token in self._tokens and now - self._tokens[token][0] < TOKEN_SECONDS:
            _, before, build_id = self._tokens[token]
            if before != asked:
                raise RefusedError("InvalidInputException", "Parameter mismatch for the idempotency token")
            return {"build": self._shape(self.builds[build_id])}
        if sum(1 for one in self.builds.values() if one.ended is None) >= self.limit:
            message = f"Cannot have more than {self.limit} builds in queue for the account"
            raise RefusedError("AccountLimitExceededException", message)
        variables = list(asked.get("environmentVariablesOverride", []))
        build_id = f"{name}:{uuid4()}"
        number = 1 + sum(1 for one in self.builds.values() if one.project == name)
        build = Build(build_id, name, number, asked.get("sourceVersion", ""), variables, now, asked)
        build.phase("SUBMITTED", "SUCCEEDED")
        build.phase("QUEUED")
        self.builds[build_id] = build
        if token:
            self._tokens[token] = (now, asked, build_id)
        return {"build": self._shape(build)}

    def _get(self, asked: dict[str, Any]) -> dict[str, Any]:
        ids = asked["ids"]
        if len(ids) > MOST_IDS:
            raise RefusedError("InvalidInputException", f"Member must have length less than or equal to {MOST_IDS}")
        found = [self._shape(self.builds[one]) for one in dict.fromkeys(ids) if one in self.builds]
        missing = [one for one in ids if one not in self.builds]
        return {"builds": found} | ({"buildsNotFound": missing} if missing else {})

    def _list(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["projectName"] not in self.projects:
            raise RefusedError("ResourceNotFoundException", f"The provided project {asked['projectName']} is unknown")
        ids = [one.id for one in self.builds.values() if one.project == asked["projectName"]] if self.lists else []
        if asked.get("sortOrder", "DESCENDING") == "DESCENDING":
            ids.reverse()
        begin = int(asked.get("nextToken", "0"))
        end = begin + self.page
        page = ids[begin:end]
        return ({"ids": page} if page else {}) | ({"nextToken": str(end)} if end < len(ids) else {})

    def _stop(self, asked: dict[str, Any]) -> dict[str, Any]:
        build = self.builds.get(asked["id"])
        if build is None:
            raise RefusedError("ResourceNotFoundException", f"Build {asked['id']} is not found")
        if build.ended is None:
            build.stopped = True
            build.end("STOPPED")
        return {"build": self._shape(build)}

    def _log(self, asked: dict[str, Any]) -> dict[str, Any]:
        lines = self.streams.get((asked["logGroupName"], asked["logStreamName"]))
        if lines is None:
            raise RefusedError("ResourceNotFoundException", "The specified log stream does not exist.")
        text = asked.get("nextToken", "")
        place, _, again = text.removeprefix("f/").partition(".")
        begin = int(place or 0) if asked.get("startFromHead") or text else max(0, len(lines) - self.page)
        if self.hollow and begin < len(lines) and not again:
            return {"events": [], "nextForwardToken": f"f/{begin}.1", "nextBackwardToken": f"b/{begin}"}
        end = min(begin + self.page, len(lines))
        now = int(self.now() * 1000)
        events = [{"timestamp": now, "message": one, "ingestionTime": now} for one in lines[begin:end]]
        token = f"f/{end}" if events or not text else text
        return {"events": events, "nextForwardToken": token, "nextBackwardToken": f"b/{begin}"}

    def _shape(self, build: Build) -> dict[str, Any]:
        told: dict[str, Any] = {
            "id": build.id,
            "arn": build.arn,
            "buildNumber": build.number,
            "startTime": datetime.fromtimestamp(build.started, UTC),
            "currentPhase": build.phases[-1]["phaseType"],
            "buildStatus": build.status,
            "buildComplete": build.ended is not None,
            "projectName": build.project,
            "phases": build.phases,
            "environment": {**ENVIRONMENT, "environmentVariables": build.variables},
            "logs": {"cloudWatchLogs": {"status": "ENABLED"}} | build.logs,
        }
        if build.source_version:
            told["sourceVersion"] = build.source_version
        if build.exported:
            told["exportedEnvironmentVariables"] = [{"name": k, "value": v} for k, v in build.exported.items()]
        if build.ended is not None:
            told["endTime"] = datetime.fromtimestamp(build.ended, UTC)
        return told


def _faults(value: dict[str, Any], shape: Shape | None) -> str:
    """Say what AWS's description does not allow in a request or an answer."""
    assert shape is not None  # noqa: S101 - each of these actions has both
    return str(ParamValidator().validate(value, shape).generate_report())

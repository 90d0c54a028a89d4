"""The calls to AWS CodeBuild and to the logs of its builds (boto3), and what their refusals are in our errors.

Used by the `codebuild` builder alone. Every call returns at once and may be repeated. AWS's answers go no further than
its caller; a build's environment, which may hold secrets, is never logged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, assert_never

from service.adapters.aws import Calls, Trouble, TroubleKind, make_client
from service.errors import (
    BELIEVED_AFTER_SECONDS,
    BusyError,
    DoubtfulError,
    MergeportError,
    NotStartedError,
    PermanentError,
    RetryableError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_codebuild import CodeBuildClient
    from mypy_boto3_codebuild.type_defs import BuildTypeDef, StartBuildInputTypeDef
    from mypy_boto3_logs import CloudWatchLogsClient

MOST_IDS = 100
"""Of BatchGetBuilds: https://docs.aws.amazon.com/codebuild/latest/APIReference/API_BatchGetBuilds.html"""
_MOST_PAGES = 20
"""Of the builds of a project that are searched: 2,000 builds."""
_MOST_EMPTY = 20
"""Pages of a log that are empty although it goes on, one after the other."""
_START, _LIST = "codebuild:StartBuild", "codebuild:ListBuildsForProject"
_THROTTLED_SECONDS = 10.0
_LIMIT_SECONDS = 60.0
_REFUSED_SECONDS = BELIEVED_AFTER_SECONDS / 5
"""Between two starts that are refused: a build has six."""

MakeClient = Callable[[str], Any]
"""Makes a client of the service with this name."""


class CodeBuildApi:
    """CodeBuild in one region, by one role. Give `client` to have clients made elsewhere."""

    def __init__(
        self,
        region: str,
        role_arn: str | None,
        *,
        ca_file: Path | None = None,
        client: MakeClient | None = None,
    ) -> None:
        """Take where and as whom; an empty region is the process's own."""
        self._where = f"in {region}" if region else "here"
        self._role_arn = role_arn

        def make(service: str) -> Any:  # noqa: ANN401 - a client of boto3
            return make_client(service, region or None, role_arn=role_arn, ca_file=ca_file)

        chosen = client or make
        self._builds: Calls[CodeBuildClient] = Calls(lambda: chosen("codebuild"), self._error)
        self._logs: Calls[CloudWatchLogsClient] = Calls(lambda: chosen("logs"), self._error)

    def start(self, request: StartBuildInputTypeDef) -> BuildTypeDef:
        """Start a build; PermanentError means that none was started."""

        def start(client: CodeBuildClient) -> BuildTypeDef:
            build = client.start_build(**request)["build"]
            if not build["arn"]:
                raise LookupError("a build without an ARN")
            return build

        return self._builds(_START, start)

    def newest(self, project: str) -> Iterator[list[BuildTypeDef]]:
        """Give the project's builds, newest first, a page at a time.

        RetryableError after the last page that is searched, where there are more.
        """
        token = ""
        for _ in range(_MOST_PAGES):
            given = {"nextToken": token} if token else {}

            def page(client: CodeBuildClient, given: Mapping[str, Any] = given) -> Mapping[str, Any]:
                return client.list_builds_for_project(projectName=project, sortOrder="DESCENDING", **given)

            told = self._builds(_LIST, page)
            ids = list(told.get("ids", []))
            found = {build["id"]: build for build in self.get(ids)}
            yield [found[one] for one in ids if one in found]
            token = told.get("nextToken", "")
            if not token:
                return
        raise RetryableError(
            f"The {_MOST_PAGES * MOST_IDS} newest builds of the CodeBuild project {project} do not tell whether it has"
            " this build.",
            code="codebuild-too-many-builds",
            hint="look for it at CodeBuild; a project of its own for each application has fewer builds",
        )

    def get(self, ids: Collection[str]) -> list[BuildTypeDef]:
        """Give the builds that are there, in one call for each hundred."""
        found: list[BuildTypeDef] = []
        wanted = list(dict.fromkeys(ids))
        for begin in range(0, len(wanted), MOST_IDS):
            some = wanted[begin : begin + MOST_IDS]

            def get(client: CodeBuildClient, some: list[str] = some) -> list[BuildTypeDef]:
                return [one for one in client.batch_get_builds(ids=some)["builds"] if one.get("id") and one.get("arn")]

            found += self._builds("codebuild:BatchGetBuilds", get)
        return found

    def stop(self, build_id: str) -> None:
        """Stop a build; nothing is done where there is none."""

        def stop(client: CodeBuildClient) -> None:
            try:
                client.stop_build(id=build_id)
            except client.exceptions.ResourceNotFoundException:
                return

        self._builds("codebuild:StopBuild", stop)

    def log(self, group: str, stream: str, after: str) -> tuple[str, str]:
        """Give the next events of a log as text, and the token after them; a log that is not there yet is empty.

        A page may be empty although the log goes on; only a token that comes back unchanged is its end:
        https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
        """
        token = after
        for _ in range(_MOST_EMPTY):
            given = {"nextToken": token} if token else {}

            def page(client: CloudWatchLogsClient, given: Mapping[str, Any] = given) -> Mapping[str, Any]:
                try:
                    return client.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, **given)
                except client.exceptions.ResourceNotFoundException:
                    return {"events": []}

            told = self._logs("logs:GetLogEvents", page)
            text = "".join(_line(event.get("message", "")) for event in told["events"])
            before, token = token, told.get("nextForwardToken", token)
            if text or token == before:
                return text, token
        return "", token

    def _error(self, trouble: Trouble) -> MergeportError:
        what, action, code = f"CodeBuild {self._where}", trouble.action, trouble.code
        hint = trouble.hint(self._role_arn)
        match trouble.kind:
            case TroubleKind.THROTTLED:
                words = f"{what} is asked too often for {action}: {code}."
                if action == _START:
                    return BusyError(words, code="codebuild-throttled", retry_after=_THROTTLED_SECONDS)
                return RetryableError(words, code="codebuild-throttled", retry_after=_THROTTLED_SECONDS)
            case TroubleKind.AWAY | TroubleKind.UNREACHABLE:
                verb = "cannot be reached for" if trouble.kind is TroubleKind.UNREACHABLE else "cannot do"
                return RetryableError(f"{what} {verb} {action} now: {code}.", code="codebuild-unavailable")
            case TroubleKind.OTHER_ANSWER:
                hint = "check the network and, where it is set, AWS_ENDPOINT_URL"
                return DoubtfulError(f"What answered {action} is not {what}.", code="codebuild-answer", hint=hint)
            case TroubleKind.REFUSED:
                return self._refusal(what, trouble)
            case TroubleKind.ROLE | TroubleKind.DENIED | TroubleKind.UNKNOWN:
                return self._refused(what, trouble, hint)
            case TroubleKind.NO_CREDENTIALS | TroubleKind.SETTINGS:
                return PermanentError(f"Mergeport cannot call {what}: {code}.", code="aws-settings", hint=hint)
            case _:
                assert_never(trouble.kind)

    def _refusal(self, what: str, trouble: Trouble) -> MergeportError:
        """Put the service's own refusals in words: https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html."""
        action, code = trouble.action, trouble.code
        said = f": {trouble.said}" if trouble.said else "."
        match code:
            case "AccountLimitExceededException":
                return BusyError(
                    f"{what} starts no build now, because as many are under way as the account may have{said}",
                    code="codebuild-limit",
                    hint="it is started when another ends; a higher quota of concurrently running builds lets more in",
                    retry_after=_LIMIT_SECONDS,
                )
            case "ResourceNotFoundException" if action in (_START, _LIST):
                return PermanentError(
                    f"{what} has no such project{said}",
                    code="codebuild-project-missing",
                    hint="check `project`, `region` and `role_arn` under `build` in mergeport.yaml",
                )
            case "InvalidInputException":
                return PermanentError(
                    f"{what} does not take what {action} was given{said}",
                    code="codebuild-input",
                    hint="check `build` in mergeport.yaml, and the source and the environment of the project",
                )
            case _:
                return self._refused(what, trouble, "CodeBuild's documentation explains this code")

    @staticmethod
    def _refused(what: str, trouble: Trouble, hint: str) -> MergeportError:
        """Doubt a refusal for as long as any other; a start that was refused has begun nothing."""
        words = f"{what} refused {trouble.action}: {trouble.code}."
        if trouble.action == _START:
            return NotStartedError(words, code="codebuild-refused", hint=hint, retry_after=_REFUSED_SECONDS)
        return DoubtfulError(words, code="codebuild-refused", hint=hint)


def _line(message: str) -> str:
    return message if message.endswith("\n") else f"{message}\n"

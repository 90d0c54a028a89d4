"""How we are set up at GitHub: permissions, web hooks, rules of branches, its clock. Called through the forge."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from service.adapters.github_api.connection import NO_REPOSITORY, Connection
from service.core.words import Repository
from service.errors import DoubtfulError, PermanentError
from service.ports.forge_setup import OF_THE_APP, Access, Attempt, BranchRules, Hook

_ATTEMPTS = 20
_MAY_PUSH = frozenset({"write", "admin"})
_NO_RIGHT = frozenset({"github-permission-missing", "github-refused", "github-not-found"})
_Answer = TypeVar("_Answer")


class _Installation(BaseModel):
    permissions: dict[str, str] = {}
    events: list[str] = []
    suspended_at: datetime | None = None


class _Rights(BaseModel):
    push: bool = False


class _Repository(BaseModel):
    permissions: _Rights = _Rights()


class _Config(BaseModel):
    url: str | None = None
    content_type: str | None = None


class _Hook(BaseModel):
    id: int
    active: bool = True
    events: list[str] = []
    config: _Config = _Config()


class _Attempt(BaseModel):
    delivered_at: datetime
    event: str
    status: str
    status_code: int = 0

    def ours(self) -> Attempt:
        return Attempt(self.delivered_at, self.event, self.status_code, self.status)


class _Check(BaseModel):
    context: str


class _Parameters(BaseModel):
    required_status_checks: list[_Check] = []


class _Rule(BaseModel):
    type: str
    parameters: _Parameters | None = None


class _Checks(BaseModel):
    contexts: list[str] = []


class _Protection(BaseModel):
    enabled: bool = False
    required_status_checks: _Checks | None = None


class _Branch(BaseModel):
    protection: _Protection = _Protection()


class OwnSetup:
    """The part of the forge that reads how we are set up."""

    _connection: Connection

    def access(self, repository: Repository) -> Access:
        """Read the App's installation on the repository, or what the token's account may do there.

        https://docs.github.com/en/rest/apps/apps#get-a-repository-installation-for-the-authenticated-app
        """
        doing = "read what we may do"
        if not self._connection.is_app:
            told = self._connection.get(_Repository, f"/repos/{repository}", doing=doing, repository=repository)
            return Access(told.permissions.push)
        found = self._connection.get_as_app(
            _Installation, f"/repos/{repository}/installation", doing=doing, repository=repository
        )
        push = found.permissions.get("contents") in _MAY_PUSH
        return Access(push, found.permissions, frozenset(found.events), suspended=found.suspended_at is not None)

    def hooks(self, repository: Repository) -> tuple[Hook, ...] | None:
        """Read the App's hook if it has one, else those of the repository; None if we may not read them.

        https://docs.github.com/en/rest/apps/webhooks and https://docs.github.com/en/rest/repos/webhooks
        """
        if self._connection.is_app and (hook := self._hook_of_app()):
            return (hook,)
        doing, path = "read the web hooks", f"/repos/{repository}/hooks"
        found = self._readable(lambda: self._connection.get(list[_Hook], path, doing=doing, repository=repository))
        if found is None:
            return None
        return tuple(
            Hook(
                of=str(repository),
                address=one.config.url or "",
                is_json=one.config.content_type == "json",
                active=one.active,
                events=frozenset(one.events),
                attempts=self._attempts(f"{path}/{one.id}/deliveries", repository),
            )
            for one in found
        )

    def _hook_of_app(self) -> Hook | None:
        """Give the App's own hook, None if it has none."""
        doing, path = "read the App's web hook", f"/app/hook/deliveries?per_page={_ATTEMPTS}"
        config = self._readable(
            lambda: self._connection.get_as_app(_Config, "/app/hook/config", doing=doing, repository=NO_REPOSITORY)
        )
        if config is None or not config.url:
            return None
        tried = self._connection.get_as_app(list[_Attempt], path, doing=doing, repository=NO_REPOSITORY)
        attempts = tuple(one.ours() for one in tried[:_ATTEMPTS])
        return Hook(OF_THE_APP, config.url, is_json=config.content_type == "json", attempts=attempts)

    def _attempts(self, path: str, repository: Repository) -> tuple[Attempt, ...]:
        doing = "read the deliveries of a web hook"
        tried = self._connection.get(
            list[_Attempt], path, doing=doing, repository=repository, parameters={"per_page": _ATTEMPTS}
        )
        return tuple(one.ours() for one in tried[:_ATTEMPTS])

    @staticmethod
    def _readable(ask: Callable[[], _Answer]) -> _Answer | None:
        """Give the answer, None where our login has no right to it. Whatever else goes wrong is told, not hidden."""
        try:
            return ask()
        except (PermanentError, DoubtfulError) as error:
            if error.code in _NO_RIGHT:
                return None
            raise

    def rules(self, repository: Repository, branch: str) -> BranchRules:
        """Read the rulesets that apply to the branch, and what is told of its classic protection.

        https://docs.github.com/en/rest/repos/rules#get-rules-for-a-branch
        """
        doing, name = f"read the rules of {branch}", quote(branch, safe="")
        path = f"/repos/{repository}"
        rules = self._connection.get(
            list[_Rule],
            f"{path}/rules/branches/{name}",
            doing=doing,
            repository=repository,
            parameters={"per_page": 100},
        )
        classic = self._connection.get(
            _Branch, f"{path}/branches/{name}", doing=doing, repository=repository
        ).protection
        kinds = {one.type for one in rules}
        contexts = {check.context for one in rules if one.parameters for check in one.parameters.required_status_checks}
        if classic.required_status_checks:
            contexts |= set(classic.required_status_checks.contexts)
        return BranchRules(
            pull_request="pull_request" in kinds,
            signatures="required_signatures" in kinds,
            queue="merge_queue" in kinds,
            checks=frozenset(contexts),
            whole=not classic.enabled,
        )

    def ahead(self) -> timedelta:
        """Compare GitHub's clock, as the `Date` of an answer tells it, with ours."""
        return self._connection.ahead()

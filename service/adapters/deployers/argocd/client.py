"""Argo CD as a deployer, by its REST API, one address and one token.

Bootstrap makes one per Argo CD instance; the deploy step refreshes, the watch looks. It asks and reads only: it
never syncs, so a token with `get` on applications is enough. What an observation means is core.deployment's.

`fields=` of the list call is not used: Argo CD serves only a fixed list of fields by it, and neither the
operation's revision, its message nor the conditions are among them
(https://github.com/argoproj/argo-cd/blob/v3.5.7/pkg/apiclient/application/forwarder_overwrite.go).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import requests
import structlog
from pydantic import ValidationError

from service.adapters.deployers.argocd.announcing import ApplicationSets
from service.adapters.deployers.argocd.application_names import mappings, names_of, split_name
from service.adapters.deployers.argocd.listing import Listing, Parameters
from service.adapters.deployers.argocd.observation import (
    closed_windows_of,
    generated_in,
    has_generators,
    observation_of,
    pods_of,
)
from service.errors import PermanentError, RetryableError
from service.ports import Observation, Pods

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 20.0
REFRESH_TIMEOUT = 3.0
"""A refresh marks the application at once; a real Argo CD answers after the comparison, under load after 4 to 7 s."""
ANSWER_LIMIT = 64 * 1024 * 1024
_CHUNK = 256 * 1024
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_NOT_FOUND = 404
_THROTTLED = 429
_SERVER_ERROR = 500
_OK = 200

_log = structlog.get_logger(__name__)


class ArgoCD:
    """One Argo CD instance; `ports.Deployer`. May be used from several threads.

    An application in a namespace of its own is named `namespace/name`.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        web_url: str | None = None,
        ca_file: str | None = None,
        sets: ApplicationSets | None = None,
        timeouts: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT),
        answer_limit: int = ANSWER_LIMIT,
    ) -> None:
        """Keep the address (with the root path, if Argo CD has one) and the token; nothing is asked yet.

        `web_url` is where people open its pages, if that is another address.
        """
        self._url = url.rstrip("/")
        self._web_url = (web_url or url).rstrip("/")
        self._headers = MappingProxyType({"Authorization": f"Bearer {token}", "Accept": "application/json"})
        self._verify: bool | str = ca_file or True
        self._timeouts = timeouts
        self._limit = answer_limit
        self._local = threading.local()
        self._listing = Listing()
        self._sets = sets

    def refresh(self, application: str) -> Observation | None:
        """Tell Argo CD to look at the manifest repository now; PermanentError `argocd-application-unknown`.

        Argo CD marks the application first and answers after the comparison. A slow answer is not waited for, because
        the mark is set.
        """
        namespace, name = split_name(application)
        parameters = {"refresh": "normal"} | ({"appNamespace": namespace} if namespace else {})
        try:
            response = self._get(f"/api/v1/applications/{quote(name, safe='')}", parameters, within=REFRESH_TIMEOUT)
        except requests.exceptions.ReadTimeout:
            _log.info("Argo CD is slow to answer a refresh; it was asked for", application=application)
            return None
        except requests.exceptions.RequestException as error:
            raise self._unreachable(error) from error
        with response:
            if response.status_code in {_FORBIDDEN, _NOT_FOUND}:
                raise PermanentError(
                    f"Argo CD has no application `{application}`, or the token may not see it",
                    code="argocd-application-unknown",
                    hint="compare `argocd` of the configuration with `argocd app list`, "
                    "and give the token's account `applications, get` in the application's project",
                    application=application,
                )
            self._check(response)
            return self._found(response, (namespace, name))

    def announce(self, page: str, branch: str) -> None:
        """Announce a push to the ApplicationSet controller, if its address is known."""
        if self._sets is not None:
            self._sets.announce(page, branch)

    def _found(self, response: requests.Response, asked: tuple[str, str]) -> Observation | None:
        """Read what a refresh found; None if it cannot be read or is another application: the next look will tell."""
        try:
            item = json.loads(self._bounded(response))
            if not isinstance(item, dict) or asked not in names_of(item):
                return None
            return observation_of(item, url=self._page(item))
        except (ValueError, RecursionError, ValidationError, StopIteration, requests.exceptions.RequestException):
            return None

    def look(self, applications: Collection[str]) -> Mapping[str, Observation]:
        """Observe many applications by one list call, few of very many one by one; unknown ones are left out."""
        if not applications:
            return {}
        if not self._listing.one_by_one(applications):
            try:
                observed, listed = self._list(applications, self._listing.parameters(applications))
            except PermanentError as error:
                if error.code != "argocd-answer-too-large":
                    raise
                self._listing.too_large()
            else:
                projects = {name: seen.project for name, seen in observed.items()}
                self._listing.learn(applications, projects, listed=listed)
                return observed
        found: dict[str, Observation] = {}
        for application in applications:
            found.update(self._list([application], {"name": split_name(application)[1]})[0])
        return found

    def _list(self, applications: Collection[str], parameters: Parameters) -> tuple[dict[str, Observation], int]:
        """Observe some applications by one list call; also give how many it listed."""
        wanted: dict[tuple[str, str], list[str]] = {}
        for application in applications:
            wanted.setdefault(split_name(application), []).append(application)
        items = list(mappings(self._json("/api/v1/applications", parameters).get("items")))
        observed: dict[str, Observation] = {}
        try:
            for item in items:
                names = [name for asked in names_of(item) for name in wanted.get(asked, ())]
                if names:
                    seen = self._with_generated(names[0], observation_of(item, url=self._page(item)), item)
                    observed.update(dict.fromkeys(names, seen) if seen is not None else {})
        except ValidationError as error:
            raise self._unexpected("its applications have another shape") from error
        return observed, len(items)

    def _with_generated(self, name: str, seen: Observation, item: Mapping[str, Any]) -> Observation | None:
        """Add the applications that its ApplicationSets generate; None if they cannot be read in this look."""
        if not has_generators(item):
            return seen
        try:
            return replace(seen, children=(*seen.children, *generated_in(self._tree(name))))
        except (RetryableError, PermanentError) as error:
            _log.warning("Argo CD's resource tree could not be read", application=name, error=str(error))
            return None

    def pods(self, application: str) -> Pods:
        """Read from an application's tree of objects how its pods are."""
        try:
            return pods_of(self._tree(application))
        except ValidationError as error:
            raise self._unexpected("its resource tree has another shape") from error

    def _tree(self, application: str) -> Mapping[str, Any]:
        namespace, name = split_name(application)
        path = f"/api/v1/applications/{quote(name, safe='')}/resource-tree"
        return self._json(path, {"appNamespace": namespace} if namespace else {})

    def closed_windows(self, application: str) -> tuple[str, ...]:
        """Give the sync windows that keep the application from being synced automatically now; empty if none does.

        https://github.com/argoproj/argo-cd/blob/v3.5.7/server/application/application.go (GetApplicationSyncWindows)
        """
        namespace, name = split_name(application)
        path = f"/api/v1/applications/{quote(name, safe='')}/syncwindows"
        answer = self._json(path, {"appNamespace": namespace} if namespace else {})
        try:
            return closed_windows_of(answer)
        except ValidationError as error:
            raise self._unexpected("its sync windows have another shape") from error

    def _page(self, item: Mapping[str, Any]) -> str:
        """Give the address of the application's page in Argo CD's own pages."""
        namespace, name = next(names_of(item))
        return f"{self._web_url}/applications/{quote(namespace or 'argocd')}/{quote(name)}"

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
        return session

    def _get(self, path: str, parameters: Parameters, *, within: float = READ_TIMEOUT) -> requests.Response:
        return self._session().get(
            self._url + path,
            params=list(parameters.items()) if isinstance(parameters, Mapping) else list(parameters),
            headers=dict(self._headers),
            timeout=(self._timeouts[0], min(self._timeouts[1], within)),
            verify=self._verify,
            allow_redirects=False,
            stream=True,
        )

    def _json(self, path: str, parameters: Parameters) -> Mapping[str, Any]:
        try:
            with self._get(path, parameters) as response:
                self._check(response)
                text = self._bounded(response)
        except requests.exceptions.RequestException as error:
            raise self._unreachable(error) from error
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._unexpected("its answer is not JSON") from error
        if not isinstance(answer, dict):
            raise self._unexpected("its answer is not an object")
        return answer

    def _bounded(self, response: requests.Response) -> bytes:
        pieces: list[bytes] = []
        size = 0
        for piece in response.iter_content(_CHUNK):
            size += len(piece)
            if size > self._limit:
                raise PermanentError(
                    f"Argo CD's list of applications is over {self._limit} bytes",
                    code="argocd-answer-too-large",
                    hint="give the token's account access only to the projects that Mergeport deploys",
                )
            pieces.append(piece)
        return b"".join(pieces)

    def _check(self, response: requests.Response) -> None:
        """Raise one of our errors for every answer that is not 200."""
        status = response.status_code
        if status == _OK:
            return
        if status == _UNAUTHORIZED:
            raise PermanentError(
                "Argo CD refused the token",
                code="argocd-token-refused",
                hint="make a new one with `argocd account generate-token` and put it into the settings",
            )
        if status == _FORBIDDEN:
            raise PermanentError(
                "Argo CD's token may not read applications",
                code="argocd-permission-missing",
                hint="give its account `applications, get` in Argo CD's RBAC policy",
            )
        if status == _THROTTLED or status >= _SERVER_ERROR:
            raise RetryableError(
                f"Argo CD answered {status}",
                code="argocd-unavailable",
                retry_after=_seconds(response.headers.get("Retry-After")),
            )
        raise self._unexpected(f"it answered {status}")

    def _unexpected(self, what: str) -> PermanentError:
        return PermanentError(
            f"This is not Argo CD's API: {what}",
            code="argocd-unexpected-answer",
            hint="check the address in the settings; it is Argo CD's own address, with its root path if it has one",
        )

    def _unreachable(self, error: requests.exceptions.RequestException) -> RetryableError | PermanentError:
        if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
            return PermanentError(
                "Argo CD's certificate is not trusted",
                code="argocd-certificate-refused",
                hint="name its certificate authority's file in MERGEPORT_CA_FILE",
            )
        if isinstance(error, requests.exceptions.Timeout):
            return RetryableError("Argo CD did not answer in time", code="argocd-timeout")
        if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema)):
            return self._unexpected("the address is invalid")
        return RetryableError("Argo CD cannot be reached", code="argocd-unreachable", hint="check whether it is up")


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.isdigit() else None

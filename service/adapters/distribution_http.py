"""HTTP as OCI registries speak it: challenges, tokens, size caps, and our errors for theirs.

The client of `distribution` sends through this. It knows nothing of images, never sends a credential
to a host that is not the registry's own or its token service's, and never repeats a request that changes something.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from service.adapters.distribution_errors import bad_answer, refusal, too_large, unavailable, without_tls
from service.adapters.distribution_parts import Challenge, Header, PiecedBody, basic
from service.adapters.urls import parts_of
from service.ports import Credentials

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 30.0
_NOT_FOUND = 404
_SMALL = 256 * 1024
_CHUNK = 64 * 1024
_LONGEST_STREAM = 1800.0
"""Seconds for one blob, however slowly it comes."""


class CredentialSource(Protocol):
    """Gives the registry's credentials; with `renew`, newer ones than before if there are any."""

    def __call__(self, *, renew: bool = False) -> Credentials | None:
        """Give them, or None for a registry that everybody may read."""
        ...


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds for the connection, for silence while reading, and for the whole of one answer."""

    connect: float = CONNECT_TIMEOUT
    read: float = READ_TIMEOUT
    whole: float = 2 * READ_TIMEOUT


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was read: a 2xx, or a 404, whose meaning the caller decides."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def found(self) -> bool:
        """Whether the thing asked for is there."""
        return self.status != _NOT_FOUND


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | PiecedBody | None = None
    limit: int = _SMALL

    @property
    def reads(self) -> bool:
        """Whether the request changes nothing, so that it may be sent again."""
        return self.method in {"GET", "HEAD"}


class RegistryHttp:
    """Requests to one registry, from any thread; each thread has its own session."""

    def __init__(
        self,
        host: str,
        credentials: CredentialSource,
        *,
        insecure: bool = False,
        timeouts: Timeouts | None = None,
        ca_file: Path | None = None,
    ) -> None:
        """Take the host as it is reached; `insecure` means plain HTTP. `ca_file` None trusts the usual authorities."""
        self.host = host
        self.base = f"{'http' if insecure else 'https'}://{host}"
        self._insecure = insecure
        self._credentials = credentials
        self._timeouts = timeouts or Timeouts()
        self._verify: bool | str = str(ca_file) if ca_file else True
        self._threads = threading.local()
        self._challenge: Challenge | None = None
        self._tokens: dict[str, str] = {}

    def request(
        self,
        method: str,
        path: str,
        *,
        scope: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit: int = _SMALL,
    ) -> Answer:
        """Send a request, answering a challenge once, and give a 2xx or 404; all else is raised as one of our errors.

        `path` may be an absolute address that the registry gave; `scope` is a token's, as
        https://distribution.github.io/distribution/spec/auth/scope/ has it.
        """
        request = _Request(method, urljoin(self.base, path), headers or {}, body, limit)
        used = self._authorize(self._learned(), scope)
        answer = self._send(request, used)
        if answer.status in {requests.codes.unauthorized, requests.codes.forbidden}:
            renewed = self._renewed(answer, scope)
            if renewed not in {None, used}:
                answer = self._send(request, renewed or "")
        if answer.status < requests.codes.multiple_choices or not answer.found:
            return answer
        raise refusal(self.host, answer.status, answer.headers, answer.content)

    def pieces(self, path: str, *, scope: str, length: int) -> Iterator[bytes]:
        """Read a large answer in pieces of at most a length; any other answer than a success is raised."""
        request = _Request("GET", urljoin(self.base, path), {"Accept-Encoding": "identity"})
        used = self._authorize(self._learned(), scope)
        try:
            response = self._open(request, Header(used))
            if response.status_code in {requests.codes.unauthorized, requests.codes.forbidden}:
                answer = self._answered(response, request)
                response = self._open(request, Header(self._renewed(answer, scope) or used))
            if response.status_code >= requests.codes.multiple_choices:
                answer = self._answered(response, request)
                raise refusal(self.host, answer.status, answer.headers, answer.content)
            with closing(response):
                ends = time.monotonic() + _LONGEST_STREAM
                while piece := response.raw.read(length, decode_content=True):
                    if time.monotonic() > ends:
                        raise requests.ReadTimeout(f"the answer took more than {_LONGEST_STREAM:g} s")
                    yield piece
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise unavailable(self.host, error) from error

    def send_pieces(self, path: str, pieces: Iterator[bytes], size: int, *, scope: str) -> Answer:
        """Send a large body by PATCH as its pieces come, once; the caller has just been let in for the scope."""
        headers = {"Content-Type": "application/octet-stream"}
        request = _Request("PATCH", urljoin(self.base, path), headers, PiecedBody(pieces, size) if size else b"")
        answer = self._send(request, self._authorize(self._learned(), scope))
        if answer.status < requests.codes.multiple_choices:
            return answer
        raise refusal(self.host, answer.status, answer.headers, answer.content)

    def _learned(self) -> Challenge:
        """Ask the registry once how it wants its clients to present themselves."""
        if self._challenge is None:
            ping = self._send(_Request("GET", f"{self.base}/v2/"), "")
            if ping.status == requests.codes.too_many_requests or ping.status >= requests.codes.server_error:
                raise refusal(self.host, ping.status, ping.headers, ping.content)
            self._challenge = Challenge.parse(ping.headers.get("WWW-Authenticate", ""))
        return self._challenge

    def _renewed(self, answer: Answer, scope: str) -> str | None:
        """Give the header that answers a refusal, or None if the refusal asks for nothing new."""
        asked = answer.headers.get("WWW-Authenticate")
        if asked:
            self._challenge = Challenge.parse(asked)
        elif self._learned().scheme == "bearer":
            return None
        return self._authorize(self._learned(), scope, renew=True)

    def _authorize(self, challenge: Challenge, scope: str, *, renew: bool = False) -> str:
        """Make the header for a scope; a bearer token is remembered until it is refused."""
        match challenge.scheme:
            case "basic":
                return basic(self._credentials(renew=renew))
            case "bearer":
                token = None if renew else self._tokens.get(scope)
                if token is None:
                    token = self._token(challenge, scope, self._credentials(renew=renew))
                    self._tokens[scope] = token
                return f"Bearer {token}"
            case _:
                return ""

    def _token(self, challenge: Challenge, scope: str, credentials: Credentials | None) -> str:
        """Fetch a token as described in https://distribution.github.io/distribution/spec/auth/token/."""
        if parts_of(challenge.realm).scheme != "https" and not self._insecure:
            raise without_tls(self.host)
        query = requests.Request("GET", challenge.realm, params={"service": challenge.service, "scope": scope})
        url = query.prepare().url or challenge.realm
        answer = self._send(_Request("GET", url), basic(credentials), ours=False)
        if answer.status != requests.codes.ok:
            raise refusal(self.host, answer.status, answer.headers, answer.content)
        try:
            told = json.loads(answer.content)
            return str(told.get("token") or told["access_token"])
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise bad_answer(self.host, "a token service's answer without a token") from error

    def _send(self, request: _Request, authorization: str, *, ours: bool = True) -> Answer:
        """Send once. A read whose connection broke is sent once more, because the server may have closed an idle one.

        `ours` is False for the token service, which is another host but gets the credentials too.
        """
        header = Header(authorization if not ours or urlsplit(request.url).netloc == self.host else "")
        for last in (False, True) if request.reads else (True,):
            try:
                return self._answered(self._open(request, header), request)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                if last or isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
                    raise unavailable(self.host, error) from error
        raise AssertionError("the loop above returns or raises")

    def _open(self, request: _Request, header: Header) -> requests.Response:
        """Send, and give the answer with its body unread."""
        return self._session().request(
            request.method,
            request.url,
            auth=header,
            headers=dict(request.headers),
            data=request.body,
            timeout=(self._timeouts.connect, self._timeouts.read),
            stream=True,
            verify=self._verify,
            allow_redirects=request.reads,
        )

    def _answered(self, response: requests.Response, request: _Request) -> Answer:
        """Read the whole answer, and let the connection go."""
        with closing(response):
            content = b"" if request.method == "HEAD" else self._read(response, request.limit)
        return Answer(response.status_code, response.headers, content)

    def _session(self) -> requests.Session:
        if not hasattr(self._threads, "session"):
            session = requests.Session()
            session.headers["User-Agent"] = "mergeport"
            session.max_redirects = 5
            self._threads.session = session
        found: requests.Session = self._threads.session
        return found

    def _read(self, response: requests.Response, limit: int) -> bytes:
        """Read the body up to a largest size and within a total time, even if it comes slowly."""
        ends = time.monotonic() + self._timeouts.whole
        content = bytearray()
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            content += chunk
            if len(content) > limit:
                raise too_large(self.host, limit)
            if time.monotonic() > ends:
                raise requests.ReadTimeout(f"the answer took more than {self._timeouts.whole:g} s")
        return bytes(content)

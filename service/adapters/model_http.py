"""JSON requests to a model registry, bounded in time and size, with failures as the errors that callers know.

Called by the registries' adapters. It follows no redirect, so that a credential goes nowhere else.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from service.errors import LimitedError, PermanentError, RetryableError

CONNECT_SECONDS, SECONDS = 5.0, 20.0
MOST_BYTES = 8_000_000
_REDIRECTS = 300
"""Below it is success; a redirect is none, because it is not followed."""
_NOT_FOUND = "RESOURCE_DOES_NOT_EXIST"
_TOO_MANY, _DENIED, _MISSING, _SERVER = 429, (401, 403), 404, 500


class ModelHttp:
    """One registry's address, with its credential."""

    def __init__(self, url: str, credential: str = "", *, ca_file: str | None = None) -> None:
        """Take the address, and a token, or `USER:PASSWORD`, or nothing."""
        self._url = url.rstrip("/")
        self._host = urlsplit(url).netloc
        self._session = requests.Session()
        self._session.trust_env = False
        if ca_file is not None:
            self._session.verify = ca_file
        user, colon, password = credential.partition(":")
        if colon:
            self._session.auth = (user, password)
        elif credential:
            self._session.headers["Authorization"] = f"Bearer {credential}"

    def ask(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: object = None
    ) -> dict[str, Any] | None:
        """Give the answer's JSON object; None if the registry says that what was named does not exist."""
        status, data = self._sent(method, path, query, body)
        told = _object(data)
        if status < _REDIRECTS:
            if told is None:
                raise RetryableError(
                    f"{self._host} answered {path} with something that is no JSON object",
                    code="model-registry-strange",
                    hint="is the url that of the registry itself, and not of a page or a proxy before it?",
                )
            return told
        if told is not None and told.get("error_code") == _NOT_FOUND:
            return None
        raise self._refused(path, status, told)

    def read(self, path: str, *, most: int = MOST_BYTES) -> bytes | None:
        """Give the bytes of a file; None if there is none."""
        status, data = self._sent("GET", path, None, None, most)
        if status < _REDIRECTS:
            return data
        if status == _MISSING:
            return None
        raise self._refused(path, status, _object(data))

    def _sent(
        self, method: str, path: str, query: Mapping[str, str] | None, body: object, most: int = MOST_BYTES
    ) -> tuple[int, bytes]:
        until = time.monotonic() + SECONDS
        try:
            with self._session.request(
                method, f"{self._url}{path}", params=query, json=body, timeout=(CONNECT_SECONDS, SECONDS), stream=True,
                allow_redirects=False,
            ) as answer:  # fmt: skip
                if answer.status_code == _TOO_MANY:
                    raise LimitedError(
                        f"{self._host} takes no more requests for now",
                        code="model-registry-limited",
                        retry_after=_seconds(answer.headers.get("Retry-After")),
                    )
                return answer.status_code, self._bytes(answer, until, most)
        except (requests.RequestException, OSError) as error:
            raise RetryableError(
                f"{self._host} could not be asked: {_why(error)}",
                code="model-registry-unreachable",
                hint="check model_registries and that the worker reaches it",
            ) from error

    def _bytes(self, answer: requests.Response, until: float, most: int) -> bytes:
        """Read an answer that may be endless, or come byte by byte."""
        parts, size = [], 0
        for part in answer.iter_content(65_536):
            size += len(part)
            parts.append(part)
            if size > most or time.monotonic() > until:
                what = "is too long" if size > most else "takes too long"
                raise RetryableError(f"an answer of {self._host} {what}", code="model-registry-unreachable")
        return b"".join(parts)

    def _refused(self, path: str, status: int, told: dict[str, Any] | None) -> PermanentError | RetryableError:
        words = str(told.get("message") or told.get("error_code") or "")[:200] if told else ""
        said = f"{self._host} answered {path} with {status}{f': {words}' if words else ''}"
        if status in _DENIED:
            return PermanentError(
                said,
                code="model-registry-denied",
                hint="the credential that model_registries names must be allowed to read models and to tag versions",
            )
        if status >= _SERVER:
            return RetryableError(said, code="model-registry-unreachable")
        if told is None:
            return RetryableError(said, code="model-registry-strange", hint="is the url that of the registry itself?")
        return PermanentError(said, code="model-registry-refused", hint="the registry's log says why")


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None


def _why(error: Exception) -> str:
    if isinstance(error, requests.Timeout):
        return "it does not answer in time"
    return str(error)[:200] or type(error).__name__

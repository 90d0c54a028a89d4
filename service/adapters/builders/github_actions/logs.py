"""Fetches the log of a job from where GitHub keeps it: another host than the API's, which is told no token of ours.

Called by the builder. A log may have any size; its end is what counts, and so much of it is kept.
https://docs.github.com/en/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run
"""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

LONGEST = 256 * 1024
TIMEOUT = (5, 15)
WHOLE_SECONDS = 30.0
SILENT_SECONDS = 60.0
_CHUNK = 64 * 1024


class _NoLogin(AuthBase):
    """Adds nothing, and so keeps requests from reading a netrc file."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class LogHosts:
    """The hosts that keep logs. One that was silent is left alone for a while, so that it delays one build, not all."""

    def __init__(
        self,
        *,
        verify: bool | str,
        tls: bool,
        timeout: tuple[float, float] = TIMEOUT,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Say whom to trust; with `tls` an address without it is not asked. Nothing is asked yet."""
        self._verify, self._tls = verify, tls
        self._timeout, self._now = timeout, now
        self._silent: dict[str, float] = {}

    def fetch_end(self, url: str) -> str:
        """Give the end of the text at an address; where it cannot be had, words that say so. Never raises.

        A log that cannot be read holds no build up: networks often let the API through and nothing else.
        """
        host = urlsplit(url).hostname or "nowhere"
        if self._tls and not url.startswith("https://"):
            return f"[the log is not read: {host} is not asked without TLS]"
        if self._now() < self._silent.get(host, 0.0):
            return f"[the log is not read: {host} did not answer a moment ago; it is on the page above]"
        try:
            kept, more = _read(url, self._verify, self._timeout)
        except (requests.exceptions.RequestException, ValueError) as error:
            if isinstance(error, requests.exceptions.Timeout | requests.exceptions.ConnectionError):
                self._silent = {host: self._now() + SILENT_SECONDS}
            return f"[the log cannot be read from {host}: {type(error).__name__}; it is on the page above]"
        text = kept.decode(errors="replace")
        return f"[log cut here: it is too long]\n{text.partition(chr(10))[2]}" if more else text


def _read(url: str, verify: bool | str, timeout: tuple[float, float]) -> tuple[bytes, bool]:
    ends_at = time.monotonic() + WHOLE_SECONDS
    kept, more = b"", False
    with requests.get(
        url, auth=_NoLogin(), stream=True, timeout=timeout, verify=verify, allow_redirects=False
    ) as answer:
        answer.raise_for_status()
        for chunk in answer.iter_content(_CHUNK):
            kept += chunk
            if len(kept) > LONGEST:
                kept, more = kept[-LONGEST:], True
            if time.monotonic() > ends_at:
                raise requests.exceptions.ReadTimeout
    return kept, more

"""Turns a registry's refusals, silences and wrong answers into our errors.

Used by the `distribution` client alone. Decides by status and by the specification's error codes, never by
the text of a message, and never repeats a body in an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import requests

from service.errors import DoubtfulError, MergeportError, PermanentError, RetryableError


def refusal(host: str, status: int, headers: Mapping[str, str], content: bytes) -> MergeportError:
    """Make the error of an answer that is neither a success nor `not found`."""
    codes = _codes(content)
    told = f"{status} {' '.join(codes)}".strip()
    if status in {requests.codes.unauthorized, requests.codes.forbidden}:
        return refused(host, told)
    if status == requests.codes.too_many_requests:
        return RetryableError(
            f"Registry {host} asks us to slow down: {told}.",
            code="registry-throttled",
            retry_after=_seconds(headers),
            registry=host,
        )
    if status >= requests.codes.internal_server_error or status == requests.codes.request_timeout:
        return RetryableError(
            f"Registry {host} has an error: {told}.",
            code="registry-unavailable",
            retry_after=_seconds(headers),
            registry=host,
        )
    if "TAG_INVALID" in codes:
        return immutable(host)
    return bad_answer(host, f"the answer {told}")


def refused(host: str, told: str) -> DoubtfulError:
    """Make the error of wrong or insufficient credentials. It may pass, because tokens may run out early."""
    return DoubtfulError(
        f"Registry {host} refused the request: {told}.",
        code="registry-refused",
        hint="check the registry's credentials, and that they may pull from and push to this repository",
        registry=host,
    )


def immutable(host: str, reference: str = "the tag") -> PermanentError:
    """Make the error of a tag that names another image and must not be moved."""
    return PermanentError(
        f"Registry {host} does not allow {reference} to move: it already names another image.",
        code="tag-immutable",
        hint="nothing was overwritten; delete the tag there, or use {sha} in the tag",
        registry=host,
    )


def missing_repository(host: str, repository: str) -> DoubtfulError:
    """Make the error of a push to a repository that is not there; one that was just made may not be seen yet."""
    return DoubtfulError(
        f"Registry {host} has no repository {repository}.",
        code="registry-repository-missing",
        hint="create it, or let Mergeport do it with `create: true` on the registry",
        registry=host,
        repository=repository,
    )


def missing_image(host: str, repository: str, digest: str) -> PermanentError:
    """Make the error of an image, or a part of one, that is wanted and not there."""
    return PermanentError(
        f"{repository} in registry {host} has no image {digest}",
        code="image-missing",
        hint="check whether a lifecycle rule or another process deleted it; `mergeport runs retry` builds it",
    )


def damaged(host: str, digest: str) -> RetryableError:
    """Make the error of bytes that are not those that were asked for."""
    return RetryableError(
        f"Registry {host} gave bytes that do not match {digest}.",
        code="registry-damaged",
        hint="a proxy between here and the registry damages its answers",
        registry=host,
    )


def without_tls(host: str) -> PermanentError:
    """Make the error of a token service that would get the credentials unencrypted."""
    return PermanentError(
        f"Registry {host} refused us: its token service is without TLS, so nothing was sent there.",
        code="registry-refused",
        hint="a registry without TLS must be listed among the insecure ones in the settings",
        registry=host,
    )


def too_large(host: str, limit: int) -> DoubtfulError:
    """Make the error of an answer that is larger than any that is asked for. It may pass: pages are large."""
    return DoubtfulError(
        f"Registry {host} gave an answer of more than {limit} bytes.",
        code="registry-answer",
        hint="check that the host in the configuration is a registry",
        registry=host,
    )


def bad_answer(host: str, what: str) -> DoubtfulError:
    """Make the error of an answer that no registry should give. It may pass, for example a proxy's page."""
    return DoubtfulError(
        f"Registry {host} gave {what}.",
        code="registry-answer",
        hint="check that the host in the configuration is a registry",
        registry=host,
    )


def unavailable(host: str, error: Exception) -> MergeportError:
    """Make the error of a registry that is away, silent, or cuts the connection, or has an untrusted certificate."""
    if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return PermanentError(
            f"The certificate of registry {host} is not trusted.",
            code="registry-certificate-refused",
            hint="name its certificate authority's file in MERGEPORT_CA_FILE",
            registry=host,
        )
    hint = "check that the registry is up and reachable from here"
    if isinstance(error, requests.exceptions.SSLError):
        hint = "check its certificate; a registry without TLS must be listed among the insecure ones in the settings"
    return RetryableError(
        f"Registry {host} cannot be reached: {type(error).__name__}.",
        code="registry-unavailable",
        hint=hint,
        registry=host,
    )


def _seconds(headers: Mapping[str, str]) -> float | None:
    told = headers.get("Retry-After", "")
    return float(told) if told.isdecimal() else None


def _codes(content: bytes) -> tuple[str, ...]:
    """Read the codes of the specification's error body; a body of another form has none."""
    try:
        errors = json.loads(content)["errors"]
        return tuple(code for error in errors if re.fullmatch(r"[A-Z_]{1,40}", code := str(error["code"])))
    except (ValueError, KeyError, TypeError):
        return ()

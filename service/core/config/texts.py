"""What single texts of the configuration must look like: names, branches, hosts, files, durations.

Each function gives what the text means, or raises TextError with words and the next action. Called
when the layers have been laid over each other and the placeholders known then are filled in.
"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache

from service.core.platforms import is_platform, normal
from service.core.reserved_files import reserved_for
from service.core.words import Repository

NAME = r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?"
NAME_WORDS = "lower-case letters, digits, - and _, at most 63, beginning and ending with a letter or digit"

_NAME = re.compile(NAME)
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")
_ADDRESS = re.compile(r"(?:https?://|ssh://|git@)[^/:]+[/:](?P<rest>[^/]+/[^/]+?)(?:\.git)?/?")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?")
_IMAGE_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_ARGOCD = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?/)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_REVIEWER = re.compile(r"(?:team:)?[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")
_DURATION = re.compile(r"(?:(?P<days>\d+)d)?(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+)s)?")
_NOT_IN_A_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/$|^/|(?:^|/)\.|\.lock(?:/|$)|\.$|^-|^@$|^HEAD$")
"""https://git-scm.com/docs/git-check-ref-format, and what `git branch` refuses on top."""
_COMMIT = re.compile(r"[0-9a-f]{40}")
_OTHER_NAMES = re.compile(
    r"(?P<kind>(?:refs/)?heads|(?:refs/)?remotes/[^/]+|origin|(?:refs/)?tags|refs(?:/[^/]*)?)/(?P<rest>.*)"
)
"""Prefixes of branches as a clone names them, and of refs that are no branches."""
_LONGEST_REPOSITORY = 255
_LONGEST_ARGOCD = 253
_LONGEST_DEADLINE = timedelta(days=365)
_LONGEST_WINDOW = timedelta(hours=1)


class TextError(ValueError):
    """A text that does not mean what it should, with the next action."""

    def __init__(self, message: str, hint: str = "") -> None:
        """Keep the message and the hint."""
        super().__init__(message)
        self.message = message
        self.hint = hint


def is_name(text: str) -> bool:
    """Tell whether a text can be the name of an application, an environment or an image."""
    return _NAME.fullmatch(text) is not None


def is_part(text: str) -> bool:
    """Tell whether a text can name an application, or a part of one, such as a model: `scorer.fraud`."""
    name, dot, part = text.partition(".")
    return is_name(name) and (is_name(part) if dot else True)


def fit_name(text: str) -> str:
    """Give the name, or a valid one in its place, so that its fault is reported only once and not in every text."""
    return text if is_name(text) else re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].strip("-") or "x"


def repository(text: str) -> Repository:
    """Accept `owner/name`."""
    if _REPOSITORY.fullmatch(text) and not text.endswith((".git", "/.", "/..")):
        return Repository(text)
    address = _ADDRESS.fullmatch(text) or re.fullmatch(r"(?P<rest>[^/:]+/[^/:]+)\.git", text)
    raise TextError(f'expected owner/name, found "{text}"', f"write {address['rest']}" if address else "")


def branch_name(text: str) -> str:
    """Accept the plain name of a branch."""
    check_branch_words(text)
    check_branch(text, text)
    return text


def check_branch_words(text: str, *, pattern: bool = False) -> None:
    """Raise TextError for a branch as a clone names it, and for names that are not branches, such as `refs/tags/`.

    A pattern can still name a branch that really has such a name.
    """
    named = _OTHER_NAMES.fullmatch(text)
    if named is None:
        return
    kind, rest = named["kind"], named["rest"]
    plain = f"write {rest or 'the branch'}"
    really = f", or [{text[0]}]{text[1:]} if a branch really has this name"
    really = really if pattern and not kind.startswith("refs") else ""
    if kind.endswith("heads"):
        raise TextError(f'"{text}" is a ref, not a branch', f"{plain}{really}")
    if kind.endswith("tags"):
        raise TextError(f'"{text}" names tags, and a tag is no branch', f"write a branch{really}")
    if kind == "origin" or "remotes/" in kind:
        raise TextError(
            f'"{text}" is a branch of a remote as a clone names it', f"write {rest or 'the branch'}{really}"
        )
    raise TextError(f'"{text}" is a ref, not a branch', "write a branch")


def check_branch(text: str, shown: str) -> None:
    """Raise TextError for what git does not accept as a branch; `shown` is what people wrote."""
    if _COMMIT.fullmatch(text):
        raise TextError(f'"{shown}" is a commit, not a branch', "write the branch that it is on")
    if not text or _NOT_IN_A_BRANCH.search(text):
        raise TextError(f'"{shown}" cannot be a branch', _hint_for_branch(text))


def _hint_for_branch(text: str) -> str:
    if found := re.search(r"[ ~^:?*\[\\]|\.\.|@\{", text):
        return f"git allows no {'space' if found[0] == ' ' else found[0]} in it"
    if text and not all(text.split("/")):
        return "no / at the beginning or the end, and no two together"
    if text in {"HEAD", "@"}:
        return "write the branch that it stands for"
    return "no part of it may begin with . or end with .lock" if "." in text else ""


def registry_host(text: str) -> str:
    """Accept `host` or `host:port`."""
    bare = re.sub(r"^https?://", "", text).rstrip("/")
    if "/" in bare:
        host, _, rest = bare.partition("/")
        raise TextError(f'"{text}" is more than a host', f'write {host}, and under image "{rest}/{{application}}"')
    if bare != text:
        raise TextError(f'expected a host, found "{text}"', f"write {bare}")
    if not _HOST.fullmatch(text):
        raise TextError(f'"{text}" is not a host', "write host or host:port in lower case")
    if not ("." in text or ":" in text or text == "localhost"):
        raise TextError(
            f'"{text}" has neither a dot nor a port, so image references would not be read as having a host',
            "write host:port",
        )
    return text


def image_repository(text: str) -> str:
    """Accept the name of an image in its registry.

    Grammar: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
    """
    if _IMAGE_REPOSITORY.fullmatch(text) and len(text) <= _LONGEST_REPOSITORY:
        return text
    raise TextError(
        f'"{text}" cannot name an image', "lower-case letters and digits, between them one of . _ __ - or /"
    )


def platform(text: str) -> str:
    """Accept `os/architecture`, or with a variant, and give its one name."""
    if is_platform(text):
        return normal(text)
    bare = "/" not in text and re.fullmatch(r"[a-z0-9_]+", text)
    raise TextError(f'"{text}" is not a platform', f"write linux/{text}" if bare else "write it like linux/arm64")


def argocd_name(text: str) -> str:
    """Accept the name of an Argo CD application, with its namespace in front if that is not Argo CD's own."""
    if _ARGOCD.fullmatch(text) and len(text) <= _LONGEST_ARGOCD:
        return text
    raise TextError(f'"{text}" cannot name an Argo CD application', "lower-case letters, digits, - and .")


def reviewer(text: str) -> str:
    """Accept a login or `team:SLUG`."""
    if _REVIEWER.fullmatch(text):
        return text
    hint = f"write team:{text.rpartition('/')[2]}" if "/" in text else ""
    raise TextError(f'"{text}" is neither a login nor team:SLUG', hint)


def label(text: str) -> str:
    """Accept a label that is not empty."""
    if text.strip():
        return text
    raise TextError("a label cannot be empty")


def values_file(text: str) -> str:
    """Accept a path in the manifest repository that may be written as a values file."""
    parts = text.split("/")
    if text.startswith("/"):
        raise TextError(f'"{text}" is absolute', "write the path from the repository's root, without a leading /")
    if (
        not text
        or not text.isprintable()
        or "\\" in text
        or any(not part.strip() or part in {".", ".."} for part in parts)
    ):
        raise TextError(f'"{text}" is not a path inside the repository', "no empty part, no . and no ..")
    if any(part.casefold() == ".git" for part in parts):
        raise TextError(f'"{text}" is inside .git')
    if owner := reserved_for(text):
        raise TextError(f'"{text}" is never written: it is {owner}', "name a Helm values file")
    return text


@lru_cache(maxsize=256)
def duration(text: str) -> timedelta:
    """Accept a duration such as 90s, 30m, 12h, 30d or 1h30m."""
    found = _DURATION.fullmatch(text)
    if not found or not text:
        raise TextError(f'"{text}" is not a duration', "write 90s, 30m, 12h, 30d or 1h30m")
    try:
        length = timedelta(**{unit: int(number) for unit, number in found.groupdict().items() if number})
    except OverflowError:
        length = timedelta.max
    if not timedelta(0) < length <= _LONGEST_DEADLINE:
        raise TextError(f'"{text}" is not between one second and a year')
    return length


def batch_window(text: str) -> timedelta:
    """Accept a duration of at most an hour."""
    length = duration(text)
    if length > _LONGEST_WINDOW:
        raise TextError(f'"{text}" is longer than an hour', "seconds or minutes: every promotion waits for so long")
    return length


def duration_text(length: timedelta) -> str:
    """Write a duration as people do in the configuration: 1h30m."""
    seconds = int(length.total_seconds())
    written = ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        written += f"{count}{unit}" if count else ""
    return written

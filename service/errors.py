"""Every error of Mergeport, as one tree. Imports nothing of ours.

MergeportError                  what happened, a hint (the next action), a kebab-case code
├─ SettingsError                the process settings are wrong; all faults at once
├─ ConfigError                  mergeport.yaml is wrong; all faults at once, each with file, line and key
├─ DeliveryError                a webhook request that is refused; carries the HTTP status
├─ ValuesEditError              a values file that is not edited, with file, line, column and the text there
├─ NotFoundError                a run, delivery or application that the command names and that does not exist
├─ RetryableError               the same call may work later: network, throttling, a server's 5xx
│  ├─ DoubtfulError             a 404, a refused token, a foreign page: believed only when it lasts
│  ├─ LimitedError              the other side takes no more calls for now: asked again for as long as it is wanted
│  └─ NotStartedError           a start elsewhere that is refused for now, so that nothing has begun
│     └─ BusyError              refused because there is no room: asked again for as long as it is wanted
└─ PermanentError               it will not work again unless a person changes something

A step decides by type alone whether to try again. A library's own exceptions stop at its adapter and
come out as one of these. An exception outside this tree is a bug of ours and is shown as one.
"""

from __future__ import annotations

from dataclasses import dataclass


class MergeportError(Exception):
    """What happened in one sentence, what to do next, and the identifiers as fields.

    `code` is kebab-case, stable, and found in docs/errors.md. `fields` are ids and names for logs and
    `--json`; never bodies, tokens or addresses with credentials.
    """

    def __init__(self, message: str, *, code: str, hint: str = "", **fields: str | int | None) -> None:
        """Keep the sentence, its code, the next action and the identifiers."""
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint
        self.fields = {name: value for name, value in fields.items() if value is not None}

    def __str__(self) -> str:
        """Give the sentence and the hint on one line, as the command line and the pages show it."""
        return f"{self.message} ({self.hint})" if self.hint else self.message


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a file or in the settings: where, what, and the next action."""

    where: str
    message: str
    hint: str = ""
    line: int | None = None
    column: int | None = None
    key: str = ""

    def __str__(self) -> str:
        """Give `file:line:column: key: message (hint)`, leaving out what is not known."""
        place = ":".join(str(part) for part in (self.where, self.line, self.column) if part is not None)
        named = f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"
        return f"{named} ({self.hint})" if self.hint else named


class _FaultsError(MergeportError):
    """Several faults found in one pass."""

    def __init__(self, message: str, faults: list[Fault], *, code: str, hint: str = "") -> None:
        super().__init__(message, code=code, hint=hint)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  {fault}" for fault in self.faults)])


class SettingsError(_FaultsError):
    """The process settings are wrong."""


class ConfigError(_FaultsError):
    """The configuration is wrong."""


class DeliveryError(MergeportError):
    """A webhook request that is refused; `status` is the HTTP status of the answer."""

    def __init__(self, message: str, *, status: int, code: str, hint: str = "") -> None:
        """Keep the HTTP status beside the words."""
        super().__init__(message, code=code, hint=hint, status=status)
        self.status = status


class ValuesEditError(MergeportError):
    """A values file is refused as it was found; nothing was written."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        hint: str = "",
        file: str = "",
        path: str = "",
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        """Keep where in the file it is; `line` and `column` count from 1."""
        super().__init__(message, code=code, hint=hint, file=file, path=path, line=line, column=column)

    def __str__(self) -> str:
        """Give `file:line:column: message (hint)`."""
        place = ":".join(str(self.fields[name]) for name in ("file", "line", "column") if self.fields.get(name))
        return f"{place}: {super().__str__()}" if place else super().__str__()


class NotFoundError(MergeportError):
    """What a command names is not there."""


class RetryableError(MergeportError):
    """The same call may work later; `retry_after` is in seconds, or None to let the caller choose."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        hint: str = "",
        retry_after: float | None = None,
        **fields: str | int | None,
    ) -> None:
        """Keep the pause that the other side asked for, if it did."""
        super().__init__(message, code=code, hint=hint, **fields)
        self.retry_after = retry_after


BELIEVED_AFTER_SECONDS = 300.0
"""How long an error that may pass must last before it is believed."""


class DoubtfulError(RetryableError):
    """Mostly a person must change something, but the error may also pass by itself after a moment.

    For example, a lagging replica answers 404, a new token is refused for a moment, or a proxy answers with a page. The
    call is repeated, and people see why. An error that lasts for BELIEVED_AFTER_SECONDS is believed.
    """


class LimitedError(RetryableError):
    """The other side takes no more calls for now; nothing is wrong, and the call goes out after `retry_after`.

    Its words say until when, and stand for themselves. However often it comes, it is no reason to give up.
    """


class NotStartedError(RetryableError):
    """A start elsewhere was refused for now: nothing has begun there, and the start may be asked for again later."""


class BusyError(NotStartedError):
    """There is no room for it now; once there is, the same start works, and so it is asked for again without an end."""


class PermanentError(MergeportError):
    """It will not work unless a person changes something; the hint says what."""

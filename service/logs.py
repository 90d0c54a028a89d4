"""Logging: structlog for our own words and for every library's, in one shape, with secrets taken out.

Called once by each command that keeps running. An event is a constant sentence, data are fields. Never
logs bodies or queries; whatever looks like a secret is replaced last, after tracebacks became text.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from itertools import islice
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from service.core.secret_looking import REDACTED, masked
from service.core.visible import visible

_LONGEST, _LONGEST_TRACE, _MOST_LOOKED_AT = 2000, 20_000, 200_000
_TRACES = {"exception", "stack"}
_MOST_PARTS = 100
_BEGINNING, _REPEAT_SECONDS = 30, 60.0
_LARGE_NUMBER = 10**30
"""The most characters of a text, so that people and log collectors can handle any line."""

_SECRET_KEYS = re.compile(r"(?i)(^|_)(authorization|cookie|credentials?|password|secret|secrets|token|private_?key)$")


def redact(text: str) -> str:
    """Replace whatever looks like a secret in a text."""
    return masked(text)


def redact_event(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:  # noqa: ARG001 - structlog's signature
    """Take secrets out of an event, in whatever field they are."""
    return {key: _redacted(value, key) for key, value in list(event.items())[:_MOST_PARTS]}


def _redacted(value: Any, key: str = "") -> Any:  # noqa: ANN401 - a field's value is anything
    if key and _SECRET_KEYS.search(key) and value not in (None, ""):
        return REDACTED
    if isinstance(value, str):
        return _bounded(value, _LONGEST_TRACE if key in _TRACES else _LONGEST)
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, Mapping):
        return {_bounded(str(name), _LONGEST): _redacted(part, str(name)) for name, part in _first(value.items())}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(part) for part in _first(value)]
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and abs(value) < _LARGE_NUMBER:
        return value
    return _bounded(str(value) if not isinstance(value, int) else "a number of many digits", _LONGEST)


def _first(parts: Iterable[Any]) -> list[Any]:
    return list(islice(parts, _MOST_PARTS))


def _bounded(text: str, most: int) -> str:
    """Take secrets out of a text, and cut out the middle of a very long one."""
    if len(text) > _MOST_LOOKED_AT:  # this may cut a secret in two, so only the beginning is shown
        return f"{visible(redact(text[:_MOST_LOOKED_AT])[:most])} […of {len(text)} characters]"
    told, half = visible(redact(text)), most // 2
    return told if len(told) <= most else f"{told[:half]} […of {len(told)} characters…] {told[-half:]}"


def configure(log_format: str = "console", level: str = "info", *, stream: TextIO | None = None) -> None:
    """Send all logging of this process to one stream (standard error), as `console` lines or as `json`."""
    stream = stream or sys.stderr
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before[:1], structlog.stdlib.PositionalArgumentsFormatter(), *before[1:]],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact_event,
                _renderer(log_format, colors=stream.isatty()),
            ],
        )
    )
    handler.addFilter(_NowAndThen("dbos"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("alembic", "dbos", "urllib3", "botocore", "boto3", "s3transfer", "git"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


class _NowAndThen(logging.Filter):
    """Lets a repeated message of a library through once a minute; it reports an absent database every second."""

    def __init__(self, library: str) -> None:
        """Take the name of the library's logger."""
        super().__init__()
        self._library = library
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether to log a message: always for other loggers. Messages that begin alike count as the same."""
        if record.name.partition(".")[0] != self._library:
            return True
        about, now = f"{record.levelno}:{record.getMessage()[:_BEGINNING]}", time.monotonic()
        if now - self._said.get(about, float("-inf")) < _REPEAT_SECONDS:
            return False
        if len(self._said) > _MOST_PARTS:
            self._said.clear()
        self._said[about] = now
        return True


def _renderer(log_format: str, *, colors: bool) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(
        colors=colors, exception_formatter=structlog.dev.plain_traceback, pad_event_to=40, sort_keys=False
    )


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logger = structlog.stdlib.get_logger("mergeport")
    logger.critical("an error that nothing caught", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is None or issubclass(told.exc_type, SystemExit):
        return
    thread = told.thread.name if told.thread else ""
    logger = structlog.stdlib.get_logger("mergeport")
    logger.critical(
        "an error that nothing caught",
        thread=thread,
        exc_info=(told.exc_type, told.exc_value, told.exc_traceback),
    )

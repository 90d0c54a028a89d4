"""Renders templates of people's in a process of their own, which has bounds on time and memory and nothing of ours.

Built by bootstrap. Jinja's sandbox keeps a template from everything but its data, and the bounds keep it from taking
the worker's time and memory. This file is also the program of that process.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from service.core.pull_request_template import TemplateFaultError, render_template
from service.core.reserved_files import TEMPLATE_FILE
from service.errors import PermanentError

SECONDS = 5.0
MEMORY = 512 * 1024 * 1024


class SandboxedTemplates:
    """Templates rendered one by one, each in a new process."""

    def __init__(self, *, seconds: float = SECONDS) -> None:
        """Take the time that a template may take."""
        self._seconds = seconds

    def render(self, template: str, context: Mapping[str, Any]) -> str:
        """Give the text; PermanentError `template-invalid` says where it fails."""
        asked = json.dumps({"template": template, "context": context}).encode()
        argv = [sys.executable, "-I", "-m", __name__, str(MEMORY), str(int(self._seconds) + 1)]
        try:
            process = subprocess.Popen(
                argv,
                cwd=Path(sys.prefix),
                env={"LC_ALL": "C.UTF-8"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise _invalid(TemplateFaultError(f"it cannot be rendered here: {error.strerror}")) from None
        try:
            output, _ = process.communicate(asked, timeout=self._seconds)
        except subprocess.TimeoutExpired:
            raise _invalid(TemplateFaultError(f"it took longer than {self._seconds:g} s")) from None
        finally:
            _end(process)
        return _answer(output)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()


def _answer(output: bytes) -> str:
    try:
        told = json.loads(output)
    except ValueError:
        raise _invalid(TemplateFaultError("it needs too much time or memory")) from None
    if "text" in told:
        return str(told["text"])
    raise _invalid(TemplateFaultError(told["fault"], told["line"]))


def _invalid(fault: TemplateFaultError) -> PermanentError:
    return PermanentError(
        str(fault), code="template-invalid", hint=f"correct {TEMPLATE_FILE}; `mergeport config check` reads it too"
    )


def main(memory: int, seconds: int) -> None:
    """Render the template on the standard input, and write the text or the fault."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asked = json.load(sys.stdin)
    try:
        answer: dict[str, object] = {"text": render_template(asked["template"], asked["context"])}
    except TemplateFaultError as fault:
        answer = {"fault": fault.message, "line": fault.line}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

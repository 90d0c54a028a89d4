"""Searches files for plain secrets in a process of its own, which has bounds on time and memory and nothing of ours.

Built by bootstrap, and called by `mergeport config check`. Expressions can hang and cannot be interrupted; the process
can. This file is also the program of that process, and only that loads detect-secrets.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from service.core.plain_secrets import Finding, find_plain_secrets
from service.errors import PermanentError

SECONDS = 20.0
MEMORY = 1024 * 1024 * 1024
MOST_FINDINGS = 200


class ProcessSecretDetector:
    """Each search in a new process."""

    def __init__(self, *, seconds: float = SECONDS) -> None:
        """Take the time that a search may take."""
        self._seconds = seconds

    def search(self, files: Mapping[str, bytes]) -> Sequence[Finding]:
        """Give what looks like a secret; PermanentError `secrets-not-searched` where the search did not end well."""
        if not files:
            return ()
        asked = json.dumps({name: content.decode("utf-8", "replace") for name, content in files.items()}).encode()
        argv = [sys.executable, "-I", "-m", __name__, str(MEMORY), str(int(self._seconds) + 1)]
        try:
            ended = subprocess.run(
                argv,
                check=False,
                cwd=Path(sys.prefix),
                env={"LC_ALL": "C.UTF-8"},
                input=asked,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=self._seconds,
            )
        except OSError as error:
            raise _not_searched(f"the detector does not start: {error.strerror}") from None
        except subprocess.TimeoutExpired:
            raise _not_searched(f"the detector took longer than {self._seconds:g} s") from None
        try:
            return [Finding(**one) for one in json.loads(ended.stdout)]
        except (ValueError, TypeError):
            raise _not_searched(f"the detector broke off with status {ended.returncode}") from None


def _not_searched(why: str) -> PermanentError:
    return PermanentError(
        f"plain secrets were not looked for: {why}",
        code="secrets-not-searched",
        hint="`mergeport config check` searches again; look through the changed values files until it ends well",
    )


def main(memory: int, seconds: int) -> None:
    """Search the files on the standard input, and write the findings."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from service.adapters.secret_forms import DetectSecretsForms  # noqa: PLC0415 - only this process loads the library

    forms = DetectSecretsForms()
    found: list[Finding] = []
    for name, text in json.load(sys.stdin).items():
        found += find_plain_secrets(name, text, forms)
        if len(found) >= MOST_FINDINGS:
            break
    json.dump([asdict(one) for one in found[:MOST_FINDINGS]], sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

"""Ask a running Mergeport what it must answer: `answers.py PUBLIC PRIVATE [SECONDS]`, two addresses without a path.

It asks again for so many seconds while something is not as it should be, then exits with 1 and says what. `helm test`
runs it.
"""

from __future__ import annotations

import json
import sys
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

PATIENCE_SECONDS = 60.0


def ask(address: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Give the status and the text of an answer; the status is 0 where nobody answers."""
    # The private listener answers to the names in MERGEPORT_URL and to localhost, not to a Service's name.
    headers = {"Host": "localhost", "Content-Type": "application/json", "X-GitHub-Event": "ping"}
    try:
        with urlopen(Request(address, data=body, headers=headers), timeout=10) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()
    except OSError as error:
        return 0, str(error).encode()


def faults(public: str, private: str) -> list[str]:
    """Say what is not answered as it must be."""
    found = []
    for name, address, body, wanted in (
        ("the public port is alive", f"{public}/healthz", None, 200),
        ("a delivery without a signature is refused", f"{public}/webhooks/github", b"{}", 401),
        ("pages are not on the public port", f"{public}/runs", None, 404),
        ("it is ready: database, tables, a worker that is alive", f"{private}/readyz", None, 200),
        ("metrics are on the private port", f"{private}/metrics", None, 200),
    ):
        status, text = ask(address, body)
        if status != wanted:
            found.append(f"{name}: {address} answers {status}, not {wanted}: {text[:500].decode(errors='replace')}")
    return found


def main() -> int:
    """Ask until everything is as it must be, or the time is over."""
    public, private, *patience = sys.argv[1:]
    until = time.monotonic() + float(patience[0] if patience else PATIENCE_SECONDS)
    while (found := faults(public, private)) and time.monotonic() < until:
        time.sleep(2)
    print(json.dumps({"public": public, "private": private, "faults": found}, indent=2))
    return 1 if found else 0


sys.exit(main())

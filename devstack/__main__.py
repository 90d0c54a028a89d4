"""`python -m devstack`: the whole devstack in the foreground, until Ctrl-C or SIGTERM.

Prints the settings with which Mergeport lives in it, as lines for a shell. Options: a directory for the state (default
a temporary one, removed at the end) and `--environment FILE`, which receives the same lines.
"""

from __future__ import annotations

import argparse
import queue
import shlex
import signal
import sys
import tempfile
from pathlib import Path

from devstack.ecr import EcrMissingError
from devstack.stack import Devstack


def main(arguments: list[str] | None = None) -> int:
    """Run the devstack until it is told to end."""
    parser = argparse.ArgumentParser(prog="python -m devstack", description="An offline GitHub, ECR and Argo CD.")
    parser.add_argument("directory", nargs="?", type=Path, help="where the state goes (default: a temporary directory)")
    parser.add_argument("--environment", type=Path, metavar="FILE", help="write the settings there as well")
    options = parser.parse_args(arguments)
    asked: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: asked.put(number))
    with tempfile.TemporaryDirectory(prefix="devstack-") as scratch:
        try:
            stack = Devstack(options.directory or Path(scratch))
        except EcrMissingError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        with stack:
            lines = "".join(f"export {key}={shlex.quote(text)}\n" for key, text in stack.environment().items())
            if options.environment:
                options.environment.write_text(lines, encoding="utf-8")
            sys.stdout.write(f"{lines}# running; Ctrl-C ends it\n")
            sys.stdout.flush()
            asked.get()
    return 0


if __name__ == "__main__":
    sys.exit(main())

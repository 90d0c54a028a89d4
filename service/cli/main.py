"""The `mergeport` command: finds the subcommand, prints known errors in one line and a hint.

Subcommands are imported when they are called, so that `values` and `config check` start fast.
Exit status: 0 done, 1 a known error, 2 wrong usage.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from importlib import import_module
from typing import ClassVar, NoReturn

import click

from service.cli.importing import without_collector
from service.errors import MergeportError

# Nothing here needs plugins of pydantic. With plugins off, it does not read the metadata of every package.
# https://docs.pydantic.dev/latest/concepts/plugins/
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


class LazyGroup(click.Group):
    """A group whose commands are modules, imported only when one of them is asked for."""

    commands_at: ClassVar[dict[str, str]] = {
        "block": "service.cli.state:block",
        "approve": "service.cli.approve:approve",
        "build": "service.cli.build:build",
        "config": "service.cli.config:config",
        "deliveries": "service.cli.deliveries:deliveries",
        "diff": "service.cli.history:diff",
        "doctor": "service.cli.doctor:doctor",
        "history": "service.cli.history:history",
        "init": "service.cli.init:init",
        "hold": "service.cli.state:hold",
        "import": "service.cli.import_:import_",
        "lock": "service.cli.state:lock",
        "locks": "service.cli.state:locks",
        "migrate": "service.cli.serve:migrate",
        "promote": "service.cli.promote:promote",
        "rebuild": "service.cli.rebuild:rebuild",
        "rollback": "service.cli.rollback:rollback",
        "runs": "service.cli.runs:runs",
        "serve": "service.cli.serve:serve",
        "state": "service.cli.state:state",
        "status": "service.cli.status:status",
        "unblock": "service.cli.state:unblock",
        "unhold": "service.cli.state:unhold",
        "unlock": "service.cli.state:unlock",
        "values": "service.cli.values:values",
        "web": "service.cli.serve:web",
        "why-not": "service.cli.why_not:why_not",
        "worker": "service.cli.serve:worker",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name all subcommands without importing any."""
        return sorted(self.commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the one subcommand that is called."""
        if cmd_name not in self.commands_at:
            return None
        module, _, name = self.commands_at[cmd_name].partition(":")
        with without_collector():
            command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)  # noqa: S101 - a wrong table above is a bug of ours
        return command


_ROLES = frozenset({"serve", "web", "worker"})
"""Commands that keep running; after their settings they read no text of a person."""


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="mergeport")
def cli() -> None:
    """Turn a merge on GitHub into a traceable change of what Argo CD runs."""


def main() -> None:
    """Run the command line; an error that is no bug of ours prints one line and its hint, with exit status 1."""
    atexit.register(gc.freeze)  # nor is garbage collected at the end, when everything goes
    try:
        cli()
    except MergeportError as error:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        faults = "".join(f"\n  {fault}" for fault in getattr(error, "faults", ()))
        place = ":".join(str(error.fields[name]) for name in ("file", "line", "column") if error.fields.get(name))
        _fail(f"{place + ': ' if place else ''}{error.message}{faults}{hint}")
    except OSError as error:  # the machine refuses: the disk is full, or a file may not be read
        places = " and ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
        _fail(f"{places + ': ' if places else ''}{error.strerror or error}")
    except UnicodeError:
        if sys.argv[1:2] and sys.argv[1] in _ROLES:
            raise  # faulty settings are named when they are read; a later error is a bug, with its traceback
        _fail("an argument, a file name or a text has bytes that are not UTF-8\nhint: write it again, in UTF-8")


def _fail(told: str) -> NoReturn:
    """Print an error and end."""
    from service.cli.printing import say  # noqa: PLC0415 - for those who fail

    say(f"error: {told}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()

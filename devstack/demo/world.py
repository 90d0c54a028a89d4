"""The demo's world: its directory, the devstack, the two repositories, and Mergeport between them.

Used by the command, which ends it. The directory is renewed at each start; a lock in it tells that a demo runs there.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ruamel.yaml import YAML

from devstack.bare import Entry
from devstack.demo.ending import Ending
from devstack.demo.errors import DemoError
from devstack.demo.product import Product
from devstack.ecr import EcrMissingError
from devstack.stack import WEBHOOK_SECRET, Devstack, read_directory
from service.adapters.build_tools import Wanted, probe

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "manifests-template"
SOURCE_FILES = Path(__file__).parent / "source"
SOURCE = "acme/checkout"
MANIFESTS = "acme/manifests"
PATHS = '    paths: ["**", "!docs/**"]\n'
"""What the demo adds to the template's mergeport.yaml: a merge into docs/ alone deploys nothing."""
RELEASE_MANAGER = "release-manager"
PERSONS_TOKEN = "demo-release-manager-token"
"""The release manager's own token: Mergeport obeys no comments of its own account."""
EVENTS = ("push", "pull_request", "issue_comment", "pull_request_review")
MARK = "about.txt"
LOCK = "pid"


class Room:
    """The demo's directory, held while the demo runs."""

    def __init__(self, directory: Path) -> None:
        """Renew the directory; DemoError if another demo runs in it, or it is not a demo's."""
        self.directory = directory.absolute()
        self._lock: IO[str] | None = None
        self._refuse_running()
        if self.directory.exists():
            if any(self.directory.iterdir()) and not (self.directory / MARK).exists():
                raise DemoError(f"{directory} is not a demo's directory, so it is not renewed")
            unmount_below(self.directory)
            try:
                shutil.rmtree(self.directory)
            except OSError as error:
                raise DemoError(f"{directory} cannot be renewed: {error}") from error
        self.directory.mkdir(parents=True)
        (self.directory / MARK).write_text("State of `make demo`, renewed at each start.\n", encoding="utf-8")
        self._lock = (self.directory / LOCK).open("w", encoding="utf-8")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._lock.write(f"{os.getpid()}\n")
        self._lock.flush()

    def tell(self, url: str) -> None:
        """Write down where the pages of the demo are, for whoever starts a second one."""
        if self._lock is not None:
            self._lock.write(f"{url}\n")
            self._lock.flush()

    def leave(self) -> None:
        """Free the directory for the next demo; its content stays, so that people can look at it."""
        unmount_below(self.directory)
        if self._lock is not None:
            (self.directory / LOCK).unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def _refuse_running(self) -> None:
        try:
            held = (self.directory / LOCK).open(encoding="utf-8")
        except OSError:
            return
        with held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                pid, _, url = held.read().strip().partition("\n")
                where = f", its pages are at {url}" if url else ""
                raise DemoError(
                    f"a demo still runs in {self.directory} as process {pid}{where}. End it first: kill {pid}"
                ) from error


@dataclass(frozen=True, slots=True)
class Also:
    """What a story adds to the world: to the end of mergeport.yaml, files of the manifest repository, and settings."""

    configuration: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)


NOTHING_ELSE = Also()


class World:
    """The devstack with both repositories and their hooks, and Mergeport."""

    def __init__(
        self, room: Room, ending: Ending, started: ExitStack, *, builder: str, also: Also = NOTHING_ELSE
    ) -> None:
        """Start the devstack and write the repositories; Mergeport is started by `start`.

        `started` ends what was started, whenever a signal comes.
        """
        self._room, self._ending, self._started = room, ending, started
        self.builder = builder
        try:
            with ending.held():
                self.stack = Devstack(room.directory / "devstack")
                started.callback(self.stack.stop)
        except EcrMissingError as error:
            raise DemoError(str(error)) from error
        self.github = self.stack.github
        source = {path: file for path, file in read_directory(SOURCE_FILES).items() if "__pycache__" not in path}
        self.stack.create_repository(SOURCE, source, branches=("develop", "staging", "main"))
        configuration = _with_paths(TEMPLATE / "mergeport.yaml")
        configuration = Entry(configuration.data + also.configuration.encode())
        files = {**read_directory(TEMPLATE), "mergeport.yaml": configuration}
        files |= {path: Entry(text.encode()) for path, text in also.files.items()}
        self.stack.create_repository(MANIFESTS, files)
        self.github.add_token(PERSONS_TOKEN, RELEASE_MANAGER)
        for repository in (SOURCE, MANIFESTS):
            self.github.repository(repository).roles[RELEASE_MANAGER] = "admin"
        self.stack.argocd.add_application_set(MANIFESTS)
        self.manifests = self.stack.git.open(MANIFESTS)
        self.registry = _registry(configuration)
        self.product = Product(
            room.directory / "mergeport", {**self.stack.environment(), **also.settings}, builder, MANIFESTS
        )

    def start(self) -> None:
        """Start Mergeport, and point the hooks of both repositories at it."""
        with self._ending.held():
            self.product.start()
            self._started.callback(self.product.stop)
        self.product.wait_ready()
        self._room.tell(self.product.url)
        for repository in (SOURCE, MANIFESTS):
            self.github.add_hook(repository, self.product.hooks_url, WEBHOOK_SECRET, EVENTS)
        self.github.wait_delivered()

    def write_environment(self) -> Path:
        """Write the settings to a file for a shell, so that people can try the `mergeport` command."""
        settings = {
            key: text for key, text in self.product.environment.items() if key.startswith(("MERGEPORT_", "AWS_"))
        }
        settings["DEMO_RELEASE_MANAGER_TOKEN"] = PERSONS_TOKEN
        path = self._room.directory / "environment"
        lines = [f"export {key}={shlex.quote(text)}\n" for key, text in settings.items()]
        path.write_text("".join(lines), encoding="utf-8")
        return path


def _with_paths(template: Path) -> Entry:
    text = template.read_text(encoding="utf-8")
    line = f"    source: {SOURCE}\n"
    if text.count(line) != 1:
        raise DemoError(f"{template} does not name {SOURCE} once")
    return Entry(text.replace(line, line + PATHS).encode())


def _registry(configuration: Entry) -> str:
    """Give the registry's host as mergeport.yaml names it."""
    return str(YAML(typ="safe").load(configuration.data)["defaults"]["registry"])


def find_builder(room: Room, wanted: Wanted) -> tuple[str, str]:
    """Find a builder that works here by building; give the value of MERGEPORT_BUILDER and the reason.

    If none works, it is the devstack's `layer`, which does not build Dockerfiles.
    """
    found = probe(wanted, room.directory / "probe")
    unmount_below(room.directory)
    if found.tool is None:
        return "layer", found.reason
    return found.tool.name, found.reason


def unmount_below(directory: Path) -> None:
    """Unmount what a build left mounted, so that the directory can be removed."""
    mounts = Path("/proc/self/mounts")
    lines = mounts.read_text(encoding="utf-8").splitlines() if mounts.exists() else []
    places = [place for place in (line.split()[1] for line in lines) if place.startswith(f"{directory}/")]
    for place in sorted(places, key=len, reverse=True):
        subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)

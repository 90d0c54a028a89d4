"""The parts that builders get in tests: a checkout from a folder, a control that listens, and requests."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

from service.core.images import ImageReference, labels_for
from service.core.words import Repository, Sha
from service.ports import BuildRequest, Credentials, PushTarget
from tests.contract.registries import REVISION, SOURCE


class Control:
    """Keeps the log; stops the build when told, or when a line has a certain text."""

    def __init__(self, *, stop_at: str = "") -> None:
        self.text = ""
        self.stopped = threading.Event()
        self._stop_at = stop_at

    def log(self, text: str) -> None:
        self.text += text
        if self._stop_at and self._stop_at in self.text:
            self.stopped.set()

    def cancelled(self) -> bool:
        return self.stopped.is_set()


class Source:
    """A checkout that copies a folder, as if it were the repository at every commit; the folder may be changed."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    def __call__(self, repository: Repository, commit: Sha, directory: Path) -> None:  # noqa: ARG002 - a Checkout
        assert self.folder is not None
        assert not list(directory.iterdir())
        shutil.copytree(self.folder, directory, symlinks=True, dirs_exist_ok=True)


def request_for(
    host: str,
    repository: str,
    options: object,
    *,
    tag: str = "4f2c1e9ab012",
    credentials: Credentials | None = None,
    immutable: bool = False,
    labels: Mapping[str, str] | None = None,
) -> BuildRequest:
    """Give a request for one image in a registry on loopback."""
    reference = ImageReference(host, repository, tag)
    return BuildRequest(
        repository=Repository("acme/checkout"),
        commit=Sha(REVISION),
        reference=reference,
        target=PushTarget(str(reference), host, credentials, insecure=True, immutable_tags=immutable),
        labels=labels or labels_for(source_url=SOURCE, commit=Sha(REVISION), version=tag),
        options=options,
    )


def running_with(text: str) -> list[int]:
    """Give the processes of this machine whose command line has the text."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if text.encode() in line:
            found.append(int(folder.name))
    return found

"""An empty mirror, put in place of whatever was there. Called by `mirror` alone, which holds the lock.

Nothing in an old one is worth keeping; on a full disk it goes before the new one is made, else in the same moment.
"""

from __future__ import annotations

import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from service.adapters.git import disk
from service.adapters.git.driver import Git
from service.errors import RetryableError

_CONFIG = """\
[core]
	repositoryformatversion = 1
	bare = true
[extensions]
	partialClone = origin
[remote "origin"]
	url = {url}
	promisor = true
	partialclonefilter = blob:limit=1m
"""


def configuration(url: str) -> str:
    """Give what a mirror of this address has in its `config`."""
    return _CONFIG.format(url=url)


def put_in_place(directory: Path, url: str) -> None:
    """Put an empty mirror in place. A reader of the old one fails and tries again.

    It removes what killed attempts have left. RetryableError `mirror-disk-full`, PermanentError `mirror-failed`.
    """
    parent, name = directory.parent, directory.name
    for left in parent.glob(f".{name}.*"):
        _remove(left)
    new, old = (parent / f".{name}.{secrets.token_hex(4)}.{word}" for word in ("new", "old"))
    with disk.judging(directory):
        try:
            _make(new, directory, url)
        except RetryableError:
            _remove(new)
            _remove(directory)
            _make(new, directory, url)
        with suppress(FileNotFoundError):
            directory.rename(old)
        new.rename(directory)
    _remove(old)


def _make(new: Path, directory: Path, url: str) -> None:
    with disk.judging(directory):
        new.mkdir()
        outcome = Git(new).run("init", "--quiet", "--bare", "--template=")
        if not outcome.ok:
            raise disk.unwritable(directory, outcome.said)
        (new / "config").write_text(configuration(url), encoding="utf-8")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()

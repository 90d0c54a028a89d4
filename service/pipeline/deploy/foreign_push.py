"""Reacts to other people's pushes to a manifest branch: refreshes the applications that the push touches.

Called by intake for every push. The push is only a hint: the looks that follow read the truth.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable

from service.core.changes import Push
from service.core.config import Target
from service.core.words import WaitKind
from service.errors import MergeportError
from service.pipeline.context import Context
from service.pipeline.deploy.deploy_stage import WATCH_KEY
from service.pipeline.manifest.place import Place, targets_at
from service.store import refreshes


def tell_deployer(context: Context, push: Push, look_now: Callable[[WaitKind, str], None], *, own: bool) -> None:
    """Have Argo CD refreshed after a push, and look at the runs that wait there: the push may have reverted them."""
    if (push.forced or not own) and hint_deployer(context, push):
        look_now(WaitKind.SYNC, WATCH_KEY)


def hint_deployer(context: Context, push: Push) -> int:
    """Want a refresh of the applications that a push touches; give their number."""
    if context.outside.deployer is None:
        return 0
    try:
        there = [
            target for target in targets_at(context, Place(push.repository, push.branch)) if target.argocd_application
        ]
    except MergeportError:
        return 0
    names = {target.argocd_application for target in touched(there, push.touched)} - {None}
    if names:
        with context.store.begin() as tx:
            for name in sorted(name for name in names if name):
                refreshes.want(tx, name, at=context.now())
    return len(names)


def touched(targets: Iterable[Target], paths: Iterable[str]) -> list[Target]:
    """Give the targets that paths touch: by their values files, else by these files' folders, else all of them.

    A path in another folder may be a chart that all share. A file at the top belongs to no target. If the source named
    no paths, the push touches all targets.
    """
    some = list(targets)
    found: list[Target] = []
    for path in paths:
        folder = posixpath.dirname(path)
        exact = [target for target in some if any(values.file == path for values in target.values)]
        beside = [
            target for target in some if any(posixpath.dirname(values.file) == folder for values in target.values)
        ]
        found += exact or beside or (some if folder else [])
    return found if paths else some

"""Takes a member's values off a shared branch that has people's commits, so that they stay when it leaves.

Called where the branch is made. A file goes back to what the base has, if it has nothing but what we wrote there.
"""

from __future__ import annotations

from collections.abc import Iterable

from service.core.words import RunId, Sha
from service.errors import MergeportError, RetryableError
from service.pipeline.context import Context
from service.pipeline.manifest.place import rewrite_at, wanted_edits
from service.pipeline.runs.claim import read_claim
from service.ports import Manifests


def files_without(
    context: Context, manifests: Manifests, base: Sha, tip: Sha, gone: Iterable[RunId]
) -> dict[str, bytes] | None:
    """Give the files of those who left as the base has them; None if one has work of people, too."""
    files: dict[str, bytes] = {}
    for run_id in gone:
        try:
            claim = read_claim(context, run_id)
            wanted = () if claim is None else wanted_edits(claim.run, claim.target)
            done = rewrite_at(manifests, base, wanted)
            for file in {entry.file for entry in wanted}:
                before, there = manifests.read(base, file), manifests.read(tip, file)
                if there == before:
                    continue
                if there != done.files.get(file, before):
                    return None
                files[file] = before
        except RetryableError:
            raise
        except MergeportError:
            return None
    return files

"""The newest image of each source tree, so that an image of the same tree is found without building it again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from service.core.words import Digest, Sha
from service.store.database import Transaction
from service.store.rows import columns, insert_or_update, one
from service.store.tables import image_trees as table


@dataclass(frozen=True, slots=True)
class MadeImage:
    """An image that was made: `commit` is the one that it was made for, and `made_at` when it was first seen."""

    commit: Sha
    digest: Digest
    made_at: datetime


_OF_TREE = sa.select(*columns(MadeImage, table)).where(
    table.c.image == sa.bindparam("image"), table.c.tree == sa.bindparam("tree")
)


def of_tree(tx: Transaction, image: str, tree: str) -> MadeImage | None:
    """Give the newest image of a tree; `image` is `registry/repository`."""
    return one(MadeImage, tx.execute(_OF_TREE, {"image": image, "tree": tree}).first())


def keep(tx: Transaction, image: str, tree: str, made: MadeImage) -> None:
    """Record an image as the newest one of its tree; the same one again keeps the time of its first."""
    kept = of_tree(tx, image, tree)
    if kept is None or kept.digest != made.digest:
        insert_or_update(
            tx, table, ["image", "tree"], image=image, tree=tree, commit=made.commit, digest=made.digest,
            made_at=made.made_at,
        )  # fmt: skip

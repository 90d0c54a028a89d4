"""Takes an image that was made of the same source tree instead of building it again.

Called by the build stage for an image that is missing. The image gets the new commit's tag in the registry and is read
back from there. Merges of one tree, from develop to staging to main, so have one image: what ran in one environment is
what the next one gets. A tree that cannot be told is built. An image's label alone is never believed, because whoever
writes a Dockerfile can write labels: the forge has to say that the commit which the image was made for has that tree.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import structlog

from service.core.config import ImageTarget
from service.core.images import Image, ImageReference, tag_for
from service.core.made_of import told_of
from service.core.source_tree import ROOT, dockerfile_beside, is_whole, paths_read, tree_of
from service.core.words import Rebuild, Reuse, Sha
from service.errors import MergeportError, RetryableError
from service.pipeline.runs.claim import Claim
from service.ports import Builder, Registry
from service.store import builds, image_trees
from service.store.image_trees import MadeImage

DAY = timedelta(days=1)
MOST_RECALLED = 20
"""So many images are read after the loss of our records."""
AGE_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)
"""When an image was made of which its registry does not tell that: `rebuild: daily` does not take it."""
_KEEPS_NO_IMAGE = frozenset({"image-missing", "tag-immutable"})
"""What the registry may say of one image; any other refusal is told to the run."""

log = structlog.get_logger()


def is_reused(image: ImageTarget, builder: Builder | None) -> bool:
    """Tell whether an image of the same tree is looked for before this one is built or waited for."""
    return image.reuse is Reuse.TREE or (image.reuse is Reuse.DEFAULT and builder is not None)


def tree_at(claim: Claim, image: ImageTarget, commit: Sha | None = None) -> str:
    """Give what an image of a commit is made of, as the forge has it; empty if that cannot be told.

    Without a commit it is the run's own.
    """
    run, options = claim.run, image.builder_options
    context, dockerfile, recipe = (
        str(getattr(options, name, "") or "") for name in ("context", "dockerfile", "recipe")
    )
    context = context or ROOT
    paths = (*paths_read(context, dockerfile, claim.target.paths, recipe), *dockerfile_beside(context, dockerfile))
    try:
        ids = claim.context.outside.forge.object_ids(run.repository, commit or run.commit, paths)
    except RetryableError:
        raise
    except MergeportError as error:
        log.warning("the source tree cannot be read, so the image is built", error=str(error))
        return ""
    if ids is None or not is_whole(ids, context, dockerfile):
        log.warning("the source tree cannot be told, so the image is built", repository=run.repository)
        return ""
    said = " ".join((options.model_dump_json(), *image.platforms))
    return tree_of(ids, builder=image.builder_kind, options=said)


def made_before(claim: Claim, image: ImageTarget, tree: str) -> MadeImage | None:
    """Give the image that was made of the tree before, if it is not to be made anew."""
    if not tree or image.rebuild is Rebuild.ALWAYS:
        return None
    with claim.context.store.read() as tx:
        known = image_trees.any_of(tx, image.full_name)
    if not known:
        _recall(claim, image, tree)
    with claim.context.store.read() as tx:
        made = image_trees.of_tree(tx, image.full_name, tree)
    if made is None or (image.rebuild is Rebuild.DAILY and claim.context.now() - made.made_at > DAY):
        return None
    return made if _has_tree(claim, image, made.commit, tree) else None


def _has_tree(claim: Claim, image: ImageTarget, commit: Sha, tree: str) -> bool:
    """Tell whether the forge says that the commit has the tree."""
    if tree_at(claim, image, commit) == tree:
        return True
    log.warning("an image that was recorded under this tree is not of it", image=image.full_name, commit=commit)
    return False


def _recall(claim: Claim, image: ImageTarget, tree: str) -> None:
    """Read from the labels of the registry's newest images what they were made of, since our records know nothing.

    They were lost, or there is no image yet. What cannot be read is not known, and is built. An image counts only under
    its own commit's tag, and for the tree that is wanted now only if its commit has it.
    """
    registry = claim.context.outside.images.registry(image)
    try:
        for listed in registry.newest_tags(image.repository, MOST_RECALLED):
            found = registry.find(image.repository, listed.tag)
            commit = told_of(found, claim.run.repository).whole if found else None
            if found is None or commit is None or not found.tree:
                continue
            if listed.tag != tag_for(image.tag, commit=commit, branch=claim.run.branch):
                continue
            if found.tree == tree and not _has_tree(claim, image, commit, tree):
                continue
            made = MadeImage(commit, found.digest, listed.pushed_at or AGE_UNKNOWN)
            with claim.context.store.begin() as tx:
                if image_trees.of_tree(tx, image.full_name, found.tree) is None:
                    image_trees.keep(tx, image.full_name, found.tree, made)
    except MergeportError as error:
        log.warning("the labels of the newest images cannot be read", image=image.full_name, error=str(error))


def tag_again(registry: Registry, reference: ImageReference, made: MadeImage) -> Image | None:
    """Have the reference name the image, and read it back; None if the registry does not have the image any more.

    What the tag names by then may also be what somebody else has pushed meanwhile.
    """
    try:
        registry.add_tag(reference.repository, made.digest, reference.tag)
    except RetryableError:
        raise
    except MergeportError as error:
        if error.code not in _KEEPS_NO_IMAGE:
            raise
        log.info("the image of the same tree is not taken", digest=made.digest, error=str(error))
    return registry.find(reference.repository, reference.tag)


def is_recorded(claim: Claim, image: ImageTarget, tree: str, found: Image) -> bool:
    """Tell whether the very image is recorded as made of the tree."""
    with claim.context.store.read() as tx:
        made = image_trees.of_tree(tx, image.full_name, tree) if tree else None
    return made is not None and made.digest == found.digest


def keep_tree(claim: Claim, image: ImageTarget, found: Image) -> None:
    """Record what the run's own image was made of, for later runs: by its build, or by its commit if that is wanted."""
    run = claim.run
    with claim.context.store.read() as tx:
        reference = f"{image.full_name}:{found.reference.tag}"
        built = next((one.tree for one in builds.of_run(tx, run.id) if one.reference == reference), "")
    tree = built or (tree_at(claim, image) if image.reuse is Reuse.TREE else "")
    if tree:
        with claim.context.store.begin() as tx:
            image_trees.keep(tx, image.full_name, tree, MadeImage(run.commit, found.digest, claim.context.now()))

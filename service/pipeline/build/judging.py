"""Judges what a registry shows under a run's tag: is it made of the run's commit, and has it every platform?

Called by the build stage, by the look at images that others push, and before a build starts. It believes nothing but
what was read from the registry, and it looks nothing up.
"""

from __future__ import annotations

from dataclasses import dataclass

from service.core.config import ImageTarget
from service.core.images import Image
from service.core.made_of import is_made_of, part_of_another, told_of
from service.core.platforms import lacking
from service.core.words import Repository, Sha


@dataclass(frozen=True, slots=True)
class Judged:
    """What an image is to a commit. `ours`: its labels name the commit. `other`: what tells that it is of another one.

    `made_for` is the other commit that an image of the same tree was made for. `lacks` says which platforms are
    missing, and `unsure` why the source commit is not known; each is empty otherwise. `may_be_same`: the image tells a
    tree, which was not compared.
    """

    ours: bool
    made_for: str
    other: str
    lacks: str
    unsure: str
    may_be_same: bool

    @property
    def is_final(self) -> bool:
        """Whether waiting changes nothing: the image is whole, or it is certainly of another commit."""
        return not self.lacks or (bool(self.other) and not self.may_be_same)


def judge(
    found: Image, image: ImageTarget, commit: Sha, source: Repository, *, tree: str = "", same: bool = False
) -> Judged:
    """Judge an image by what is configured and by the commit that it should be made of.

    `tree` is that of the commit, if it is known: an image of the same one is as good. `same` tells that it is.
    """
    ours, told = is_made_of(found, commit), told_of(found, source)
    other = ""
    if not same:
        part = part_of_another(found, commit, source, tree=tree)
        if told.commit and not is_made_of(found, commit, tree=tree):
            other = f"was made of commit {told.commit}, not of {commit}"
        elif part is not None:
            other = f"has an image for {part.platform} that was made of commit {part.revision}, not of {commit}"
    return Judged(
        ours=ours and not other,
        made_for="" if ours or other else told.commit,
        other=other,
        lacks=_lacks(found, image),
        unsure="" if ours else told.words,
        may_be_same=found.tree is not None and not tree,
    )


def is_whole_and_of(found: Image | None, image: ImageTarget, commit: Sha, source: Repository, *, tree: str) -> bool:
    """Tell whether the image is there with all its platforms, and its labels name the commit or its tree."""
    if found is None:
        return False
    judged = judge(found, image, commit, source, tree=tree)
    return is_made_of(found, commit, tree=tree) and not judged.other and not judged.lacks


def _lacks(found: Image, image: ImageTarget) -> str:
    """Say which platforms are missing, and which are there; empty if none is missing."""
    missing = tuple(dict.fromkeys((*lacking(image.platforms, found.platforms), *found.absent)))
    if not missing:
        return ""
    verb = "is" if len(missing) == 1 else "are"
    there = f"; it has {_listed(found.platforms)}" if found.platforms else ""
    return f"{_listed(missing)} {verb} missing{there}"


def _listed(platforms: tuple[str, ...]) -> str:
    match platforms:
        case (*first, last) if first:
            return f"{', '.join(first)} and {last}"
        case _:
            return "".join(platforms)

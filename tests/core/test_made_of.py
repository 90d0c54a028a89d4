"""An image's labels about its commit are believed only as far as they can be trusted."""

from __future__ import annotations

import pytest

from service.core.images import Image, ImageReference
from service.core.made_of import is_made_of, names, told_of
from service.core.words import Digest, Repository, Sha

COMMIT, OURS = Sha("4f2c1e9ab012" + "0" * 28), Repository("acme/checkout")


def image(revision: str | None, source: str | None = None) -> Image:
    return Image(ImageReference("r", "checkout", "t"), Digest("sha256:" + "0" * 64), revision=revision, source=source)


@pytest.mark.parametrize("length", [7, 8, 12, 39, 40])
def test_beginning_of_the_commit_is_the_commit(length: int) -> None:
    assert is_made_of(image(COMMIT[:length]), COMMIT)
    assert told_of(image(COMMIT[:length]), OURS).commit == COMMIT[:length]


def test_case_and_space_make_no_other_commit() -> None:
    assert is_made_of(image(f" {COMMIT[:9].upper()}\n"), COMMIT)


@pytest.mark.parametrize("revision", [COMMIT[:6], "4", "", None, COMMIT + "0"])
def test_what_is_no_commit_or_too_short_says_nothing(revision: str | None) -> None:
    told = told_of(image(revision), OURS)
    assert (told.commit, "not known" in told.words) == ("", True)
    assert not is_made_of(image(revision), COMMIT)


@pytest.mark.parametrize("revision", ["v1.2.3", "main", "refs/heads/main", "unknown", f"{COMMIT[:8]}-dirty"])
def test_revision_that_is_a_name_says_nothing(revision: str) -> None:
    assert told_of(image(revision), OURS).commit == ""


@pytest.mark.parametrize("source", ["https://github.com/debian/base", "https://github.com/acme/checkout-base", "base"])
def test_labels_that_name_another_repository_are_a_base_images(source: str) -> None:
    told = told_of(image("f" * 40, source), OURS)
    assert (told.commit, source in told.words) == ("", True)


def test_our_commit_counts_though_the_source_label_is_the_base_images() -> None:
    assert is_made_of(image(COMMIT, "https://github.com/debian/base"), COMMIT)


@pytest.mark.parametrize("source", [None, "https://github.com/acme/checkout", "https://github.com/Acme/Checkout.git"])
def test_another_commit_of_ours_is_another_commit(source: str | None) -> None:
    told = told_of(image("f" * 40, source), OURS)
    assert told.whole == "f" * 40
    assert not is_made_of(image("f" * 40, source), COMMIT)


def test_short_id_is_not_taken_for_a_whole_one() -> None:
    assert told_of(image("f" * 12), OURS).whole is None


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/acme/checkout",
        "https://github.com/ACME/Checkout.git/",
        "git@github.com:acme/checkout.git",
        "ssh://git@github.com:22/acme/checkout.git",
        "https://x:y@git.example/acme/checkout#main",
        "https://github.com/acme/checkout/tree/main/app",
        "git.example/github/acme/checkout",
        "acme/checkout",
    ],
)
def test_repository_is_known_by_every_form_of_its_address(address: str) -> None:
    assert names(address, OURS)


@pytest.mark.parametrize(
    "address",
    ["", "https://github.com/other/checkout", "https://github.com/acme/checkout2", "https://acme/checkout.example/x/y"],
)
def test_other_address_is_of_another_repository(address: str) -> None:
    assert not names(address, OURS)

"""Histories with one fault each, for the checker's tests: each plants its fault on a right history made by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from devstack.bare import NOBODY, ZERO
from tests.race.finding import Kind
from tests.race.hand import Hand, edited, file_of

FILE = file_of("checkout", "dev")


def lose_an_edit(hand: Hand) -> None:
    hand.accept(7)


def forget_a_run(hand: Hand) -> None:
    hand.accept(7)
    hand.ended.pop()


def supersede_by_nothing(hand: Hand) -> None:
    hand.end(hand.accept(7), "superseded")


def leave_a_run(hand: Hand) -> None:
    edit = hand.accept(7)
    hand.write(edit)
    hand.end(edit, "waiting")


def fail_without_reason(hand: Hand) -> None:
    hand.end(hand.accept(7), "failed", "internal-error")


def fail_and_write(hand: Hand) -> None:
    edit = hand.accept(7)
    hand.write(edit)
    hand.end(edit, "failed", "push-refused")


def supersede_and_write(hand: Hand) -> None:
    edit = hand.accept(7)
    hand.write(edit)
    hand.write(hand.accept(8))
    hand.end(edit, "superseded")


def claim_what_was_overtaken(hand: Hand) -> None:
    hand.accept(7)
    hand.write(hand.accept(8))


def write_twice(hand: Hand) -> None:
    edit = hand.accept(7)
    hand.write(edit)
    hand.person({FILE: hand.bare.text(hand.tip, FILE).replace(edit.commit[:12], "by-hand")})
    hand.write(edit)


def write_backwards(hand: Hand) -> None:
    older, newer = hand.accept(7), hand.accept(8)
    hand.write(newer)
    hand.write(older)


def write_backwards_in_one_push(hand: Hand) -> None:
    older, newer = hand.accept(7), hand.accept(8)
    first = hand.write(newer, push=False)
    hand.write(older, on=first)


def bring_a_removed_commit_back(hand: Hand) -> None:
    before = hand.tip
    commit = hand.write(hand.accept(7))
    hand.force(before)
    hand.bare.update_ref("refs/heads/main", commit, before)


def bring_a_removed_commit_back_under_another(hand: Hand) -> None:
    before = hand.tip
    commit = hand.write(hand.accept(7))
    hand.force(before, settled=False)
    hand.write(hand.accept(8, "search"), on=commit)


def bring_a_removed_edit_back(hand: Hand) -> None:
    before, edit = hand.tip, hand.accept(7)
    hand.write(edit)
    hand.force(before)
    hand.person()
    hand.write(edit)


def bring_an_edit_back_whose_base_is_gone(hand: Hand) -> None:
    """The push's answer was lost, but the old tip is gone: the run must fail in words and never write again."""
    before, edit = hand.tip, hand.accept(7)
    hand.person()
    hand.write(edit)
    hand.force(before, settled=False)
    hand.write(edit)


def drop_a_persons_commit(hand: Hand) -> None:
    before = hand.tip
    hand.person()
    hand.write(hand.accept(7), on=before)


def rewind(hand: Hand) -> None:
    before = hand.tip
    hand.write(hand.accept(7))
    hand.write(hand.accept(8, "search"), on=before)


def delete_the_branch(hand: Hand) -> None:
    hand.bare.git("update-ref", "-d", "refs/heads/main", hand.tip)


def create_the_branch(hand: Hand) -> None:
    tip = hand.tip
    hand.force(ZERO)
    hand.write(hand.accept(7), on=tip, push=False)
    hand.bare.update_ref("refs/heads/main", tip)


def commit_for_nobody(hand: Hand) -> None:
    edit = hand.accept(7)
    hand.write(edit)
    hand.accepted.remove(edit)


def commit_as_somebody_else(hand: Hand) -> None:
    hand.write(hand.accept(7), by=NOBODY)


def touch_another_file(hand: Hand) -> None:
    hand.write(hand.accept(7), files={"notes/ours.md": "ours\n"})


def touch_another_environment(hand: Hand) -> None:
    other = file_of("checkout", "prod")
    hand.write(hand.accept(7), files={other: hand.bare.text(hand.tip, other) + "more: 1\n"})


def changed(old: str, new: str) -> Callable[[Hand], None]:
    def plant(hand: Hand) -> None:
        edit = hand.accept(7)
        text = edited(hand.bare.text(hand.tip, FILE), edit.files[FILE])
        assert text.count(old) == 1
        hand.write(edit, files={FILE: text.replace(old, new)})

    return plant


def write_another_value(hand: Hand) -> None:
    edit = hand.accept(7)
    text = edited(hand.bare.text(hand.tip, FILE), {**edit.files[FILE], "image.tag": "another"})
    hand.write(edit, files={FILE: text})


def leave_the_file(hand: Hand) -> None:
    hand.write(hand.accept(7), files={FILE: hand.bare.text(hand.tip, FILE)})


def break_the_file(hand: Hand) -> None:
    hand.write(hand.accept(7), files={FILE: "image: {tag: [\n"})


def break_a_file_of_people(hand: Hand) -> None:
    hand.person({"apps/search/values-dev.yaml": "image: {tag: [\n"})


def trailer(name: str, value: str = "") -> Callable[[Hand], None]:
    def plant(hand: Hand) -> None:
        hand.write(hand.accept(7), trailers={name: value})

    return plant


def say_a_trailer_twice(hand: Hand) -> None:
    hand.write(hand.accept(7), extra="Mergeport-Run: ANOTHER\n")


def digest_of_another_image(hand: Hand) -> None:
    edit = hand.accept(7)
    image = edit.image.rpartition("@")[0] + "@sha256:" + "f" * 64
    hand.write(edit, trailers={"Mergeport-Image": image})


def move_unrecorded(hand: Hand) -> None:
    hand.person()
    hand.moved[-1] = replace(hand.moved[-1], old="1" * 40)


PLANTED: list[tuple[Callable[[Hand], None], Kind]] = [
    (lose_an_edit, Kind.LOST),
    (forget_a_run, Kind.LOST),
    (claim_what_was_overtaken, Kind.LOST),
    (supersede_by_nothing, Kind.UNTOLD),
    (leave_a_run, Kind.STUCK),
    (fail_without_reason, Kind.UNTOLD),
    (fail_and_write, Kind.DENIED),
    (supersede_and_write, Kind.DENIED),
    (write_twice, Kind.TWICE),
    (write_backwards, Kind.BACKWARDS),
    (write_backwards_in_one_push, Kind.BACKWARDS),
    (bring_a_removed_commit_back, Kind.REMOVED_BACK),
    (bring_a_removed_commit_back_under_another, Kind.REMOVED_BACK),
    (bring_a_removed_edit_back, Kind.EDIT_BACK),
    (bring_an_edit_back_whose_base_is_gone, Kind.EDIT_BACK),
    (drop_a_persons_commit, Kind.PERSON_LOST),
    (rewind, Kind.REWOUND),
    (delete_the_branch, Kind.REWOUND),
    (create_the_branch, Kind.REWOUND),
    (commit_for_nobody, Kind.UNKNOWN),
    (commit_as_somebody_else, Kind.UNKNOWN),
    (touch_another_file, Kind.FOREIGN),
    (touch_another_environment, Kind.FOREIGN),
    (changed("# keep me", "# keep you"), Kind.BYTES),
    (changed("replicas: 2\n", "replicas: 2"), Kind.BYTES),
    (changed("replicas: 2", "replicas:  2"), Kind.BYTES),
    (changed("{tag: v1", "{tag: v2"), Kind.BYTES),
    (changed("\n# ours"[1:], "# hers"), Kind.BYTES),
    (changed('"  # ours', '" # ours'), Kind.BYTES),
    (changed("replicas: 2\n", "replicas: 2\nmore: 1\n"), Kind.BYTES),
    (write_another_value, Kind.BYTES),
    (leave_the_file, Kind.BYTES),
    (break_the_file, Kind.UNPARSABLE),
    (break_a_file_of_people, Kind.UNPARSABLE),
    (trailer("Mergeport-Run"), Kind.TRAILERS),
    (trailer("Mergeport-Image"), Kind.TRAILERS),
    (trailer("Argocd-reference-commit-sha", "1" * 40), Kind.TRAILERS),
    (trailer("Source-Repository", "acme/another"), Kind.TRAILERS),
    (say_a_trailer_twice, Kind.TRAILERS),
    (digest_of_another_image, Kind.TRAILERS),
    (move_unrecorded, Kind.GAP),
]

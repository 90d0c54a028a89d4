"""Histories in which something went in that was closed, or went back as it must not: each plants one fault.

For the checker's tests, on a right history made by hand, as in `planted.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.race.finding import Kind
from tests.race.hand import NAME, Hand
from tests.race.history import moves_of
from tests.race.planted import FILE
from tests.race.records import Stopped


def go_in_where(
    verb: str, application: str = "checkout", environment: str = "dev", *, value: str = "", wait: bool = False
) -> Callable[[Hand], None]:
    def plant(hand: Hand) -> None:
        edit = hand.accept(7)
        hand.act(verb, application, environment, {"commit": edit.commit, "digest": edit.image[-71:]}.get(value, ""))
        if wait:
            hand.act("un" + verb, "search")  # another one is opened
        hand.write(edit)
        hand.act("un" + verb, application, environment)

    return plant


def lock_by_hand_and_push_twice(hand: Hand) -> None:
    """The first push may be under way, the second one is not."""
    one, other = hand.accept(7, "search"), hand.accept(7)
    hand.act("lock", by_hand=True)
    hand.write(one)
    hand.write(other)


def push_after_a_short_sleep(hand: Hand) -> None:
    """A worker that slept for less than its lease still has to keep to the state."""
    at = moves_of(hand.bare)
    hand.act("lock")
    hand.stopped.append(Stopped(4.0, {NAME: at}, {NAME: at}))
    hand.write(hand.accept(7))


def push_twice_after_a_long_sleep(hand: Hand) -> None:
    at = moves_of(hand.bare)
    hand.act("lock")
    hand.stopped.append(Stopped(34.0, {NAME: at}, {NAME: at}))
    hand.write(hand.accept(7, "search"))
    hand.write(hand.accept(7))


def go_back_unasked(hand: Hand) -> None:
    older = hand.accept(7)
    hand.write(older)
    hand.write(hand.accept(8))
    hand.roll_back(older)


def go_back_without_a_reason(hand: Hand) -> None:
    older = hand.accept(7)
    hand.write(older)
    hand.write(hand.accept(8))
    hand.act("rollback", value="BACK7")
    hand.roll_back(older, **{"Mergeport-Reason": ""})


def go_back_without_a_hold(hand: Hand) -> None:
    older = hand.accept(7)
    hand.write(older)
    hand.write(hand.accept(8))
    hand.act("rollback", value="BACK7", done=False)
    hand.roll_back(older)


def go_on_after_a_rollback(hand: Hand) -> None:
    """The hold was not in force when the action returned, but the run placed it before it wrote."""
    older = hand.accept(7)
    hand.write(older)
    hand.write(hand.accept(8))
    hand.act("rollback", value="BACK7", done=False)
    hand.roll_back(older)
    hand.write(hand.accept(9))


def go_on_before_the_rollback_is_written(hand: Hand) -> None:
    hand.write(hand.accept(7))
    hand.act("rollback", value="BACK7")
    hand.write(hand.accept(8))


def bring_what_was_missed(hand: Hand) -> None:
    """After the hold is lifted the newest comes, and not one that is older than what was gone back from."""
    older, missed, newest = hand.accept(7), hand.accept(8), hand.accept(9)
    hand.write(older)
    hand.write(newest)
    hand.act("rollback", value="BACK7")
    hand.roll_back(older)
    hand.act("unhold")
    hand.write(missed)


def write_again_by_another_run(hand: Hand) -> None:
    edit = hand.accept(7)
    hand.write(edit)
    hand.person({FILE: hand.bare.text(hand.tip, FILE).replace(edit.commit[:12], "by-hand")})
    hand.write(edit, trailers={"Mergeport-Run": "ANOTHER"})


def promote_what_was_not_upstream(hand: Hand) -> None:
    hand.accept(7)
    hand.write(hand.accept(7, environment="prod", upstream="dev"))


def promote_another_image(hand: Hand) -> None:
    edit = hand.accept(7)
    hand.write(edit, trailers={"Mergeport-Image": edit.image.rpartition("@")[0] + "@sha256:" + "f" * 64})
    hand.write(hand.accept(7, environment="prod", upstream="dev"))


def act_twice(hand: Hand) -> None:
    hand.say_state("Lock dev", "01ACTION")
    hand.say_state("Lock dev", "01ACTION")


def block_nothing_and_fail(hand: Hand) -> None:
    edit = hand.accept(7)
    hand.act("block", value=hand.accept(8, "search").commit)
    hand.end(edit, "failed", "blocked")


def cancel_unasked(hand: Hand) -> None:
    hand.end(hand.accept(7), "cancelled", "cancelled")


PLANTED_CLOSINGS: list[tuple[Callable[[Hand], None], Kind]] = [
    (go_in_where("lock"), Kind.LOCKED),
    (go_in_where("lock", application=""), Kind.LOCKED),
    (go_in_where("lock", application="", environment=""), Kind.LOCKED),
    (go_in_where("lock", wait=True), Kind.LOCKED),
    (go_in_where("hold"), Kind.HELD),
    (go_in_where("block", "", "", value="commit"), Kind.BLOCKED),
    (go_in_where("block", "", "", value="digest"), Kind.BLOCKED),
    (lock_by_hand_and_push_twice, Kind.LOCKED),
    (push_after_a_short_sleep, Kind.LOCKED),
    (push_twice_after_a_long_sleep, Kind.LOCKED),
    (go_back_unasked, Kind.BACKWARDS),
    (go_back_without_a_reason, Kind.TRAILERS),
    (go_back_without_a_hold, Kind.UNHELD),
    (go_on_after_a_rollback, Kind.HELD),
    (go_on_before_the_rollback_is_written, Kind.HELD),
    (bring_what_was_missed, Kind.BACKWARDS),
    (write_again_by_another_run, Kind.TWICE),
    (promote_what_was_not_upstream, Kind.UPSTREAM),
    (promote_another_image, Kind.UPSTREAM),
    (act_twice, Kind.ACTION_TWICE),
    (block_nothing_and_fail, Kind.UNTOLD),
    (cancel_unasked, Kind.UNTOLD),
]

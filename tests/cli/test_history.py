"""`mergeport history` and `mergeport diff`: what ran where and when, from Git alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devstack.bare import BareRepository, Person
from devstack.stack import Devstack
from service.core import trailers
from service.core.asked.points import Point, point
from service.errors import PermanentError
from tests.cli.calling import Call
from tests.cli.test_state import call
from tests.fixtures.service import CONFIGURATION, MANIFESTS, REGISTRY, SOURCE, VALUES

__all__ = ["call"]

BEGIN = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
CAROL = Person("Carol", "carol@example.org")
ROBOT = Person("Mergeport", "mergeport@example.org")
SOURCE_COMMIT = "4f" * 20


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def values(number: int, text: str = VALUES) -> str:
    return text.replace('"0"', f'"tag-{number}"').replace("sha256:" + "0" * 64, digest(number))


def message(number: int, environment: str = "dev", application: str = "checkout") -> str:
    return f"Promote {application} to {environment}\n\n- something\n\n" + trailers.format(
        [
            (trailers.RUN, f"01RUN{number}"),
            (trailers.APPLICATION, application),
            (trailers.ENVIRONMENT, environment),
            (trailers.IMAGE, f"{REGISTRY}/{application}:tag-{number}@{digest(number)}"),
            (trailers.SOURCE_REPOSITORY, SOURCE),
            (trailers.SOURCE_COMMIT, SOURCE_COMMIT),
            (trailers.SOURCE_PULL_REQUEST, "41"),
            (trailers.REFERENCE_SUBJECT, "Show prices with tax"),
            (trailers.REFERENCE_AUTHOR, "Ada <ada@example.org>"),
        ]
    )


class Git:
    """Writes to the manifest repository, an hour between two commits."""

    def __init__(self, bare: BareRepository) -> None:
        self.bare = bare
        self.hours = 0

    def write(
        self,
        text: str,
        said: str,
        *,
        environment: str = "dev",
        by: Person = ROBOT,
        branch: str = "main",
        more: Mapping[str, str] | None = None,
    ) -> str:
        self.hours += 1
        date = int((BEGIN + timedelta(hours=self.hours)).timestamp())
        files = {f"apps/checkout/values-{environment}.yaml": text, **(more or {})}
        return self.bare.commit_files(branch, files, said, author=by, date=date)


@pytest.fixture
def git(world: Devstack) -> Git:
    return Git(world.git.open(MANIFESTS))


def told(call: Call, *argv: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = call("history", *argv, "--json").json
    return found


def test_promotion_is_told_with_its_source_and_the_values_that_it_changed(call: Call, git: Git) -> None:
    git.write(values(1), message(1))
    second = git.write(values(2), message(2))
    newest, before, *_ = told(call, "checkout", "dev")
    assert (newest["kind"], newest["by"], newest["words"], newest["manifest_commit"], newest["run"]) == (
        "promotion", "Ada <ada@example.org>", "Show prices with tax", second, "01RUN2",
    )  # fmt: skip
    assert (newest["source_repository"], newest["source_commit"], newest["source_pull_requests"]) == (
        SOURCE, SOURCE_COMMIT, [41],
    )  # fmt: skip
    assert newest["changes"] == [
        {"path": "image.tag", "before": "tag-1", "after": "tag-2"},
        {"path": "image.digest", "before": digest(1), "after": digest(2)},
    ]
    assert (newest["at"], before["run"]) == ("2026-03-04T14:00:00+00:00", "01RUN1")


def test_rollback_is_told_with_who_went_back_from_what_and_why(call: Call, git: Git) -> None:
    more = [(trailers.ROLLBACK, "5a" * 20), (trailers.ACTOR, "anna"), (trailers.REASON, "payments fail")]
    commit = git.write(values(1), message(1) + trailers.format(more))
    newest = told(call, "checkout", "dev")[0]
    assert (newest["kind"], newest["by"], newest["back_from"], newest["reason"]) == (
        "rollback", "anna", "5a5a5a5a5a5a", "payments fail",
    )  # fmt: skip
    assert call("history", "checkout", "dev").out.splitlines()[3:5] == [
        f"    rolled back from 5a5a5a5a5a5a by anna in manifest commit {commit[:12]}",
        "    because: payments fail",
    ]


def test_people_are_shown_as_people(call: Call, git: Git) -> None:
    first = git.write(values(1), message(1))
    git.write(values(2), message(2))
    git.write(values(1), f'Revert "Promote checkout to dev"\n\nThis reverts commit {first}.', by=CAROL)
    git.write(values(9), "Try something\n\nBy hand.", by=CAROL)
    git.write(values(9).replace("replicas: 2", "replicas: 3"), "More of them", by=CAROL)
    hand, revert, *_ = told(call, "checkout", "dev")
    assert (hand["kind"], hand["by"], hand["words"], hand["run"]) == ("person", "Carol", "Try something", None)
    assert (revert["kind"], revert["by"], revert["words"]) == ("revert", "Carol", f"reverts {first[:12]}")


def test_trailers_that_a_person_copied_prove_nothing(call: Call, git: Git) -> None:
    git.write(values(1), message(1))
    git.write(values(7), message(1), by=CAROL)
    git.write(values(8), message(8, environment="prod"), by=CAROL)
    assert [one["kind"] for one in told(call, "checkout", "dev")][:3] == ["person", "person", "promotion"]


def test_merged_pull_request_is_told_by_its_number_and_the_commit_in_it(call: Call, git: Git) -> None:
    git.write(values(1), message(1))
    base = git.bare.tip("main")
    git.bare.update_ref("refs/heads/promotion", base)
    side = git.write(values(2), message(2), branch="promotion")
    merge = git.bare.commit_tree(
        git.bare.git("rev-parse", f"{side}^{{tree}}").strip(),
        [base, side],
        "Merge pull request #17 from acme/promotion",
    )
    git.bare.update_ref("refs/heads/main", merge)
    newest, *_ = told(call, "checkout", "dev")
    assert (newest["kind"], newest["run"], newest["manifest_commit"], newest["manifest_pull_request"]) == (
        "promotion", "01RUN2", merge, 17,
    )  # fmt: skip
    squashed = git.write(values(3), f"Promote checkout (#18)\n\n{message(3).partition(chr(10))[2]}")
    newest, *_ = told(call, "checkout", "dev")
    assert (newest["manifest_commit"], newest["manifest_pull_request"], newest["run"]) == (squashed, 18, "01RUN3")


@pytest.mark.parametrize(
    "said",
    [
        message(1) + "\nCo-authored-by: Carol <carol@example.org>\n",
        f"Promote (#18)\n\n<details>\n\n```text\n{message(1).rpartition(chr(10) * 2)[2]}```\n\n</details>",
        f"Several (#18)\n\n* {message(2, 'prod')}\n* {message(1)}\n* {message(3, application='basket')}",
    ],
    ids=["co-author below", "text of the pull request", "several squashed"],
)
def test_trailers_count_wherever_a_squash_has_put_them(call: Call, git: Git, said: str) -> None:
    git.write(values(1), said)
    newest, *_ = told(call, "checkout", "dev")
    assert (newest["kind"], newest["run"], newest["source_pull_requests"]) == ("promotion", "01RUN1", [41])


def test_history_of_all_environments_is_in_the_order_of_time(call: Call, git: Git) -> None:
    git.write(values(1), message(1))
    git.write(values(1), message(1, "prod"), environment="prod")
    git.write(values(2), message(2))
    assert [one["environment"] for one in told(call, "checkout")][:3] == ["dev", "prod", "dev"]
    assert len(told(call, "checkout", "--limit", "1")) == 1


def test_text_has_one_block_a_change(call: Call, git: Git) -> None:
    commit = git.write(values(1), message(1))
    block = call("history", "checkout", "dev").out.splitlines()[:5]
    assert block == [
        "2026-03-04T13:00:00Z checkout in dev: Show prices with tax",
        "    image.tag: 0 -> tag-1",
        f"    image.digest: sha256:000000000000 -> {digest(1)[:19]}",
        f"    promoted for Ada <ada@example.org> in manifest commit {commit[:12]}",
        f"    from {SOURCE}@4f4f4f4f4f4f #41, run 01RUN1",
    ]


def test_history_needs_no_database(call: Call, git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git.write(values(1), message(1))
    monkeypatch.setenv("MERGEPORT_STATE_DIRECTORY", str(tmp_path / "nothing"))
    assert told(call, "checkout", "dev")[0]["run"] == "01RUN1"


def test_history_that_was_cut_off_says_so(call: Call, git: Git) -> None:
    git.write(values(1), message(1))
    git.write(values(2), message(2))
    (oldest,) = told(call, "checkout", "dev", "--depth", "1")
    assert (oldest["perhaps_older"], oldest["run"]) == (True, "01RUN2")


def test_names_that_do_not_exist_are_errors(call: Call) -> None:
    assert "has no application chekout" in call("history", "chekout").err
    assert "has no environment prd" in call("history", "checkout", "prd").err
    assert "has no environment prd" in call("diff", "prd", "dev").err


# --- diff -----------------------------------------------------------------------------------------


def changed(call: Call, *argv: str) -> dict[str, list[list[str]]]:
    found = call("diff", *argv, "--json").json
    return {one["application"]: [list(change.values()) for change in one["changes"]] for one in found}


def test_two_environments_are_compared_now(call: Call, git: Git) -> None:
    git.write(values(1), message(1, "prod"), environment="prod")
    git.write(values(2), message(2))
    assert changed(call, "dev", "prod@now") == {
        "checkout": [["image.tag", "tag-2", "tag-1"], ["image.digest", digest(2), digest(1)]]
    }
    assert changed(call, "dev@now", "dev@now") == {}


def test_two_times_are_compared(call: Call, git: Git) -> None:
    first = git.write(values(1), message(1))
    git.write(values(2), message(2))
    wanted = [["image.tag", "tag-1", "tag-2"], ["image.digest", digest(1), digest(2)]]
    assert changed(call, "dev@2026-03-04T13:30:00Z", "dev@2026-03-04T15:00:00+01:00") == {"checkout": wanted}
    assert changed(call, f"dev@{first[:9]}", "dev") == {"checkout": wanted}


def test_all_applications_are_compared(call: Call, git: Git) -> None:
    more = {"apps/basket/values-dev.yaml": values(3), "apps/basket/values-prod.yaml": values(4)}
    configuration = f"{CONFIGURATION}  basket:\n    source: {SOURCE}\n"
    git.write(values(1), "Begin", more={"mergeport.yaml": configuration, **more})
    assert list(changed(call, "dev", "prod")) == ["checkout", "basket"]
    assert list(changed(call, "dev", "prod", "--app", "basket")) == ["basket"]


def test_time_before_the_first_commit_is_an_error(call: Call) -> None:
    assert "has no commit from before 2001-01-01 00:00 UTC" in call("diff", "dev@2001-01-01", "dev").err
    assert "no commit of the manifest branch begins with abcdef0" in call("diff", "dev@abcdef0", "dev").err


# --- rebuild --------------------------------------------------------------------------------------


def test_rebuild_makes_the_database_and_status_shows_what_came_back(
    call: Call, git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git.write(values(1), message(1))
    git.write(values(9), "By hand", environment="prod", by=CAROL)
    call("lock", "prod", "--reason", "incident 42")
    monkeypatch.setenv("MERGEPORT_STATE_DIRECTORY", str(tmp_path / "anew"))
    planned = call("rebuild", "--plan")
    assert planned.out.splitlines()[0].startswith("checkout in dev would be live again: 4f4f4f4f4f4f since 2026-03-04T")
    assert "checkout in prod does not come back: no commit of ours brought what is there; Carol" in planned.err
    assert "approvals by command" in planned.err
    assert not (tmp_path / "anew" / "mergeport.db").exists()
    done = call("rebuild", "--json").json
    assert (done["done"], [one["run"] for one in done["live"]], done["state_entries"]) == (
        True, ["01RUN1"], {MANIFESTS: 1},
    )  # fmt: skip
    again = call("rebuild")
    assert (
        f"checkout in dev is known and left alone: {SOURCE_COMMIT[:12]} is live since 2026-03-04T13:00:00Z\n"
        in again.out
    )
    assert "live again" not in again.out
    assert [one["commit"] for one in call("rebuild", "--plan", "--json").json["known"]] == [SOURCE_COMMIT]
    dev, _, prod = call("status", "--json").json
    assert (dev["commit"], dev["tags"], dev["since"]) == (SOURCE_COMMIT, ["tag-1"], "2026-03-04T13:00:00+00:00")
    assert [one["kind"] for one in prod["closed"]] == ["lock"]
    assert call("why-not", SOURCE_COMMIT, "dev", "--json").json[0]["cause"] == "health"


NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("prod", Point("prod")),
        ("prod@now", Point("prod")),
        ("prod@2026-03-01", Point("prod", datetime(2026, 3, 1, tzinfo=UTC))),
        ("prod@2026-03-01T09:00+01:00", Point("prod", datetime(2026, 3, 1, 8, tzinfo=UTC))),
        ("prod@2026-03-01_08:00", Point("prod", datetime(2026, 3, 1, 8, tzinfo=UTC))),
        ("prod@3d", Point("prod", NOW - timedelta(days=3))),
        ("prod@1h30m", Point("prod", NOW - timedelta(minutes=90))),
        ("prod@4F2C1E9", Point("prod", commit="4f2c1e9")),
        ("prod@20261101", Point("prod", commit="20261101")),
    ],
)
def test_point_is_read_as_people_write_it(text: str, wanted: Point) -> None:
    assert point(text, NOW) == wanted


@pytest.mark.parametrize("text", ["", "@now", "prod@yesterday", "prod@2026-13-01", "prod@-3d"])
def test_point_that_is_unclear_is_refused(text: str) -> None:
    with pytest.raises(PermanentError, match="is no point in the history"):
        point(text, NOW)

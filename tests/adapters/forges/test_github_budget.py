"""GitHub's limits as its answers tell them, and that nothing is sent before their time; answered by `responses`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import responses

from service.adapters.forges.github import GitHub, TokenLogin
from service.adapters.github_api.budget import HOUR, MINUTE, MOST, Budgets, Use
from service.core.words import Repository, Sha
from service.errors import LimitedError, PermanentError
from service.ports import CommitState, CommitStatus

API = "https://api.github.com:443"  # PyGithub writes the port
REPO = Repository("acme/checkout")
COMMIT = Sha("a" * 40)
STATUS = CommitStatus("mergeport/dev", CommitState.PENDING, "waiting", "")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PRIMARY = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "0", "X-RateLimit-Resource": "core"}
COUNTED = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "4000", "X-RateLimit-Resource": "core"}
LIMITED = {"message": "API rate limit exceeded"}


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budgets(clock: Clock) -> Budgets:
    return Budgets(clock.now)


def forge_with(budgets: Budgets, who: str = "ghp_secret") -> GitHub:
    return GitHub(TokenLogin(who), budgets=budgets)


@pytest.fixture
def forge(budgets: Budgets) -> GitHub:
    return forge_with(budgets)


@pytest.fixture
def http() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def reset(**after: float) -> dict[str, str]:
    return {"X-RateLimit-Reset": str(int((NOW + timedelta(**after)).timestamp()))}


def http_date(**after: float) -> str:
    return format_datetime(NOW + timedelta(**after), usegmt=True)


def limited(http: responses.RequestsMock, forge: GitHub, headers: dict[str, str], status: int = 403) -> LimitedError:
    http.get(f"{API}/repos/{REPO}", status=status, json=LIMITED, headers=headers)
    with pytest.raises(LimitedError) as caught:
        forge.default_branch(REPO)
    return caught.value


# --- how long ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"Retry-After": "30"}, 30, id="seconds"),
        pytest.param({"Retry-After": http_date(seconds=40)}, 40, id="date"),
        pytest.param({"Retry-After": http_date(minutes=5, seconds=40), "Date": http_date(minutes=5)}, 40, id="dates"),
        pytest.param({"Retry-After": http_date(seconds=-40)}, 1, id="date-in-the-past"),
        pytest.param({"Retry-After": "-3"}, 1, id="less-than-nothing"),
        pytest.param({"Retry-After": "soon"}, 60, id="no-time-at-all"),
        pytest.param({"Retry-After": "nan"}, 60, id="no-number"),
        pytest.param({**PRIMARY, **reset(minutes=10)}, 601, id="reset"),
        pytest.param({**PRIMARY, **reset(minutes=10), "Retry-After": "7"}, 7, id="both"),
        pytest.param({**PRIMARY, **reset(minutes=-10)}, 60, id="reset-in-the-past"),
        pytest.param(PRIMARY, 60, id="no-reset"),
        pytest.param({}, 60, id="no-headers"),
        pytest.param({**PRIMARY, **reset(minutes=15), "Date": http_date(minutes=5)}, 601, id="clock-five-minutes-slow"),
        pytest.param({**PRIMARY, **reset(minutes=5), "Date": http_date(minutes=-5)}, 601, id="clock-five-minutes-fast"),
        pytest.param(
            {**PRIMARY, **reset(minutes=-1), "Date": http_date(minutes=-5)}, 241, id="reset-past-by-our-clock"
        ),
    ],
)
def test_limit_is_waited_for_as_its_answer_says(
    forge: GitHub, http: responses.RequestsMock, headers: dict[str, str], seconds: float, status: int
) -> None:
    assert limited(http, forge, headers, status).retry_after == seconds


def test_words_of_a_limit_say_until_when_and_never_too_early(forge: GitHub, http: responses.RequestsMock) -> None:
    error = limited(http, forge, {"Retry-After": "60"})  # until 03:05:05
    assert str(error) == "waits for GitHub's limit until 03:06 UTC: API rate limit exceeded"


def test_403_without_a_limit_is_a_refusal_and_holds_nothing_up(forge: GitHub, http: responses.RequestsMock) -> None:
    refused = {"message": "Resource not accessible by integration"}
    http.get(f"{API}/repos/{REPO}", status=403, json=refused, headers={**COUNTED, **reset(minutes=9)})
    http.get(f"{API}/repos/{REPO}", json={"full_name": REPO, "default_branch": "trunk"})
    with pytest.raises(PermanentError):
        forge.default_branch(REPO)
    assert forge.default_branch(REPO) == "trunk"


# --- nothing goes out before its time ------------------------------------------------------------


def test_after_a_limit_no_call_of_the_login_goes_out_before_its_time(
    budgets: Budgets, clock: Clock, http: responses.RequestsMock
) -> None:
    limited(http, forge_with(budgets), {"Retry-After": "30"})
    clock.move(seconds=20)
    with pytest.raises(LimitedError) as caught:
        forge_with(budgets).set_commit_status(REPO, COMMIT, STATUS)
    assert (caught.value.retry_after, len(http.calls)) == (10, 1)


def test_after_the_time_of_a_limit_calls_go_out_again(
    forge: GitHub, clock: Clock, http: responses.RequestsMock
) -> None:
    limited(http, forge, {"Retry-After": "30"})
    http.get(f"{API}/repos/{REPO}", json={"full_name": REPO, "default_branch": "trunk"})
    clock.move(seconds=30)
    assert forge.default_branch(REPO) == "trunk"


def test_limit_of_one_login_holds_no_other_one_up(budgets: Budgets, http: responses.RequestsMock) -> None:
    limited(http, forge_with(budgets), {"Retry-After": "30"})
    http.get(f"{API}/repos/{REPO}", json={"full_name": REPO, "default_branch": "trunk"})
    assert forge_with(budgets, "ghp_other").default_branch(REPO) == "trunk"


def test_answer_that_was_the_last_of_the_hour_holds_the_next_call(forge: GitHub, http: responses.RequestsMock) -> None:
    there = {"full_name": REPO, "default_branch": "trunk"}
    http.get(f"{API}/repos/{REPO}", json=there, headers={**PRIMARY, **reset(minutes=20)})
    forge.default_branch(REPO)
    with pytest.raises(LimitedError) as caught:
        forge.default_branch(REPO)
    assert (caught.value.retry_after, len(http.calls)) == (1201, 1)


def test_clock_that_was_ahead_holds_nothing_up_once_it_is_right(
    forge: GitHub, clock: Clock, http: responses.RequestsMock
) -> None:
    clock.move(hours=5)
    limited(http, forge, {"Retry-After": "30"})
    clock.move(hours=-5)
    http.get(f"{API}/repos/{REPO}", json={"full_name": REPO, "default_branch": "trunk"})
    assert forge.default_branch(REPO) == "trunk"


def test_limit_of_another_resource_holds_nothing_up(forge: GitHub, http: responses.RequestsMock) -> None:
    there = {"full_name": REPO, "default_branch": "trunk"}
    http.get(
        f"{API}/repos/{REPO}", json=there, headers={**PRIMARY, **reset(minutes=1), "X-RateLimit-Resource": "search"}
    )
    assert [forge.default_branch(REPO) for _ in range(2)] == ["trunk"] * 2


# --- content is spaced ---------------------------------------------------------------------------


def enters(budgets: Budgets, use: Use, times: int) -> list[float | None]:
    """Try so often; give the seconds that each one has to wait, None for those that go out."""
    budget = budgets.of(API, TokenLogin("t"), None, "sources")
    return [None if (one := budget.enter(use)) is None else one.seconds for _ in range(times)]


@pytest.mark.parametrize(("use", "span"), [(use, at) for use in (Use.CONTENT, Use.LATE) for at in (0, 1)])
def test_content_stays_below_githubs_numbers(budgets: Budgets, clock: Clock, use: Use, span: int) -> None:
    length, most = MOST[use][span]
    sent: list[datetime] = []
    for _ in range(2 * most):
        if enters(budgets, use, 1) == [None]:
            sent.append(clock.at)
        clock.move(seconds=length.total_seconds() / most / 4)
    assert max(sum(1 for at in sent if begin <= at < begin + length) for begin in sent) <= most
    assert most <= {MINUTE: 80, HOUR: 500}[length]


def test_what_is_late_leaves_room_for_pull_requests(budgets: Budgets) -> None:
    late = enters(budgets, Use.LATE, 100)
    assert (late.count(None), enters(budgets, Use.CONTENT, 20).count(None)) == (60, 15)


def test_reading_stops_where_the_points_of_a_minute_are_spent(budgets: Budgets, clock: Clock) -> None:
    content = enters(budgets, Use.CONTENT, 50).count(None)
    clock.move(seconds=20)
    read = enters(budgets, Use.READ, 1000)
    assert (content, read.count(None), read[-1]) == (50, 600, 40.0)
    clock.move(seconds=40)
    assert enters(budgets, Use.READ, 1000).count(None) == 250


def test_what_is_late_leaves_points_for_what_is_not(budgets: Budgets) -> None:
    enters(budgets, Use.READ, 700)
    assert (enters(budgets, Use.LATE, 1), enters(budgets, Use.CONTENT, 40).count(None)) == ([60.0], 30)


@pytest.mark.parametrize("use", [Use.CONTENT, Use.LATE])
def test_those_that_wait_come_back_one_after_the_other(budgets: Budgets, clock: Clock, use: Use) -> None:
    for _ in range(MOST[use][0][1]):
        enters(budgets, use, 1)
        clock.move(seconds=0.5)
    first = 60 - MOST[use][0][1] * 0.5
    assert [round(one or 0, 1) for one in enters(budgets, use, 4)] == [first + 0.5 * place for place in range(4)]


def test_server_without_limits_is_not_spaced(forge: GitHub, http: responses.RequestsMock) -> None:
    http.post(f"{API}/repos/{REPO}/statuses/{COMMIT}", status=201, json={"id": 1})
    for _ in range(100):
        forge.set_commit_status(REPO, COMMIT, STATUS)
    assert len(http.calls) == 100


def test_many_threads_share_one_budget(budgets: Budgets) -> None:
    found: list[float | None] = []
    threads = [threading.Thread(target=lambda: found.extend(enters(budgets, Use.CONTENT, 20))) for _ in range(10)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found.count(None) == 75


# --- what people are told ------------------------------------------------------------------------


def test_what_is_left_is_known_from_the_last_answer(
    budgets: Budgets, forge: GitHub, http: responses.RequestsMock
) -> None:
    there = {"full_name": REPO, "default_branch": "trunk"}
    http.get(f"{API}/repos/{REPO}", json=there, headers={**COUNTED, **reset(minutes=20)})
    forge.default_branch(REPO)
    (told,) = budgets.standings()
    assert (told.login, told.limit, told.remaining, told.held_until) == ("sources", 5000, 4000, None)
    assert told.reset_at == NOW + timedelta(minutes=20)


def test_hold_is_told_until_it_is_over(
    budgets: Budgets, clock: Clock, forge: GitHub, http: responses.RequestsMock
) -> None:
    limited(http, forge, {"Retry-After": "30"})
    assert [one.held_until for one in budgets.standings()] == [NOW + timedelta(seconds=30)]
    clock.move(seconds=30)
    assert budgets.standings() == []

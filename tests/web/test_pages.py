"""The pages: what each shows of what is in the store, and what none may ever send."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from flask.testing import FlaskClient

from service.core.deployment import Past, past_text
from service.core.words import BuildState, DeliveryState, EditState, RunState, Sha, Stage, WaitKind
from service.store import Store, deliveries, deployments, edits, overrides, sightings
from service.store.database import Store as RealStore
from service.web.counters import Counters
from service.web.private import private_app
from tests.fixtures.rows import COMMIT, NOW, REPOSITORY, Rows
from tests.web.conftest import URL

DIFF = """\
--- a/apps/checkout/values-dev.yaml
+++ b/apps/checkout/values-dev.yaml
@@ -1,2 +1,2 @@
 image:
-  tag: 91be77a0c3d1
+  tag: 4f2c1e9ab012
"""


def text_of(html: str) -> str:
    """Give the text of a page that a person reads."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_the_list_shows_the_newest_run_first(private: FlaskClient, rows: Rows) -> None:
    rows.run(application="checkout")
    rows.run(application="recommender", at=NOW + timedelta(seconds=1))
    page = private.get("/").text
    assert page.index("recommender") < page.index("checkout</a>")


@pytest.mark.parametrize(
    ("query", "shown"),
    [("application=web", "web"), ("environment=prod", "prod-one"), ("state=failed", "broken")],
)
def test_the_list_can_be_narrowed(private: FlaskClient, rows: Rows, query: str, shown: str) -> None:
    rows.run(application="web")
    rows.run(application="prod-one", environment="prod")
    rows.run(application="broken", state=RunState.FAILED)
    page = private.get(f"/?{query}").text
    named = {name for name in ("web", "prod-one", "broken") if f">{name}</a>" in page}
    assert named == {shown}


def test_the_list_counts_what_it_is_narrowed_to(private: FlaskClient, rows: Rows) -> None:
    for name in ("web", "web-two"):
        rows.run(rows.change(f"{len(name):040x}"), application="web", state=RunState.FAILED)
    rows.run(application="broken", state=RunState.FAILED)
    assert "failed 2" in text_of(private.get("/?application=web").text)


def test_the_list_tells_what_a_change_is_and_whose(private: FlaskClient, rows: Rows) -> None:
    rows.run(rows.change(subject="Charge the right card", author="ada"))
    assert "Charge the right card by ada" in text_of(private.get("/").text)


def test_deliveries_can_be_narrowed_by_state(private: FlaskClient, rows: Rows) -> None:
    rows.delivery()
    narrowed = private.get("/deliveries?state=failed").text
    assert "No deliveries like that" in narrowed
    assert 'href="/deliveries?state=stored"' in narrowed
    assert private.get("/deliveries?state=done").status_code == 400


def test_the_pull_request_that_is_waited_for_is_linked_where_that_is_told(private: FlaskClient, rows: Rows) -> None:
    run = rows.run(pull_request=7, pull_request_url="https://github.com/acme/manifests/pull/7")
    rows.wait(run, WaitKind.PULL_REQUEST, key="acme/manifests:main", subject="acme/manifests#7")
    waits = private.get(f"/runs/{run.id}").text.partition('class="wait"')[2].partition("</section>")[0]
    assert 'href="https://github.com/acme/manifests/pull/7"' in waits
    assert "acme/manifests:main" not in waits


def test_a_state_that_is_none_is_refused(private: FlaskClient) -> None:
    assert private.get("/?state=done").status_code == 400


def test_a_run_s_page_tells_its_change(private: FlaskClient, rows: Rows) -> None:
    pull = {"number": 41, "title": "Charge the right card", "author": "ada", "url": "https://github.com/x/pull/41"}
    run = rows.run(rows.change(pull_requests=[{**pull, "labels": ["bug"]}]))
    page = private.get(f"/runs/{run.id}").text
    assert f'href="https://github.com/{REPOSITORY}/commit/{COMMIT}"' in page
    assert 'href="https://github.com/x/pull/41"' in page
    assert "#41 Charge the right card by ada bug" in text_of(page)


def test_a_run_s_page_tells_steps_and_what_it_waits_for(private: FlaskClient, rows: Rows) -> None:
    run = rows.run()
    rows.step(run, "find image", 2.5, message="it is not there yet")
    rows.wait(run, WaitKind.IMAGE, created_at=NOW - timedelta(minutes=4))
    told = text_of(private.get(f"/runs/{run.id}").text)
    assert "find image 2.5 s it is not there yet" in told
    assert "Waits for: image Last seen the tag is not there yet" in told
    assert "Since 4 min ago" in told
    assert "Deadline in 30 min" in told


def test_a_run_s_page_tells_which_gates_were_opened_for_it_by_whom_and_why(private: FlaskClient, rows: Rows) -> None:
    run = rows.run(images={"": {"digest": "sha256:0a"}})
    with rows.store.begin() as tx:
        overrides.keep(tx, run, "freeze", who="anna", why="<b>fixes</b> it", at=NOW)
    told = private.get(f"/runs/{run.id}").text
    assert "Overridden gates Gate By Why When freeze anna <b>fixes</b> it" in text_of(told)


def test_a_failed_run_says_what_to_do_about_its_code(private: FlaskClient, rows: Rows) -> None:
    run = rows.run(state=RunState.FAILED, message="there is no image.tga", code="values-missing")
    page = private.get(f"/runs/{run.id}").text
    assert (
        "What to do: Correct the path, or allow Mergeport to add the key: create: true in mergeport.yaml , --create on"
        in text_of(page)
    )
    assert "<code>create: true</code>" in page


def test_a_run_with_a_code_of_another_version_shows_it_alone(private: FlaskClient, rows: Rows) -> None:
    run = rows.run(state=RunState.FAILED, message="it broke", code="of-a-later-version")
    told = text_of(private.get(f"/runs/{run.id}").text)
    assert "it broke of-a-later-version" in told
    assert "What to do" not in told


def test_a_wait_says_when_it_gives_up_before_its_deadline(private: FlaskClient, store: Store, rows: Rows) -> None:
    run = rows.run()
    rows.wait(run, WaitKind.SYNC)
    with store.begin() as tx:
        sightings.keep(tx, run.id, past_text(Past(gives_up_at=NOW + timedelta(minutes=4))))
    told = text_of(private.get(f"/runs/{run.id}").text)
    assert re.search("Gives up in 4 min ?, unless it gets better", told)
    assert told.index("Gives up") < told.index("Deadline")


def test_a_run_s_page_tells_digest_and_size_of_each_platform(private: FlaskClient, rows: Rows) -> None:
    digest, arm = "sha256:" + "0a" * 32, "sha256:" + "0b" * 32
    image = {"registry": "r.example", "repository": "checkout", "tag": "4f2c1e9ab012", "digest": digest}
    parts = [
        {"platform": "linux/amd64", "digest": "sha256:" + "0c" * 32, "size": 12_345_678},
        {"platform": "linux/arm64", "digest": arm, "size": 999_600},
    ]
    run = rows.run(images={"": {**image, "platforms": [], "parts": parts, "revision": None}})
    told = text_of(private.get(f"/runs/{run.id}").text)
    assert "linux/amd64, 12.3 MB," in told
    assert re.search(rf"linux/arm64, 1.0 MB, +{arm}", told)


def test_a_run_s_page_tells_what_the_scan_has_found(private: FlaskClient, rows: Rows) -> None:
    scan = {"status": "complete", "counts": {"critical": 1, "low": 7}, "scanned_at": None, "said": ""}
    image = {"registry": "r.example", "repository": "checkout", "tag": "1", "digest": None, "revision": None}
    run = rows.run(images={"": {**image, "scan": scan}})
    assert re.search("Scan ?1 critical, 7 low", text_of(private.get(f"/runs/{run.id}").text))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"origin": "same-tree", "made_for": "4f2c1e9a" * 5}, "the image of 4f2c1e9a4f2c, the same tree"),
        ({"origin": "other-build", "built_by": "01M8"}, "the build of run 01M8"),
        ({"origin": "own-build"}, "this run's build"),
    ],
)
def test_a_run_s_page_tells_whose_image_it_is(
    private: FlaskClient, rows: Rows, fields: dict[str, str], words: str
) -> None:
    image = {"registry": "r.example", "repository": "checkout", "tag": "1", "digest": "sha256:0a", "revision": None}
    run = rows.run(images={"": {**image, **fields}})
    told = text_of(private.get(f"/runs/{run.id}").text)
    assert re.search(rf"Whose {re.escape(words)}", told)
    assert ("no revision label" in told) is ("made_for" not in fields)


def test_a_run_s_page_tells_that_a_live_image_is_gone_or_that_its_tag_has_moved(
    private: FlaskClient, store: Store, rows: Rows
) -> None:
    run = rows.run()
    with store.begin() as tx:
        deployments.begin(tx, run, argocd_application="checkout-dev", health="Healthy", at=NOW)
        one = deployments.live(tx, run.application, run.environment)
        assert one is not None
        deployments.misses_image(tx, one, NOW)
        deployments.feels(tx, one, "ImageGone", healthy_since=None)
        deployments.drifts(tx, one, "r.example/checkout:1 names sha256:0b now")
    told = text_of(private.get(f"/runs/{run.id}").text)
    assert "Its image is not in the registry any more" in told
    assert "r.example/checkout:1 names sha256:0b now" in told


def test_a_run_s_page_tells_image_and_difference(private: FlaskClient, store: Store, rows: Rows) -> None:
    digest = "sha256:" + "0a" * 32
    image = {"registry": "r.example", "repository": "checkout", "tag": "4f2c1e9ab012", "digest": digest}
    run = rows.run(images={"checkout": {**image, "platforms": ["linux/amd64"], "revision": None}})
    with store.begin() as tx:
        edits.ensure(
            tx, run_id=run.id, repository=REPOSITORY, branch="main", application="checkout", environment="dev", at=NOW
        )
        edits.update(tx, run.id, diff=DIFF, state=EditState.PUBLISHED, commit=Sha("77" * 20))
    page = private.get(f"/runs/{run.id}").text
    assert digest in page
    assert "not known: the image has no revision label" in page
    assert '<span class="removed">-  tag: 91be77a0c3d1</span>' in page
    assert '<span class="added">+  tag: 4f2c1e9ab012</span>' in page


def test_a_run_s_page_shows_the_end_of_the_log_and_links_the_whole(private: FlaskClient, rows: Rows) -> None:
    run = rows.run()
    rows.build(run, *(f"line {number}\n" for number in range(450)))
    page = private.get(f"/runs/{run.id}").text
    assert "line 449" in page
    assert "line 249\n" not in page
    whole = private.get(f"/runs/{run.id}/log")
    assert whole.mimetype == "text/plain"
    assert "line 0\nline 1\n" in whole.text
    assert "line 449\n" in whole.text


def test_a_whole_log_is_complete_beyond_one_page_of_pieces(private: FlaskClient, rows: Rows) -> None:
    run = rows.run()
    rows.build(run, *(f"{number}\n" for number in range(2300)), state=BuildState.SUCCEEDED)
    lines = private.get(f"/runs/{run.id}/log").text.splitlines()
    assert lines[1:2301] == [str(number) for number in range(2300)]


def test_a_failed_run_shows_its_words_and_how_to_try_again(private: FlaskClient, rows: Rows) -> None:
    run = rows.run(state=RunState.FAILED, message="no such tag (push it first)", code="tag-missing", ended_at=NOW)
    told = text_of(private.get(f"/runs/{run.id}").text)
    assert "no such tag (push it first) tag-missing" in told
    assert f"mergeport runs retry {run.id}" in told


def test_runs_that_follow_each_other_link_each_other(private: FlaskClient, rows: Rows) -> None:
    change = rows.change()
    first = rows.run(change, state=RunState.FAILED)
    second = rows.run(change, generation=1)
    newer = rows.run(rows.change("5a" * 20), state=RunState.SUPERSEDED, superseded_by=second.id)
    assert f'<a href="/runs/{first.id}">an earlier run' in private.get(f"/runs/{second.id}").text
    assert f'<a href="/runs/{second.id}">a later run' in private.get(f"/runs/{first.id}").text
    assert f'Superseded by <a href="/runs/{second.id}">' in private.get(f"/runs/{newer.id}").text


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (RunState.FAILED, "which has failed."),
        (RunState.SUCCEEDED, "which has succeeded."),
        (RunState.CANCELLED, "which was cancelled."),
        (RunState.SUPERSEDED, "which was superseded."),
    ],
)
def test_a_retry_s_page_says_how_the_earlier_run_ended(
    private: FlaskClient, rows: Rows, ended: RunState, words: str
) -> None:
    change = rows.change()
    rows.run(change, state=ended)
    again = rows.run(change, generation=1)
    assert words in text_of(private.get(f"/runs/{again.id}").text)


@pytest.mark.parametrize(
    ("state", "seconds"),
    [(RunState.QUEUED, "2"), (RunState.RUNNING, "2"), (RunState.WAITING, "10"), (RunState.SUCCEEDED, None)],
)
def test_a_page_looks_again_only_while_something_is_under_way(
    private: FlaskClient, rows: Rows, state: RunState, seconds: str | None
) -> None:
    run = rows.run(state=state)
    for path in ("/", f"/runs/{run.id}"):
        found = re.search(r'http-equiv="refresh" content="(\d+)"', private.get(path).text)
        assert (found and found[1]) == seconds


def test_a_delivery_s_page_tells_routing_and_runs(private: FlaskClient, store: Store, rows: Rows) -> None:
    delivery = rows.delivery()
    run = rows.run()
    with store.begin() as tx:
        kept = deliveries.get(tx, delivery)
        assert kept is not None
        routing = {"targets": [["checkout", "dev"]], "refused": [["web", "dev", "no path of it changed"]], "reason": ""}
        deliveries.finish(
            tx, kept.sequence, DeliveryState.PROCESSED, "", at=NOW, change_id=run.change_id, routing=routing
        )
    page = private.get(f"/deliveries/{delivery}").text
    assert "targets checkout · dev refused web · dev · no path of it changed" in text_of(page)
    assert f'href="/runs/{run.id}"' in page


def test_an_ignored_delivery_says_why(private: FlaskClient, rows: Rows) -> None:
    delivery = rows.delivery(ignored="branch deleted")
    assert "branch deleted" in private.get(f"/deliveries/{delivery}").text
    assert "branch deleted" in private.get("/deliveries").text


EVIL = '"><script>alert(1)</script>'


def test_words_of_strangers_stay_words(private: FlaskClient, store: Store, rows: Rows) -> None:
    change = rows.change(
        subject=EVIL,
        author=EVIL,
        branch=f"b/{EVIL}",
        pull_requests=[{"number": 1, "title": EVIL, "author": EVIL, "url": "javascript:alert(1)", "labels": [EVIL]}],
    )
    run = rows.run(change, message=EVIL, stage=Stage.PROMOTE)
    rows.step(run, EVIL, message=EVIL)
    rows.build(run, EVIL)
    rows.wait(run, subject=EVIL, last_seen=EVIL)
    with store.begin() as tx:
        edits.ensure(
            tx, run_id=run.id, repository=REPOSITORY, branch="main", application="a", environment="dev", at=NOW
        )
        edits.update(tx, run.id, diff=f"+{EVIL}\n")
    for path in ("/", f"/runs/{run.id}"):
        page = private.get(path).text
        assert "<script" not in page
        assert 'href="javascript' not in page
        assert EVIL in unescape(page)


def test_every_answer_is_closed_to_scripts_frames_and_sniffing(private: FlaskClient, rows: Rows) -> None:
    run = rows.run()
    for path in ("/", f"/runs/{run.id}", f"/runs/{run.id}/log", "/deliveries", "/metrics", "/readyz", "/nowhere"):
        told = private.get(path).headers
        assert "default-src 'none'" in told["Content-Security-Policy"], path
        assert "script" not in told["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in told["Content-Security-Policy"]
        assert told["X-Content-Type-Options"] == "nosniff"
        assert told["Cache-Control"] == "no-store"


def test_the_style_sheet_is_fetched_once(private: FlaskClient) -> None:
    found = re.search(r'href="(/static/style\.css\?v=[0-9a-f]+)"', private.get("/").text)
    assert found
    sheet = private.get(found[1])
    assert sheet.mimetype == "text/css"
    assert "immutable" in sheet.headers["Cache-Control"]
    again = private.get(found[1], headers={"If-None-Match": sheet.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("path", ["/runs/01UNKNOWN", "/runs/01UNKNOWN/log", "/deliveries/unknown-one", "/nowhere"])
def test_what_is_not_there_is_a_page_that_says_so(private: FlaskClient, path: str) -> None:
    answer = private.get(path)
    assert answer.status_code == 404
    assert "<h1>Not Found</h1>" in answer.text


def test_a_store_that_is_away_is_a_page_that_says_so(tmp_path: object) -> None:
    away = RealStore(f"sqlite:///{tmp_path}/nowhere/mergeport.db")
    answer = private_app(away, url=URL, now=lambda: NOW, counters=Counters()).test_client().get("/")
    away.close()
    assert answer.status_code == 503
    assert "the database does not answer" in answer.text


@pytest.mark.parametrize("path", ["/runs/%00", "/runs/a%00b/log", "/deliveries/%00", "/%00"])
def test_a_path_with_a_nul_is_not_there(private: FlaskClient, path: str) -> None:
    assert private.get(path).status_code == 404


@pytest.mark.parametrize("query", ["application=%00", "environment=a%00", "state=%00", "x%00=1", "repository=%00"])
@pytest.mark.parametrize("page", ["/", "/deliveries"])
def test_a_filter_with_a_nul_is_refused(private: FlaskClient, page: str, query: str) -> None:
    assert private.get(f"{page}?{query}").status_code == 400


def test_run_page_says_since_when_it_is_live_and_who_took_it_away(
    private: FlaskClient, rows: Rows, store: Store
) -> None:
    run = rows.run(state=RunState.SUCCEEDED)
    with store.begin() as tx:
        deployments.begin(tx, run, argocd_application="checkout-dev", health="Healthy", at=NOW)
    live = text_of(private.get(f"/runs/{run.id}").text)
    with store.begin() as tx:
        (one,) = deployments.of_run(tx, run.id)
        deployments.end(tx, one, "reverted by 4f2c1e9ab012 of Bob: Revert", by_us=False, at=NOW)
    gone = text_of(private.get(f"/runs/{run.id}").text)
    assert "Live since" in live
    assert "healthy since" in live
    assert "reverted by 4f2c1e9ab012 of Bob: Revert" in gone


def test_run_page_leads_to_its_application_in_argocd(private: FlaskClient, rows: Rows, store: Store) -> None:
    run = rows.run(state=RunState.SUCCEEDED)
    url = "https://argocd.example.com/applications/argocd/checkout-dev"
    with store.begin() as tx:
        sightings.keep(tx, run.id, past_text(Past(url=url)))
    assert f'href="{url}"' in private.get(f"/runs/{run.id}").text


def test_list_is_found_where_a_run_s_address_is_cut_short(private: FlaskClient, rows: Rows) -> None:
    rows.run(application="checkout")
    answer = private.get("/runs?application=checkout", follow_redirects=True)
    assert answer.request.query_string == b"application=checkout"
    assert ">checkout</a>" in answer.text


def test_no_deliveries_of_a_state_is_not_said_of_the_whole_repository(private: FlaskClient, rows: Rows) -> None:
    rows.delivery()
    told = text_of(private.get(f"/deliveries?repository={REPOSITORY}&state=failed").text)
    assert "No deliveries like that" in told
    assert f"No deliveries of {REPOSITORY}" not in told


def test_run_page_leads_to_the_other_runs_of_its_commit(private: FlaskClient, rows: Rows) -> None:
    run = rows.run(application="checkout")
    rows.run(application="search")
    assert f'href="/?commit={run.commit}"' in private.get(f"/runs/{run.id}").text
    listed = private.get(f"/?commit={run.commit}").text
    assert ">checkout</a>" in listed
    assert ">search</a>" in listed


def test_run_says_why_it_is_not_live_and_what_is_next(private: FlaskClient, rows: Rows) -> None:
    run = rows.run()
    rows.wait(run, WaitKind.IMAGE)
    told = text_of(private.get(f"/runs/{run.id}").text)
    assert "Why it is not live it waits since Wed 2026-03-04 12:00 UTC for the image checkout:4f2c1e9ab012" in told
    assert "Next: look at the pipeline that pushes the image, then mergeport runs retry" in told


def test_run_that_is_live_says_since_when(private: FlaskClient, store: Store, rows: Rows) -> None:
    run = rows.run(state=RunState.SUCCEEDED)
    with store.begin() as tx:
        deployments.begin(tx, run, argocd_application="checkout-dev", health="Healthy", at=NOW)
    assert "it is live since Wed 2026-03-04 12:00 UTC, healthy since" in text_of(private.get(f"/runs/{run.id}").text)

"""The pages of the configuration tell every fault, link to its line, and say what is in force."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from service.core.state import Lock, Placed, State, write
from service.core.state.astray import stored
from service.core.state.entries import Stray
from service.core.words import Repository, Sha
from service.errors import Fault
from service.ports import CommitState
from service.store import Store, configurations, manifest_states, reports
from service.store.configurations import STATUS_CONTEXT, StoredConfiguration
from service.store.tables import configurations as table
from tests.fixtures.rows import NOW
from tests.web.test_figures import scrape
from tests.web.test_pages import text_of

GOOD, BAD = Sha("a" * 40), Sha("b" * 40)
FAULTS = [
    Fault("mergeport.yaml", "is missing", "the branch", 2, 3, "environments.dev.branch"),
    Fault("mergeport.yaml", '"<b>" is not a key here', "did you mean source?", 7, 5, "applications.a.<b>"),
]


def keep(store: Store, commit: Sha, faults: list[Fault], *, later: int = 0) -> None:
    at = NOW + timedelta(seconds=later)
    with store.begin() as tx:
        configurations.keep(tx, StoredConfiguration(commit, "text", not faults, faults, at))
        reports.want(
            tx, repository=Repository("acme/manifests"), commit=commit, context=STATUS_CONTEXT, run_id="",
            state=CommitState.SUCCESS, description="", url="",
        )  # fmt: skip


def test_every_fault_is_shown_with_a_link_to_its_line(private: FlaskClient, store: Store) -> None:
    keep(store, GOOD, [])
    keep(store, BAD, FAULTS, later=1)
    page = private.get(f"/configurations/{BAD}").text
    shown = text_of(page)
    assert "It is refused: 2 faults. In force is the one at aaaaaaaaaaaa" in shown
    assert "environments.dev.branch is missing the branch" in shown
    assert '"<b>" is not a key here did you mean source?' in shown
    assert f"/acme/manifests/blob/{BAD}/mergeport.yaml#L7" in page


def test_without_a_good_one_the_page_says_that_nothing_is_started(private: FlaskClient, store: Store) -> None:
    keep(store, BAD, FAULTS)
    assert "There is no valid one yet" in text_of(private.get(f"/configurations/{BAD}").text)


@pytest.mark.parametrize(
    ("faults", "said"), [([], "Configuration"), (FAULTS[:1], "Configuration (1 fault)"), (FAULTS, "(2 faults)")]
)
def test_every_page_says_in_its_navigation_that_the_newest_is_refused(
    private: FlaskClient, store: Store, faults: list[Fault], said: str
) -> None:
    keep(store, GOOD, FAULTS)
    keep(store, BAD, faults, later=1)
    for path in ("/", "/deliveries", "/configurations", "/nowhere"):
        navigation = text_of(private.get(path).text.partition("<nav>")[2].partition("</nav>")[0])
        assert navigation.endswith(said)


def test_the_list_says_which_one_is_in_force(private: FlaskClient, store: Store) -> None:
    keep(store, GOOD, [])
    keep(store, BAD, FAULTS, later=1)
    shown = text_of(private.get("/configurations").text)
    assert shown.index("refused") < shown.index("in force")


def test_an_unknown_commit_is_not_found(private: FlaskClient) -> None:
    assert private.get(f"/configurations/{GOOD}").status_code == 404


def test_faults_of_the_newest_configuration_are_a_figure(private: FlaskClient, store: Store) -> None:
    assert scrape(private)["mergeport_configuration_faults", ()] == 0
    keep(store, BAD, FAULTS)
    assert scrape(private)["mergeport_configuration_faults", ()] == 2
    keep(store, GOOD, [], later=1)
    assert scrape(private)["mergeport_configuration_faults", ()] == 0


def test_faults_that_an_earlier_version_kept_as_texts_are_still_shown(private: FlaskClient, store: Store) -> None:
    keep(store, BAD, FAULTS)
    with store.begin() as tx:
        tx.execute(sa.update(table).values(faults=["mergeport.yaml:2:3: something is wrong"]))
    assert "something is wrong" in text_of(private.get(f"/configurations/{BAD}").text)


def test_state_in_doubt_is_told_on_every_page_and_is_a_figure(private: FlaskClient, store: Store) -> None:
    name = Repository("acme/manifests")
    with store.begin() as tx:
        manifest_states.believe(tx, name, GOOD, "", at=NOW)
    assert scrape(private)["mergeport_state_in_doubt", (("repository", "acme/manifests"),)] == 0
    with store.begin() as tx:
        manifest_states.doubt(tx, name, "state-gone", "acme/manifests has no branch mergeport/state any more", at=NOW)
    assert scrape(private)["mergeport_state_in_doubt", (("repository", "acme/manifests"),)] == 1
    for path in ("/", "/deliveries", "/configurations"):
        said = "Nothing is promoted: acme/manifests has no branch mergeport/state any more"
        assert said in text_of(private.get(path).text)


def test_entry_whose_name_is_not_right_is_told_on_every_page(private: FlaskClient, store: Store) -> None:
    name, lock = Repository("acme/manifests"), Lock(Placed("", "anna", NOW), "production")
    wrong = {lock.subject: Stray("the configuration has no environment production", environment=True)}
    with store.begin() as tx:
        manifest_states.believe(tx, name, GOOD, write(State((lock,))), at=NOW)
        manifest_states.set_strays(tx, name, stored(wrong))
    for path in ("/", "/deliveries", "/configurations"):
        said = (
            "In the state of acme/manifests, the lock of production is not right: the configuration has no environment"
        )
        assert said in text_of(private.get(path).text)

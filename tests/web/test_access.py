"""The one access check: every route is in it, and nobody may use an unknown one."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from service.store import Store
from service.web import access
from service.web.counters import Counters
from service.web.private import private_app
from tests.fixtures.rows import NOW
from tests.web.conftest import URL


def test_every_route_of_the_private_listener_has_its_role(private: FlaskClient) -> None:
    routes = {rule.endpoint for rule in private.application.url_map.iter_rules()}
    assert routes == set(access.NEEDED)


def test_a_route_without_a_role_is_for_nobody(store: Store, counters: Counters) -> None:
    app = private_app(store, url=URL, now=lambda: NOW, counters=counters)
    app.add_url_rule("/forgotten", endpoint="forgotten", view_func=lambda: "secret")
    answer = app.test_client().get("/forgotten")
    assert answer.status_code == 403
    assert "secret" not in answer.text


@pytest.mark.parametrize("endpoint", sorted(access.NEEDED))
@pytest.mark.parametrize("role", [access.Role.ANYONE, access.Role.READER])
def test_a_role_opens_what_needs_it_or_less(store: Store, counters: Counters, endpoint: str, role: access.Role) -> None:
    app = private_app(store, url=URL, now=lambda: NOW, counters=counters, role_of=lambda _: role)
    [rule] = [rule for rule in app.url_map.iter_rules() if rule.endpoint == endpoint]
    path = rule.rule.replace("<run_id>", "unknown").replace("<delivery_id>", "unknown")
    refused = app.test_client().get(path).status_code == 403
    assert refused == (access.NEEDED[endpoint] > role)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed_here(private: FlaskClient, method: str) -> None:
    for path in ("/", "/deliveries", "/runs/x", "/metrics", "/readyz"):
        assert private.open(path, method=method).status_code == 405


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("mergeport.example", 200),
        ("MERGEPORT.example:443", 200),
        ("localhost:8081", 200),
        ("127.0.0.1:8081", 200),
        ("10.1.2.3", 200),
        ("[::1]:8081", 200),
        ("rebound.example", 421),
        ("mergeport.example.evil.example", 421),
        ("localhost.evil.example", 421),
    ],
)
def test_only_our_own_names_show_pages(private: FlaskClient, host: str, status: int) -> None:
    assert private.get("/", headers={"Host": host}).status_code == status


@pytest.mark.parametrize("host", ["", "a b", "[::1", "x/y", "%00"])
def test_a_host_that_is_none_shows_no_page(private: FlaskClient, host: str) -> None:
    assert private.get("/", headers={"Host": host}).status_code in {400, 421}


@pytest.mark.parametrize("path", ["/", "/metrics", "/readyz", "/runs/x", "/deliveries"])
def test_a_stranger_s_name_sees_neither_pages_nor_figures(private: FlaskClient, path: str) -> None:
    assert private.get(path, headers={"Host": "rebound.example"}).status_code == 421


def test_health_is_told_under_any_name(private: FlaskClient) -> None:
    assert private.get("/healthz", headers={"Host": "rebound.example"}).status_code == 200

"""The Argo CD adapter against recorded answers, and its table of errors."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from service.adapters.deployers.argocd import ArgoCD
from service.core.deployment import Applied
from service.errors import PermanentError, RetryableError
from tests.fixtures.certificates import SelfSigned

DATA = Path(__file__).parents[2] / "data" / "argocd"
URL = "https://argocd.example.com"
LIST = f"{URL}/api/v1/applications"
APP = f"{LIST}/web-dev"


def recorded(name: str) -> Any:
    return json.loads((DATA / name).read_text())


@pytest.fixture
def argo() -> ArgoCD:
    return ArgoCD(URL, "secret-token")


@pytest.fixture
def http() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def sent(http: responses.RequestsMock) -> list[requests.PreparedRequest]:
    return [call.request for call in http.calls]


def test_links_lead_to_where_people_open_it(http: responses.RequestsMock) -> None:
    http.get(LIST, json=recorded("applications-list.json"))
    seen = ArgoCD(URL, "secret-token", web_url="https://argocd.example.com/").look(["web-dev", "set-stage"])
    assert seen["web-dev"].url == "https://argocd.example.com/applications/argocd/web-dev"


def test_look_reads_the_recorded_list_in_one_call(argo: ArgoCD, http: responses.RequestsMock) -> None:
    http.get(LIST, json=recorded("applications-list.json"))
    seen = argo.look(["web-dev", "set-stage", "not-there"])
    assert set(seen) == {"web-dev", "set-stage"}
    web = seen["web-dev"]
    assert (web.sync, web.health, web.phase) == ("Synced", "Healthy", "Succeeded")
    assert web.revisions == web.synced_revisions == ("015fa181c7c33c5580a1e3ed62b77cd141e0cc00",)
    assert web.images == ("registry.example.invalid/team/web:2.2.1-104909",)
    assert web.url == f"{URL}/applications/argocd/web-dev"
    assert not web.messages
    assert len(sent(http)) == 1
    assert sent(http)[0].headers["Authorization"] == "Bearer secret-token"


def test_look_for_one_application_asks_for_that_one(argo: ArgoCD, http: responses.RequestsMock) -> None:
    http.get(
        LIST, json={"metadata": {}, "items": None}, match=[responses.matchers.query_param_matcher({"name": "web"})]
    )
    assert argo.look(["web"]) == {}


def test_look_never_asks_by_fields_which_argocd_would_leave_out(argo: ArgoCD, http: responses.RequestsMock) -> None:
    http.get(LIST, json={"items": []})
    argo.look(["a", "b"])
    assert "fields" not in str(sent(http)[0].url)


def named(name: str, project: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "argocd"}, "spec": {"project": project}}


def test_second_look_asks_for_the_projects_alone(argo: ArgoCD, http: responses.RequestsMock) -> None:
    http.get(LIST, json={"items": [named("a", "one"), named("b", "two"), named("c", "three")]})
    argo.look(["a", "b"])
    argo.look(["a", "b"])
    assert str(sent(http)[1].url).endswith("?projects=one&projects=two")


def test_application_that_left_its_project_is_looked_for_everywhere(argo: ArgoCD, http: responses.RequestsMock) -> None:
    http.get(LIST, json={"items": [named("a", "one"), named("b", "one")]})
    http.get(LIST, json={"items": [named("a", "one")]})
    http.get(LIST, json={"items": [named("a", "one"), named("b", "two")]})
    argo.look(["a", "b"])
    argo.look(["a", "b"])
    assert set(argo.look(["a", "b"])) == {"a", "b"}
    assert str(sent(http)[2].url) == LIST


def test_few_of_very_many_are_asked_for_by_name(argo: ArgoCD, http: responses.RequestsMock) -> None:
    http.get(LIST, json={"items": [named(f"app-{number}", "one") for number in range(100)]})
    argo.look(["app-1", "app-2"])
    assert set(argo.look(["app-1", "app-2"])) == {"app-1", "app-2"}
    assert [str(one.url).partition("?")[2] for one in sent(http)[1:]] == ["name=app-1", "name=app-2"]


def test_list_that_is_too_large_is_asked_for_by_name() -> None:
    argo = ArgoCD(URL, "t", answer_limit=1000)
    with responses.RequestsMock() as http:
        http.get(LIST, json={"items": [named("a", "x" * 2000)]}, match=[responses.matchers.query_param_matcher({})])
        for name in ("a", "b"):
            match = [responses.matchers.query_param_matcher({"name": name})]
            http.get(LIST, json={"items": [named(name, "one")]}, match=match)
        assert set(argo.look(["a", "b"])) == {"a", "b"}


def test_look_for_nothing_asks_nothing(argo: ArgoCD, http: responses.RequestsMock) -> None:
    assert argo.look([]) == {}
    assert sent(http) == []


def test_tree_tells_of_its_pods_first(argo: ArgoCD, http: responses.RequestsMock) -> None:
    http.get(f"{APP}/resource-tree", json=recorded("resource-tree-degraded.json"))
    messages = argo.pods("web-dev").messages
    assert messages[0].startswith("Pod/web-dev-6d59c5cf87-lgfdl: Back-off pulling image")
    assert 'Deployment/web-dev: Deployment "web-dev" exceeded its progress deadline' in messages


def pod(image: str, owner: str, uid: str) -> dict[str, Any]:
    return {"kind": "Pod", "name": uid, "images": [image], "parentRefs": [{"kind": owner, "name": uid, "uid": uid}]}


def test_tree_tells_which_images_only_schedules_run(argo: ArgoCD, http: responses.RequestsMock) -> None:
    """A job that the application itself brings runs what is deployed."""
    nodes = [
        {"kind": "Job", "name": "nightly-1", "uid": "j1", "parentRefs": [{"kind": "CronJob", "uid": "c"}]},
        {"kind": "Job", "name": "migrate", "uid": "j2"},
        pod("r/web:one", "Job", "j1"),
        pod("r/api:one", "Job", "j1"),
        pod("r/api:one", "ReplicaSet", "s1"),
        pod("r/job:one", "Job", "j2"),
    ]
    http.get(f"{APP}/resource-tree", json={"nodes": nodes, "hosts": None})
    assert argo.pods("web-dev").jobs == {"r/web:one"}


def test_look_reads_no_trees(argo: ArgoCD, http: responses.RequestsMock) -> None:
    http.get(LIST, json={"items": [recorded("app-5-degraded.json")]})
    seen = argo.look(["web-dev"])["web-dev"]
    assert seen.messages == ('Deployment/web-dev: Deployment "web-dev" exceeded its progress deadline',)
    assert seen.unhealthy == ('Deployment/web-dev is Degraded: Deployment "web-dev" exceeded its progress deadline',)
    assert len(sent(http)) == 1


def test_what_an_application_says_of_itself_is_read(argo: ArgoCD, http: responses.RequestsMock) -> None:
    http.get(LIST, json={"items": [recorded("app-5-degraded.json")]})
    seen = argo.look(["web-dev"])["web-dev"]
    assert seen.sources == ("http://127.0.0.1:18090/team/web.git",)
    assert seen.applied == (Applied("Deployment/web-dev", ("registry.example.invalid/team/web:2.0.0-broken-104909",)),)
    assert (seen.automated, seen.overrides, seen.children, seen.project) == (True, (), (), "default")
    assert seen.health_since == datetime(2026, 11, 22, 10, 50, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"helm": {"parameters": [{"name": "image.tag", "value": "one"}]}}, ["helm.parameters image.tag"]),
        ({"helm": {"fileParameters": [{"name": "image.tag", "path": "t"}]}}, ["helm.fileParameters image.tag"]),
        (
            {"helm": {"valuesObject": {"image": {"tag": "one"}, "a": [{"b": 1}]}}},
            ["helm.valuesObject image.tag", "helm.valuesObject a[0].b"],
        ),
        ({"helm": {"values": "image:\n  digest: sha256:1\n"}}, ["helm.values image.digest"]),
        ({"helm": {"values": "image: {tag: one}", "valuesObject": {"replicas": 2}}}, ["helm.valuesObject replicas"]),
        ({"helm": {"values": "a: [", "parameters": None}}, []),
        (
            {"kustomize": {"images": ["web=r/web:one"], "patches": [{"patch": "x"}]}},
            ["kustomize.images web=r/web:one", "kustomize.patches"],
        ),
    ],
)
def test_settings_that_stand_over_the_values_files_are_named(
    argo: ArgoCD, http: responses.RequestsMock, settings: dict[str, Any], names: list[str]
) -> None:
    spec = {"sources": [{"repoURL": "r"}, {"repoURL": "s", **settings}]}
    http.get(LIST, json={"items": [{"metadata": {"name": "web-dev"}, "spec": spec}]})
    assert [str(one) for one in argo.look(["web-dev"])["web-dev"].overrides] == names


def test_what_an_operation_waits_for_and_what_a_condition_says_are_read(
    argo: ArgoCD, http: responses.RequestsMock
) -> None:
    condition = {"type": "SyncError", "message": "auto-sync will wipe out all resources"}
    state = {"phase": "Running", "message": "waiting for completion of hook batch/Job/migrate"}
    status = {"operationState": state, "conditions": [condition]}
    http.get(LIST, json={"items": [{"metadata": {"name": "web-dev"}, "status": status}]})
    seen = argo.look(["web-dev"])["web-dev"]
    assert (seen.doing, seen.conditions) == (state["message"], (condition["message"],))
    assert seen.sync_errors == ()


def test_auto_sync_may_be_there_and_off(argo: ArgoCD, http: responses.RequestsMock) -> None:
    spec = {"source": {"repoURL": "r"}, "syncPolicy": {"automated": {"enabled": False}}}
    http.get(LIST, json={"items": [{"metadata": {"name": "web-dev"}, "spec": spec}]})
    assert not argo.look(["web-dev"])["web-dev"].automated


def test_applications_among_the_objects_are_children_by_their_whole_names(
    argo: ArgoCD, http: responses.RequestsMock
) -> None:
    child = {"group": "argoproj.io", "kind": "Application", "namespace": "argocd", "name": "web", "status": "Synced"}
    item = {"metadata": {"name": "web-dev", "namespace": "argocd"}, "status": {"resources": [child]}}
    http.get(LIST, json={"items": [item]})
    assert argo.look(["web-dev"])["web-dev"].children == ("argocd/web",)


def test_applications_that_a_set_of_the_application_generates_are_children(
    argo: ArgoCD, http: responses.RequestsMock
) -> None:
    a_set = {"group": "argoproj.io", "kind": "ApplicationSet", "namespace": "argocd", "name": "all", "status": "Synced"}
    http.get(LIST, json={"items": [{"metadata": {"name": "web-dev"}, "status": {"resources": [a_set]}}]})
    made = {"group": "argoproj.io", "kind": "Application", "namespace": "argocd", "name": "web"}
    http.get(f"{APP}/resource-tree", json={"nodes": [a_set, made]})
    assert argo.look(["web-dev"])["web-dev"].children == ("argocd/web",)


@pytest.mark.parametrize(
    ("phase", "count", "limit", "left"),
    [
        ("Failed", 1, 5, True),
        ("Error", 0, -1, True),
        ("Failed", 5, 5, False),
        ("Failed", 0, 0, False),
        ("Running", 1, 5, False),
    ],
)
def test_failed_operation_tells_whether_it_is_tried_again(
    argo: ArgoCD, http: responses.RequestsMock, phase: str, count: int, limit: int, left: bool
) -> None:
    app = failed_sync({"revision": "b" * 40, "resources": []})
    app["status"]["operationState"] |= {"phase": phase, "retryCount": count}
    app["status"]["operationState"]["operation"]["retry"] = {"limit": limit}
    http.get(LIST, json={"items": [app]})
    assert argo.look(["web-dev"])["web-dev"].retries_left is left


def test_operation_that_is_tried_again_tells_what_the_api_refused(argo: ArgoCD, http: responses.RequestsMock) -> None:
    resources = [{"kind": "Service", "name": "web", "status": "SyncFailed", "message": "no port"}]
    app = failed_sync({"revision": "b" * 40, "resources": resources})
    app["status"]["operationState"] |= {"phase": "Running", "retryCount": 1}
    http.get(LIST, json={"items": [app]})
    seen = argo.look(["web-dev"])["web-dev"]
    assert seen.sync_errors == ("Service/web: no port", "one or more objects failed to apply")


def test_chart_that_does_not_render_is_told_by_its_condition(argo: ArgoCD, http: responses.RequestsMock) -> None:
    http.get(LIST, json={"items": [recorded("app-6-comparison-error.json")]})
    seen = argo.look(["web-dev"])["web-dev"]
    assert seen.comparison_error
    assert (seen.sync, seen.health, seen.revisions) == ("Unknown", "Healthy", ("main",))
    assert "execution error at (web/templates/bad.yaml:1:3): deliberate" in seen.messages[0]


def test_operation_under_way_has_synced_nothing_yet(argo: ArgoCD, http: responses.RequestsMock) -> None:
    lines = (DATA / "watch-stream.ndjson").read_text().splitlines()
    apps = [json.loads(line)["result"]["application"] for line in lines]
    running = next(
        app
        for app in apps
        if app["status"].get("operationState", {}).get("phase") == "Running"
        and app["status"]["operationState"].get("syncResult", {}).get("revision")
    )
    http.get(LIST, json={"items": [running]})
    assert argo.look(["web-dev"])["web-dev"].synced_revisions == ()


def failed_sync(result: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "metadata": {"name": "web-dev", "namespace": "argocd"},
        "status": {
            "sync": {"status": "OutOfSync", "revision": "b" * 40},
            "health": {"status": "Healthy"},
            "operationState": {
                "phase": "Failed",
                "message": "one or more objects failed to apply",
                "operation": {"sync": {"revision": "b" * 40}},
                "syncResult": result,
            },
        },
    }


def test_failed_sync_names_the_resource_first(argo: ArgoCD, http: responses.RequestsMock) -> None:
    resources = [
        {"kind": "Service", "name": "web", "status": "Synced", "message": "service/web unchanged"},
        {"kind": "Deployment", "name": "web", "status": "SyncFailed", "message": "field is immutable"},
    ]
    http.get(LIST, json={"items": [failed_sync({"revision": "b" * 40, "resources": resources})]})
    seen = argo.look(["web-dev"])["web-dev"]
    assert seen.messages == ("Deployment/web: field is immutable", "one or more objects failed to apply")


def test_sync_that_failed_before_it_began_belongs_to_the_revision_asked_for(
    argo: ArgoCD, http: responses.RequestsMock
) -> None:
    http.get(LIST, json={"items": [failed_sync(None)]})
    assert argo.look(["web-dev"])["web-dev"].synced_revisions == ("b" * 40,)


def test_several_sources_have_several_revisions(argo: ArgoCD, http: responses.RequestsMock) -> None:
    revisions = ["1.2.3", "a" * 40]
    item = {
        "metadata": {"name": "web-dev", "namespace": "argocd"},
        "status": {
            "sync": {"status": "Synced", "revisions": revisions},
            "operationState": {"phase": "Succeeded", "syncResult": {"revision": "", "revisions": revisions}},
        },
    }
    http.get(LIST, json={"items": [item]})
    seen = argo.look(["web-dev"])["web-dev"]
    assert seen.revisions == seen.synced_revisions == ("1.2.3", "a" * 40)


def test_application_of_another_namespace_is_asked_for_by_it(argo: ArgoCD, http: responses.RequestsMock) -> None:
    def item(namespace: str) -> dict[str, Any]:
        status = {"controllerNamespace": "argocd", "sync": {"status": namespace}}
        return {"metadata": {"name": "web", "namespace": namespace}, "status": status}

    http.get(LIST, json={"items": [item("argocd"), item("team-a")]})
    seen = argo.look(["team-a/web", "web"])
    assert {asked: one.sync for asked, one in seen.items()} == {"team-a/web": "team-a", "web": "argocd"}


def test_refresh_asks_for_a_normal_one(argo: ArgoCD, http: responses.RequestsMock) -> None:
    http.get(APP, json=recorded("app-3-while-syncing.json"))
    argo.refresh("web-dev")
    assert str(sent(http)[0].url).endswith("/web-dev?refresh=normal")


def test_refresh_of_another_namespace_names_it(argo: ArgoCD, http: responses.RequestsMock) -> None:
    http.get(f"{LIST}/web", json={})
    argo.refresh("team-a/web")
    assert "appNamespace=team-a" in str(sent(http)[0].url)


def test_name_cannot_reach_another_address(argo: ArgoCD, http: responses.RequestsMock) -> None:
    http.get(f"{LIST}/web%3Frefresh%3Dhard%23", json={})
    argo.refresh("web?refresh=hard#")
    assert str(sent(http)[0].url).endswith("?refresh=normal")


@pytest.mark.parametrize("status", [403, 404])
def test_refresh_of_an_unknown_application_is_permanent(
    argo: ArgoCD, http: responses.RequestsMock, status: int
) -> None:
    http.get(APP, status=status, json=recorded("error-404-or-403-unknown-app.json")["body"])
    with pytest.raises(PermanentError) as caught:
        argo.refresh("web-dev")
    assert caught.value.code == "argocd-application-unknown"
    assert caught.value.fields == {"application": "web-dev"}


TABLE = [
    pytest.param({"status": 401, "json": {"code": 16}}, PermanentError, "argocd-token-refused", id="401"),
    pytest.param({"status": 307, "headers": {"Location": "/x"}}, PermanentError, "argocd-unexpected-answer", id="307"),
    pytest.param({"status": 400, "json": {}}, PermanentError, "argocd-unexpected-answer", id="400"),
    pytest.param({"status": 429, "headers": {"Retry-After": "7"}}, RetryableError, "argocd-unavailable", id="429"),
    pytest.param({"status": 500}, RetryableError, "argocd-unavailable", id="500"),
    pytest.param({"status": 503}, RetryableError, "argocd-unavailable", id="503"),
    pytest.param({"body": requests.ConnectTimeout()}, RetryableError, "argocd-timeout", id="connect-timeout"),
    pytest.param({"body": requests.ConnectionError()}, RetryableError, "argocd-unreachable", id="refused"),
    pytest.param({"body": requests.exceptions.ChunkedEncodingError()}, RetryableError, "argocd-unreachable", id="cut"),
    pytest.param(
        {"body": requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")},
        PermanentError,
        "argocd-certificate-refused",
        id="certificate",
    ),
]
LOOK_ONLY = [
    pytest.param({"status": 403, "json": {"code": 7}}, PermanentError, "argocd-permission-missing", id="403"),
    pytest.param({"body": requests.ReadTimeout()}, RetryableError, "argocd-timeout", id="read-timeout"),
    pytest.param({"body": "<html>"}, PermanentError, "argocd-unexpected-answer", id="html"),
    pytest.param({"body": "[" * 100_000}, PermanentError, "argocd-unexpected-answer", id="deep"),
    pytest.param({"json": []}, PermanentError, "argocd-unexpected-answer", id="list"),
    pytest.param(
        {"json": {"items": [{"metadata": {"name": "web-dev"}, "status": {"sync": 5}}]}},
        PermanentError,
        "argocd-unexpected-answer",
        id="shape",
    ),
]


@pytest.mark.parametrize(("answer", "error", "code"), TABLE)
def test_refresh_tells_errors_apart(
    argo: ArgoCD, http: responses.RequestsMock, answer: dict[str, Any], error: type[Exception], code: str
) -> None:
    http.get(APP, **answer)
    with pytest.raises(error) as caught:
        argo.refresh("web-dev")
    assert getattr(caught.value, "code", "") == code
    assert "secret-token" not in str(caught.value)


@pytest.mark.parametrize(("answer", "error", "code"), TABLE + LOOK_ONLY)
def test_look_tells_errors_apart(
    argo: ArgoCD, http: responses.RequestsMock, answer: dict[str, Any], error: type[Exception], code: str
) -> None:
    http.get(LIST, **answer)
    with pytest.raises(error) as caught:
        argo.look(["web-dev"])
    assert getattr(caught.value, "code", "") == code


def test_throttled_look_keeps_the_wait_that_was_asked_for(argo: ArgoCD, http: responses.RequestsMock) -> None:
    http.get(LIST, status=429, headers={"Retry-After": "7"})
    with pytest.raises(RetryableError) as caught:
        argo.look(["web-dev"])
    assert caught.value.retry_after == 7


def test_slow_answer_to_a_refresh_is_not_waited_out(argo: ArgoCD, http: responses.RequestsMock) -> None:
    http.get(APP, body=requests.ReadTimeout())
    argo.refresh("web-dev")
    assert len(sent(http)) == 1


class _Endless(BaseHTTPRequestHandler):
    """Sends an endless answer and counts what it could send."""

    sent = 0

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b" " * 65536)
                type(self).sent += 65536
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        return


def test_answer_without_an_end_is_cut_off() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Endless)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        argo = ArgoCD(f"http://127.0.0.1:{server.server_port}", "t", answer_limit=1_000_000)
        with pytest.raises(PermanentError) as caught:
            argo.look(["web-dev"])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert caught.value.code == "argocd-answer-too-large"
    assert _Endless.sent < 50_000_000


def test_server_that_hangs_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        argo = ArgoCD(f"http://127.0.0.1:{listener.getsockname()[1]}", "t", timeouts=(1, 0.2))
        with pytest.raises(RetryableError) as caught:
            argo.look(["web-dev"])
    assert caught.value.code == "argocd-timeout"


def test_certificate_is_verified(tmp_path: Path, self_signed: SelfSigned) -> None:
    certificate, key = self_signed
    server = ThreadingHTTPServer(("127.0.0.1", 0), _List)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"https://127.0.0.1:{server.server_port}"
    try:
        with pytest.raises(PermanentError) as caught:
            ArgoCD(url, "t").look(["web-dev"])
        trusted = ArgoCD(url, "t", ca_file=str(certificate)).look(["web-dev"])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert caught.value.code == "argocd-certificate-refused"
    assert trusted == {}


class _List(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"items": null}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return

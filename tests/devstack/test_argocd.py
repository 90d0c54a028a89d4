"""The Argo CD double against the recordings of a real one: its order of states, its shapes, its errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from devstack.argocd.rendering import Source, find_images
from devstack.argocd.server import ArgoCD
from devstack.bare import BareRepository
from devstack.git_http import GitServer
from tests.fixtures.processes import wait_until

RECORDED = Path(__file__).parents[1] / "data" / "argocd"
VALUES = "image:\n  repository: registry.test/web\n  tag: {tag}\n"


@pytest.fixture
def manifests(git_server: GitServer) -> BareRepository:
    bare = git_server.create("acme/manifests")
    files = {
        "charts/web/values.yaml": "image: {repository: '', tag: ''}\n",
        "charts/web/templates/x.yaml": "kind: ConfigMap\n",
        "envs/values-dev.yaml": VALUES.format(tag="v1"),
        "envs/values-prod.yaml": VALUES.format(tag="v1"),
    }
    bare.commit_files("main", files, "Begin")
    return bare


@pytest.fixture
def argocd(git_server: GitServer, manifests: BareRepository) -> Iterator[ArgoCD]:
    running = ArgoCD(git_server)
    running.pace = None
    running.add_token("reader")
    running.add_token("syncer", ("get", "sync"))
    running.add_application("web-dev", Source("acme/manifests", "charts/web", "main", ("../../envs/values-dev.yaml",)))
    running.add_application(
        "web-prod", Source("acme/manifests", "charts/web", "main", ("../../envs/values-prod.yaml",))
    )
    yield running
    running.stop()


def _call(argocd: ArgoCD, path: str, method: str = "GET", who: str = "reader", **more: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {who}"}
    return requests.request(method, f"{argocd.url}/api/v1/{path}", headers=headers, timeout=10, **more)


def _get(argocd: ArgoCD, name: str = "web-dev", refresh: str = "") -> dict[str, Any]:
    path = f"applications/{name}" + (f"?refresh={refresh}" if refresh else "")
    answer: dict[str, Any] = _call(argocd, path).json()
    return answer


def _summary(app: dict[str, Any], names: dict[str, str]) -> str:
    status = app["status"]
    operation = status.get("operationState") or {}
    synced = names.get((operation.get("syncResult") or {}).get("revision", ""), "-")
    sync = f"{status['sync']['status']}@{names.get(status['sync']['revision'], status['sync']['revision'])}"
    return f"{sync} {operation.get('phase')}@{synced} {status['health']['status']}"


def _walk(argocd: ArgoCD, names: dict[str, str]) -> list[str]:
    """Refresh, then take every step by hand, and give the states that were seen."""
    seen = [_summary(_get(argocd, refresh="normal"), names)]
    while argocd.applications["web-dev"].script:
        argocd.step("web-dev")
        seen.append(_summary(_get(argocd), names))
    return seen


def _change(manifests: BareRepository, tag: str, environment: str = "dev") -> str:
    return manifests.commit_files("main", {f"envs/values-{environment}.yaml": VALUES.format(tag=tag)}, f"Set {tag}")


def test_states_come_in_the_recorded_order(argocd: ArgoCD, manifests: BareRepository) -> None:
    old = manifests.tip("main")
    new = _change(manifests, "v2")
    assert _walk(argocd, {old: "old", new: "new"}) == [
        "Synced@old None@- Healthy",
        "OutOfSync@new None@- Healthy",
        "OutOfSync@new Running@- Healthy",
        "OutOfSync@new Succeeded@new Healthy",
        "Synced@new Succeeded@new Progressing",
        "Synced@new Succeeded@new Healthy",
    ]


def test_self_heal_syncs_one_revision_twice(argocd: ArgoCD, manifests: BareRepository) -> None:
    argocd.applications["web-dev"].self_heal = True
    old = manifests.tip("main")
    new = _change(manifests, "v2")
    assert _walk(argocd, {old: "old", new: "new"})[3:8] == [
        "OutOfSync@new Succeeded@new Healthy",
        "OutOfSync@new None@- Healthy",
        "OutOfSync@new Running@- Healthy",
        "Synced@new Running@- Progressing",
        "Synced@new Succeeded@new Progressing",
    ]


def test_old_degraded_lingers_until_the_new_version_is_synced(argocd: ArgoCD, manifests: BareRepository) -> None:
    argocd.plan("web-dev", "degraded", commit=_change(manifests, "broken"))
    assert _walk(argocd, {})[-1].endswith("Degraded")
    old = manifests.tip("main")
    new = _change(manifests, "v3")
    seen = _walk(argocd, {old: "old", new: "new"})
    assert seen[3] == "OutOfSync@new Succeeded@new Degraded"
    assert seen[-1] == "Synced@new Succeeded@new Healthy"


def test_degraded_names_the_reason_in_resource_and_tree(argocd: ArgoCD, manifests: BareRepository) -> None:
    argocd.plan("web-dev", "degraded", message='Back-off pulling image "registry.test/web:v2"')
    _change(manifests, "v2")
    _walk(argocd, {})
    resources = _get(argocd)["status"]["resources"]
    assert resources[1]["health"]["message"] == 'Deployment "web-dev" exceeded its progress deadline'
    tree = _call(argocd, "applications/web-dev/resource-tree").json()
    assert [node["health"].get("message") for node in tree["nodes"] if node["kind"] == "Pod"] == [
        'Back-off pulling image "registry.test/web:v2"'
    ]


def test_failed_sync_stays_out_of_sync_and_is_not_repeated(argocd: ArgoCD, manifests: BareRepository) -> None:
    argocd.plan("web-dev", "sync-failed", message="admission webhook denied the request")
    old = manifests.tip("main")
    new = _change(manifests, "v2")
    assert _walk(argocd, {old: "old", new: "new"})[-1] == "OutOfSync@new Failed@new Healthy"
    assert _walk(argocd, {old: "old", new: "new"}) == ["OutOfSync@new Failed@new Healthy"]
    status = _get(argocd)["status"]
    assert status["operationState"]["message"] == "admission webhook denied the request"
    assert [one["type"] for one in status["conditions"]] == ["SyncError"]


@pytest.mark.parametrize("broken", ["image: [unclosed\n", "- a list\n", None])
def test_values_that_do_not_render_are_a_comparison_error(
    argocd: ArgoCD, manifests: BareRepository, broken: str | None
) -> None:
    manifests.commit_files("main", {"envs/values-dev.yaml": broken}, "Break")
    status = _get(argocd, refresh="hard")["status"]
    assert (status["sync"]["status"], status["sync"]["revision"], status["health"]["status"]) == (
        "Unknown",
        "main",
        "Healthy",
    )
    (condition,) = status["conditions"]
    assert condition["type"] == "ComparisonError"
    assert condition["message"].startswith("Failed to load target state: failed to generate manifest for source 1 of 1")


def test_repaired_values_end_the_comparison_error(argocd: ArgoCD, manifests: BareRepository) -> None:
    manifests.commit_files("main", {"envs/values-dev.yaml": "a: [\n"}, "Break")
    _get(argocd, refresh="normal")
    new = _change(manifests, "v1")
    status = _get(argocd, refresh="normal")["status"]
    assert (status["sync"]["status"], status["sync"]["revision"]) == ("Synced", new)
    assert "conditions" not in status


def test_commit_of_another_application_moves_the_revision_and_syncs_nothing(
    argocd: ArgoCD, manifests: BareRepository
) -> None:
    old = manifests.tip("main")
    new = _change(manifests, "v2", "prod")
    assert _walk(argocd, {old: "old", new: "new"}) == ["Synced@new Succeeded@old Healthy"]


def test_newer_commit_during_a_sync_is_synced_after_it(argocd: ArgoCD, manifests: BareRepository) -> None:
    first = _change(manifests, "v2")
    _get(argocd, refresh="normal")
    assert [argocd.step("web-dev") for _ in range(2)] == ["out-of-sync", "running"]
    second = _change(manifests, "v3")
    names = {first: "first", second: "second"}
    assert _summary(_get(argocd, refresh="normal"), names) == "OutOfSync@second Running@- Healthy"
    seen = _walk(argocd, names)
    assert seen[-1] == "Synced@second Succeeded@second Healthy"
    assert "Synced@first Succeeded@first Healthy" not in seen


def test_refresh_between_success_and_comparison_shows_progress_not_old_health(
    argocd: ArgoCD, manifests: BareRepository
) -> None:
    new = _change(manifests, "v2")
    _get(argocd, refresh="normal")
    while argocd.step("web-dev") != "succeeded":
        pass
    assert _summary(_get(argocd, refresh="normal"), {new: "new"}) == "Synced@new Succeeded@new Progressing"


def test_stuck_application_stays_progressing(argocd: ArgoCD, manifests: BareRepository) -> None:
    argocd.plan("web-dev", "stuck")
    _change(manifests, "v2")
    assert _walk(argocd, {})[-1].endswith("Progressing")


def test_time_takes_the_steps(argocd: ArgoCD, manifests: BareRepository) -> None:
    argocd.pace = 0.01
    _change(manifests, "v2")
    _get(argocd, refresh="normal")
    wait_until(lambda: argocd.application("web-dev").at == "healthy", timeout=10)
    assert _get(argocd)["status"]["summary"]["images"] == ["registry.test/web:v2"]


def test_whoever_settles_it_waits_for_no_step(argocd: ArgoCD, manifests: BareRepository) -> None:
    argocd.pace = 3600.0
    _change(manifests, "v2")
    _get(argocd, refresh="normal")
    assert argocd.settle("web-dev").at == "healthy"
    assert _get(argocd)["status"]["summary"]["images"] == ["registry.test/web:v2"]


def test_poll_finds_a_commit_without_being_asked(argocd: ArgoCD, manifests: BareRepository) -> None:
    argocd.poll_interval = 0.0
    new = _change(manifests, "v2")
    _get(argocd)
    argocd.step("web-dev")
    assert _get(argocd)["status"]["sync"]["revision"] == new


def test_application_with_many_sources_has_revisions(
    argocd: ArgoCD, git_server: GitServer, manifests: BareRepository
) -> None:
    charts = git_server.create("acme/charts")
    chart = charts.commit_files("main", {"web/values.yaml": "image: {tag: none}\n"}, "Begin")
    first = Source("acme/charts", "web", "main", ("$values/envs/values-dev.yaml",))
    app = argocd.add_application("multi", first, Source("acme/manifests", target_revision="main", ref="values"))
    assert app.images == ("registry.test/web:v1",)
    status = _get(argocd, "multi")["status"]
    tip = manifests.tip("main")
    assert status["sync"]["revisions"] == [chart, tip]
    assert status["operationState"]["syncResult"]["revisions"] == [chart, tip]
    assert "revision" not in status["sync"]


def _keys(value: Any, path: str = "") -> set[str]:
    """List the paths of all keys; of lists only the first item, and without Kubernetes' managed fields."""
    if isinstance(value, dict):
        found = {f"{path}.{key}" for key in value}
        return found.union(*(_keys(item, f"{path}.{key}") for key, item in value.items() if key != "fieldsV1"))
    if isinstance(value, list):
        return set().union(*(_keys(item, f"{path}[]") for item in value))
    return set()


@pytest.mark.parametrize(
    ("recording", "state"),
    [
        ("app-2-synced-healthy", "healthy"),
        ("app-3-while-syncing", "running"),
        ("app-4-synced-progressing", "synced"),
        ("app-5-degraded", "degraded"),
        ("app-6-comparison-error", "comparison-error"),
    ],
)
def test_shape_is_that_of_the_recording(argocd: ArgoCD, manifests: BareRepository, recording: str, state: str) -> None:
    recorded = _keys(json.loads((RECORDED / f"{recording}.json").read_text()))
    _change(manifests, "v2")
    if state in {"degraded", "comparison-error"}:
        argocd.plan("web-dev", "degraded" if state == "degraded" else "comparison-error")
    _get(argocd, refresh="normal")
    while argocd.applications["web-dev"].at != state and argocd.applications["web-dev"].script:
        argocd.step("web-dev")
    ours = _keys(_get(argocd))
    only_there = {".metadata.annotations", ".metadata.annotations.argocd.argoproj.io/hydrate"}
    healing = {key for key in recorded if "autoHealAttemptsCount" in key or "operation.sync.resources" in key}
    assert recorded - ours - only_there - healing == set()
    assert ours - recorded == set()


@pytest.mark.parametrize(
    ("call", "status", "recording"),
    [
        ({"path": "applications/web-dev", "who": "wrong"}, 401, "error-401-bad-token.json"),
        ({"path": "applications/none"}, 403, "error-404-or-403-unknown-app.json"),
    ],
)
def test_errors_are_the_recorded_ones(argocd: ArgoCD, call: dict[str, Any], status: int, recording: str) -> None:
    answer = _call(argocd, **call)
    assert answer.status_code == status
    assert answer.json() == json.loads((RECORDED / recording).read_text())["body"]


def test_sync_without_the_permission_is_told_in_recorded_words(argocd: ArgoCD) -> None:
    answer = _call(argocd, "applications/web-dev/sync", "POST", json={})
    assert answer.status_code == 403
    recorded = json.loads((RECORDED / "error-403-sync.json").read_text())
    assert answer.json()["message"].split("iat")[0] == recorded["message"].split("iat")[0]
    assert answer.json()["code"] == recorded["code"]


def test_post_without_json_is_415(argocd: ArgoCD) -> None:
    assert _call(argocd, "applications/web-dev/sync", "POST", "syncer", data="{}").status_code == 415


def test_manual_sync_runs_although_nothing_differs(argocd: ArgoCD) -> None:
    assert _call(argocd, "applications/web-dev/sync", "POST", "syncer", json={}).status_code == 200
    operation = _get(argocd)["operation"]
    assert operation["initiatedBy"] == {"username": "mergeport"}
    assert _call(argocd, "applications/web-dev/sync", "POST", "syncer", json={}).status_code == 400


def test_list_has_the_recorded_shape_and_filters_by_name(argocd: ArgoCD) -> None:
    answer = _call(argocd, "applications").json()
    recorded = json.loads((RECORDED / "applications-list.json").read_text())
    assert set(answer) == set(recorded)
    assert [item["metadata"]["name"] for item in answer["items"]] == ["web-dev", "web-prod"]
    one = _call(argocd, "applications?name=web-prod").json()
    assert [item["metadata"]["name"] for item in one["items"]] == ["web-prod"]


def test_fields_parameter_gives_only_what_argo_cd_knows(argocd: ArgoCD) -> None:
    fields = "items.metadata.name,items.status.sync.status,items.status.sync.revision"
    (item, _other) = _call(argocd, f"applications?fields={fields}").json()["items"]
    assert item == {"metadata": {"name": "web-dev"}, "status": {"sync": {"status": "Synced"}}}


def test_application_set_makes_one_application_for_each_values_file(argocd: ArgoCD, git_server: GitServer) -> None:
    files = {
        "charts/application/values.yaml": "",
        "apps/checkout/values.yaml": "image: {repository: r/checkout}\n",
        "apps/checkout/values-dev.yaml": "image: {tag: a, digest: 'sha256:0'}\n",
        "apps/search/values-dev.yaml": "image: r/search:1\n",
    }
    git_server.create("acme/template").commit_files("main", files, "Begin")
    made = argocd.add_application_set("acme/template")
    assert {app.name: app.images for app in made} == {
        "checkout-dev": ("r/checkout@sha256:0",),
        "search-dev": ("r/search:1",),
    }


def test_images_are_found_in_common_layouts() -> None:
    values = {
        "web": {"image": {"repository": "r/web", "tag": 1}},
        "jobs": [{"image": "r/job@sha256:1"}, {"predict": {"image": {"repository": "r/p", "tag": "t", "digest": "d"}}}],
        "imagePullPolicy": "Always/never",
    }
    assert list(find_images(values)) == ["r/web:1", "r/job@sha256:1", "r/p@d"]

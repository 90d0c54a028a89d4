"""Adapter and judge together on the devstack's Argo CD, which goes through the recorded orders of states."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devstack.argocd.rendering import Source
from devstack.argocd.server import ArgoCD as ArgoCDDouble
from devstack.git_http import GitServer
from service.adapters.deployers.argocd import ArgoCD
from service.core.deployment import (
    NOTHING_SEEN,
    Expected,
    Patience,
    Pods,
    Standing,
    Verdict,
    VerdictKind,
    decide,
    judge,
)
from service.core.words import Sha
from service.errors import PermanentError, RetryableError

REPO = "acme/manifests"
VALUES = "apps/web/values-dev.yaml"
FILES = {
    "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
    VALUES: "image:\n  repository: registry.example.com/web\n  tag: one\n",
}


@pytest.fixture
def git(tmp_path: Path) -> Iterator[GitServer]:
    server = GitServer(tmp_path / "git")
    server.create(REPO).commit_files("main", FILES, "Begin")
    yield server
    server.stop()


@pytest.fixture
def double(git: GitServer) -> Iterator[ArgoCDDouble]:
    running = ArgoCDDouble(git)
    running.pace = None
    running.add_token("token")
    running.add_application("web-dev", Source(REPO, "charts/web", "main", ("../../" + VALUES,)))
    running.add_application("other", Source(REPO, "charts/web", "main", ("../../" + VALUES,)))
    yield running
    running.stop()


@pytest.fixture
def argo(double: ArgoCDDouble) -> ArgoCD:
    return ArgoCD(double.url, "token")


def promote(git: GitServer, tag: str) -> tuple[Sha, Sha]:
    """Commit a new tag; give the previous commit and the new one."""
    bare = git.open(REPO)
    before = Sha(bare.tip("main"))
    text = FILES[VALUES].replace("one", tag)
    return before, Sha(bare.commit_files("main", {VALUES: text}, f"Promote {tag}"))


def verdicts(double: ArgoCDDouble, argo: ArgoCD, commit: Sha, before: Sha) -> list[Verdict]:
    """Judge the application in every state that it goes through after a refresh."""
    argo.refresh("web-dev")
    seen = []
    impatient = Patience(grace=timedelta(0))
    while True:
        observation = argo.look(["web-dev"])["web-dev"]
        verdict = judge(observation, Expected(commit), {before: Standing.BEFORE})
        seen.append(decide(verdict, NOTHING_SEEN, impatient, datetime.now(UTC))[0])
        if not double.applications["web-dev"].script:
            return seen
        double.step("web-dev")


def kinds(found: list[Verdict]) -> list[VerdictKind]:
    return list(dict.fromkeys(verdict.kind for verdict in found))


def test_promotion_is_waited_on_and_then_live(git: GitServer, double: ArgoCDDouble, argo: ArgoCD) -> None:
    before, commit = promote(git, "two")
    found = verdicts(double, argo, commit, before)
    assert kinds(found) == [VerdictKind.WAITING, VerdictKind.SUCCEEDED]
    assert found[-1].revision == commit


@pytest.mark.parametrize("outcome", ["degraded", "sync-failed", "comparison-error"])
def test_promotion_that_goes_wrong_fails_with_argocds_words(
    git: GitServer, double: ArgoCDDouble, argo: ArgoCD, outcome: str
) -> None:
    before, commit = promote(git, "broken")
    double.plan("web-dev", outcome, message="deliberate words")  # type: ignore[arg-type] # the parameter is one of its literals
    found = verdicts(double, argo, commit, before)
    assert found[-1].kind is VerdictKind.FAILED
    assert VerdictKind.SUCCEEDED not in kinds(found)
    pods = argo.pods("web-dev") if found[-1].ask_pods else Pods()
    assert "deliberate words" in " ".join((*found[-1].messages, *pods.messages))


def test_sync_that_is_tried_again_tells_its_words_at_every_state_and_fails_at_the_last(
    git: GitServer, double: ArgoCDDouble, argo: ArgoCD
) -> None:
    double.applications["web-dev"].retry_limit = 2
    before, commit = promote(git, "broken")
    double.plan("web-dev", "sync-failed", message="no port")
    argo.refresh("web-dev")
    found, past = [], NOTHING_SEEN
    while double.applications["web-dev"].script:
        state = double.step("web-dev")
        verdict = judge(argo.look(["web-dev"])["web-dev"], Expected(commit), {before: Standing.BEFORE})
        decided, past = decide(verdict, past, Patience(), datetime.now(UTC))
        found.append((state, decided.kind, "no port" in decided.words()))
    tries = found[[state for state, _, _ in found].index("failed-try") :]
    assert [state for state, _, _ in tries] == ["failed-try", "retrying", "next-try"] * 2 + ["failed"]
    assert [kind for _, kind, _ in tries] == [VerdictKind.WAITING] * 6 + [VerdictKind.FAILED]
    assert all(told for _, _, told in tries)


def test_old_degraded_is_not_taken_for_ours(git: GitServer, double: ArgoCDDouble, argo: ArgoCD) -> None:
    before, broken = promote(git, "broken")
    double.plan("web-dev", "degraded", commit=broken)
    verdicts(double, argo, broken, before)
    _, repaired = promote(git, "repaired")
    found = verdicts(double, argo, repaired, broken)
    assert kinds(found) == [VerdictKind.WAITING, VerdictKind.SUCCEEDED]


def test_all_applications_are_looked_at_by_one_call(double: ArgoCDDouble, argo: ArgoCD) -> None:
    assert set(argo.look(["web-dev", "other", "not-there"])) == {"web-dev", "other"}
    assert len(double.faults.requests()) == 1


def test_unknown_application_and_wrong_token_are_told_apart(double: ArgoCDDouble, argo: ArgoCD) -> None:
    with pytest.raises(PermanentError) as unknown:
        argo.refresh("not-there")
    with pytest.raises(PermanentError) as refused:
        ArgoCD(double.url, "wrong").look(["web-dev"])
    assert (unknown.value.code, refused.value.code) == ("argocd-application-unknown", "argocd-token-refused")


def test_argocd_that_is_cut_off_is_retryable(double: ArgoCDDouble, argo: ArgoCD) -> None:
    double.faults.cut()
    with pytest.raises(RetryableError):
        argo.look(["web-dev"])

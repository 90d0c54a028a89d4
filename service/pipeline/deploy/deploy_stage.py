"""Stage deploy: Argo CD is told at once, and the run goes on until our revision is live and healthy."""

from __future__ import annotations

import json
from dataclasses import asdict

from service.core.deployment import Verdict, VerdictKind
from service.core.words import Sha, Stage, WaitKind
from service.errors import PermanentError
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import Pause, Superseded, expired, last_answer, step, wait_for
from service.ports import Deployer

WATCH_KEY = "argocd"


def deploy(claim: Claim) -> str:
    """See the run's manifest commit live, or pause; give the words that end the run."""
    commit = claim.run.manifest_commit
    assert commit is not None  # noqa: S101 - set by stage promote
    application = claim.target.argocd_application
    if application is None:
        return f"committed as {commit[:12]}; no Argo CD application is named"
    deployer = claim.context.outside.deployer
    if deployer is None:
        raise PermanentError(
            f"no Argo CD is configured, so nobody can tell whether {application} is live",
            code="argocd-not-configured",
            hint="set MERGEPORT_ARGOCD_URL and MERGEPORT_ARGOCD_TOKEN, or `argocd: false`",
        )
    _refresh(claim, deployer, application)
    return _await_live(claim, application, commit)


def answer_of(verdict: Verdict) -> str:
    """Write a verdict as a wait's answer."""
    return json.dumps(asdict(verdict))


def _refresh(claim: Claim, deployer: Deployer, application: str) -> None:
    with step(claim, "refresh Argo CD", Stage.DEPLOY) as record:
        if not record.done_before:
            deployer.refresh(application)
        record.message = f"told {application} to look now"


def _await_live(claim: Claim, application: str, commit: Sha) -> str:
    context, run, target = claim.context, claim.run, claim.target
    with step(claim, "await live and healthy", Stage.DEPLOY) as record:
        answered = last_answer(context, run.id, WaitKind.SYNC, application)
        verdict = None if answered is None else _verdict_of(answered.answer)
        if verdict is None:
            if answered is not None and expired(context, run.id, WaitKind.SYNC, application):
                raise PermanentError(
                    f"{commit[:12]} was not live and healthy in time; last seen: {answered.last_seen}",
                    code="sync-timeout",
                    hint=f"look at {application} in Argo CD; `deadlines.sync` sets the time",
                )
            saw = f"waiting for {application} to run {commit[:12]}"
            wait = wait_for(
                context, run, WaitKind.SYNC, key=WATCH_KEY, subject=application, saw=saw, within=target.deadlines.sync
            )
            raise Pause(wait)
        match verdict.kind:
            case VerdictKind.SUCCEEDED:
                record.message = verdict.reason
                return verdict.reason
            case VerdictKind.OVERTAKEN:
                raise Superseded(verdict.reason)
            case _:
                words = ": ".join([verdict.reason, "; ".join(verdict.messages)]) if verdict.messages else verdict.reason
                raise PermanentError(words, code="deploy-failed", hint=f"look at {application} in Argo CD")


def _verdict_of(answer: str) -> Verdict | None:
    """Read a verdict that the watch wrote; None for the answers of a deadline or a cancellation."""
    if not answer.startswith("{"):
        return None
    parsed = json.loads(answer)
    return Verdict(VerdictKind(parsed["kind"]), parsed["reason"], tuple(parsed["messages"]), parsed["revision"])

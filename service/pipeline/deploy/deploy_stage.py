"""Stage deploy: asks Argo CD to refresh at once, and waits until our revision is live and healthy."""

from __future__ import annotations

import json
from dataclasses import asdict

from service.core.deployment import Verdict, VerdictKind, past_from
from service.core.words import Sha, Stage, WaitKind, WaitOutcome
from service.errors import PermanentError
from service.pipeline.deploy.deployments import began
from service.pipeline.deploy.peoples_step_back import notice_if_believed
from service.pipeline.deploy.taken_back import newer_there
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import Cancelled, Pause, Superseded, expired, last_answer, step, wait_for
from service.store import refreshes, sightings
from service.store.waits import Wait

WATCH_KEY = "argocd"


def deploy(claim: Claim) -> str:
    """Wait until the run's manifest commit is live, or pause; give the words that end the run."""
    commit = claim.run.manifest_commit
    assert commit is not None  # noqa: S101 - set by stage promote
    application = claim.target.argocd_application
    if application is None:
        run = claim.run
        claim.effects.append(lambda tx: began(tx, claim.context, run, None, ""))
        return f"committed as {commit[:12]}; no Argo CD application is named"
    if claim.context.outside.deployer is None:
        raise PermanentError(
            f"no Argo CD is configured, so Mergeport cannot know whether {application} is live",
            code="argocd-not-configured",
            hint="set MERGEPORT_ARGOCD_URL and MERGEPORT_ARGOCD_TOKEN, or `argocd: false`",
        )
    _refresh(claim, application)
    return _await_live(claim, application, commit)


def answer_of(verdict: Verdict) -> str:
    """Write a verdict as a wait's answer."""
    return json.dumps(asdict(verdict))


def _refresh(claim: Claim, application: str) -> None:
    with step(claim, "refresh Argo CD", Stage.DEPLOY) as record:
        if not record.done_before:
            with claim.context.store.begin() as tx:
                refreshes.want(tx, application, at=claim.context.now())
        record.message = f"{application} was asked to refresh now"


def _await_live(claim: Claim, application: str, commit: Sha) -> str:
    context, run, target = claim.context, claim.run, claim.target
    with step(claim, "await live and healthy", Stage.DEPLOY) as record:
        answered = last_answer(context, run.id, WaitKind.SYNC, application)
        verdict = None if answered is None else _verdict_of(answered)
        if verdict is None:
            if answered is not None and expired(context, run.id, WaitKind.SYNC, application):
                raise _too_late(claim, application, commit, answered.last_seen)
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
                newer = newer_there(claim, verdict.revision) if verdict.revision else None
                raise Superseded(verdict.reason, by=newer.id if newer else None)
            case VerdictKind.TAKEN_BACK:
                notice_if_believed(context, target)
                raise Cancelled(f"before it was live and healthy: {verdict.reason}", code="reverted")
            case _:
                raise PermanentError(verdict.words(), code="deploy-failed", hint=_where(claim, application))


def _too_late(claim: Claim, application: str, commit: Sha, last_seen: str) -> PermanentError:
    """Say what was seen last; an application that never appeared is most likely named wrong."""
    with claim.context.store.read() as tx:
        seen = sightings.of_runs(tx, [claim.run.id])
    if not seen:
        return PermanentError(
            f"{commit[:12]} was not live and healthy in time: {last_seen}",
            code="argocd-application-unknown",
            hint="compare `argocd` of the configuration with `argocd app list`, read the conditions of its "
            "ApplicationSet, and give the token's account `applications, get` in the application's project",
            application=application,
        )
    return PermanentError(
        f"{commit[:12]} was not live and healthy in time; last seen: {last_seen}",
        code="sync-timeout",
        hint=f"{_where(claim, application)}; `deadlines.sync` sets how long a run waits",
    )


def _where(claim: Claim, application: str) -> str:
    """Say where to look, with the address of the application's page where that was seen."""
    with claim.context.store.read() as tx:
        url = past_from(sightings.of_runs(tx, [claim.run.id]).get(claim.run.id)).url
    return f"look at {application} in Argo CD" + (f": {url}" if url else "")


def _verdict_of(wait: Wait) -> Verdict | None:
    """Read the verdict that the watch wrote; None if the wait ended otherwise, for example by its deadline."""
    if wait.outcome is not WaitOutcome.READY:
        return None
    parsed = json.loads(wait.answer)
    return Verdict(VerdictKind(parsed["kind"]), parsed["reason"], tuple(parsed["messages"]), parsed["revision"])

"""How applications move: comparison, sync and health, step by step in the order of a recorded Argo CD.

`server` calls it under its lock. A step is one visible state; time or a test's hand takes the next one. What is seen
in a rollout: the old version Synced with its operation gone; OutOfSync at the new commit; the operation Running; the
operation Succeeded while still OutOfSync with the old health; Synced and Progressing; then Healthy or not.
"""

from __future__ import annotations

from collections.abc import Callable

from devstack.argocd.application import PROGRESSING, Application, Deployed, Operation, Plan, now
from devstack.argocd.rendering import Open, Rendered, RenderError, render, resolve

DONE = "successfully synced (all tasks run)"
HISTORY_LIMIT = 10
DEADLINE = 'Deployment "{name}" exceeded its progress deadline'
PULL = 'Back-off pulling image "{image}"'
FAILED = (
    'one or more objects failed to apply, reason: Deployment.apps "{name}" is invalid: '
    "spec.template.spec.containers[0].image: Required value"
)


def compare(application: Application, open_repository: Open) -> bool:
    """Compare with the sources now and begin a sync if one is due; return whether it began.

    While a sync runs, only the new target is noted, and it is compared again afterwards.
    """
    application.reconciled_at = now()
    _changed(application)
    try:
        revisions, rendered = _desired(application, open_repository)
    except RenderError as error:
        _comparison_error(application, str(error))
        return False
    application.conditions = [one for one in application.conditions if one["type"] != "ComparisonError"]
    if application.operating:
        _note_newer(application, revisions)
    elif application.live is not None and rendered.key == application.live.key:
        _nothing_to_apply(application, revisions)
    elif revisions == application.failed_revisions or not application.automated or application.windows:
        application.sync, application.revisions = "OutOfSync", revisions
    else:
        begin(application, Operation(revisions), rendered)
        return True
    return False


def _desired(application: Application, open_repository: Open) -> tuple[tuple[str, ...], Rendered]:
    revisions = tuple(resolve(open_repository, source) for source in application.sources)
    plan = application.plan_for(revisions)
    if plan.outcome == "comparison-error":
        raise RenderError(plan.message or "Failed to load target state: failed to generate manifest: deliberate")
    words = {"name": application.name, "namespace": application.namespace}
    return revisions, render(open_repository, application.sources, revisions, **words)


def _nothing_to_apply(application: Application, revisions: tuple[str, ...]) -> None:
    """Note the new target revision; the last operation stays as it was.

    Only a comparison finds that a finished sync took effect. While a self-heal is still to come, it finds nothing.
    """
    following = application.script[0][0] if application.script else ""
    if following == "synced":
        step(application)
    if not following.startswith("heal-"):
        application.sync, application.revisions = _in_sync(application), revisions


def _note_newer(application: Application, revisions: tuple[str, ...]) -> None:
    running = application.requested or application.operation
    if running is not None and running.revisions != revisions:
        application.sync, application.revisions = "OutOfSync", revisions
        application.refresh_wanted = True


def _comparison_error(application: Application, message: str) -> None:
    application.sync = "Unknown"
    application.revisions = tuple(source.target_revision for source in application.sources)
    others = [one for one in application.conditions if one["type"] != "ComparisonError"]
    error = {"type": "ComparisonError", "message": message, "lastTransitionTime": now()}
    application.conditions = [*others, error]


def begin(application: Application, operation: Operation, rendered: Rendered) -> None:
    """Lay out the steps of a sync; the first is taken at once."""
    plan = application.plan_for(operation.revisions)
    operation.image = rendered.images[0] if rendered.images else ""
    app = application
    steps: list[tuple[str, Callable[[], None]]] = [
        ("requested", lambda: _request(app, operation)),
        ("out-of-sync", lambda: _out_of_sync(app, operation)),
        ("running", lambda: _run(app, operation)),
    ]
    if plan.outcome == "sync-failed":
        for _ in range(app.retry_limit):
            steps.append(("failed-try", lambda: _fail_once(app, operation, plan)))
            steps.append(("retrying", lambda: _await_try(operation)))
            steps.append(("next-try", lambda: _try_again(operation)))
        steps.append(("failed", lambda: _fail(app, operation, plan)))
    else:
        steps.append(("succeeded", lambda: _succeed(app, operation, rendered)))
        if app.self_heal:
            steps += _healing(app, operation, rendered)
        steps.append(("synced", lambda: _synced(app, operation, rendered)))
        steps += _ending(app, rendered, plan)
    app.script.clear()
    app.script.extend(steps)
    step(app)


def _healing(app: Application, first: Operation, rendered: Rendered) -> list[tuple[str, Callable[[], None]]]:
    """Sync the same revision once more, limited to some resources, as Argo CD does when its cache lags."""
    healing = Operation(first.revisions, healing=True, image=first.image)
    return [
        ("heal-requested", lambda: _request(app, healing)),
        ("heal-running", lambda: _run(app, healing)),
        ("heal-synced", lambda: _synced(app, healing, rendered)),
        ("heal-succeeded", lambda: _finish(app, healing)),
    ]


def _ending(app: Application, rendered: Rendered, plan: Plan) -> list[tuple[str, Callable[[], None]]]:
    if plan.outcome == "stuck":
        return [("stuck", lambda: _crash(app, plan))]
    if plan.outcome == "degraded":
        return [("degraded", lambda: _degrade(app, plan))]
    if plan.outcome == "recovers":
        return [("degraded", lambda: _degrade(app, plan)), ("healthy", lambda: _heal(app, rendered))]
    return [("healthy", lambda: _heal(app, rendered))]


def step(application: Application) -> str:
    """Take the next step, if there is one, and return the name of the application's state."""
    if application.script:
        application.at, act = application.script.popleft()
        act()
        _changed(application)
    return application.at


def _changed(application: Application) -> None:
    application.resource_version += 1
    application.generation += 1


def _request(app: Application, operation: Operation) -> None:
    app.requested, app.operation = operation, None


def _out_of_sync(app: Application, operation: Operation) -> None:
    app.sync, app.revisions, app.reconciled_at = "OutOfSync", operation.revisions, now()


def _run(app: Application, operation: Operation) -> None:
    operation.phase, operation.started_at = "Running", now()
    app.operation = operation


def _in_sync(app: Application) -> str:
    return "OutOfSync" if app.apart else "Synced"


def _finish(app: Application, operation: Operation) -> None:
    operation.phase, operation.message, operation.finished_at = "Succeeded", DONE, now()
    app.requested = None


def _succeed(app: Application, operation: Operation, rendered: Rendered) -> None:
    _finish(app, operation)
    number = app.history[-1].number + 1 if app.history else 0
    app.history.append(Deployed(number, operation.revisions, now(), operation.username))
    del app.history[:-HISTORY_LIMIT]
    app.live, app.failed_revisions = rendered, ()
    app.conditions = [one for one in app.conditions if one["type"] != "SyncError"]


def _synced(app: Application, operation: Operation, rendered: Rendered) -> None:
    app.sync, app.revisions, app.reconciled_at = _in_sync(app), operation.revisions, now()
    app.images = tuple(dict.fromkeys((*app.images, *rendered.images)))
    app.pod_message = ""
    app.set_health("Progressing", PROGRESSING)


def _heal(app: Application, rendered: Rendered) -> None:
    app.images = rendered.images
    app.set_health("Healthy")


def _crash(app: Application, plan: Plan) -> None:
    """Let the pod crash again and again; within its progress deadline the Deployment is only Progressing."""
    app.pod_message = plan.message


def _degrade(app: Application, plan: Plan) -> None:
    app.pod_message = plan.message or PULL.format(image=app.images[-1] if app.images else "")
    app.set_health("Degraded", DEADLINE.format(name=app.name))


def _fail_once(app: Application, operation: Operation, plan: Plan) -> None:
    operation.phase, operation.finished_at, operation.failed = "Failed", now(), True
    operation.message = plan.message or FAILED.format(name=app.name)


def _await_try(operation: Operation) -> None:
    """Stay Running with the words of the failed try, as Argo CD does: it shows the failed phase only for 0.02 s."""
    operation.phase = "Running"
    operation.retries += 1
    operation.message = f"{operation.message}. Retrying attempt #{operation.retries} at 10:07AM."


def _try_again(operation: Operation) -> None:
    """Begin the next try: the result of the last one is gone, and the message is about this one."""
    operation.finished_at, operation.failed = "", False
    operation.message = f"Retrying operation. Attempt #{operation.retries}"


def _fail(app: Application, operation: Operation, plan: Plan) -> None:
    operation.phase, operation.finished_at, operation.failed = "Failed", now(), True
    times = f" (retried {operation.retries} times)." if operation.retries else ""
    operation.message = (plan.message or FAILED.format(name=app.name)) + times
    app.requested, app.failed_revisions = None, operation.revisions
    text = f"Failed last sync attempt to {operation.revisions[0]}: {operation.message}"
    app.conditions = [*app.conditions, {"type": "SyncError", "message": text, "lastTransitionTime": now()}]


def settle_at(application: Application, revisions: tuple[str, ...], rendered: Rendered) -> None:
    """Put an application into the state of one that has been quiet for long: synced, healthy, with a history of one."""
    operation = Operation(revisions, image=rendered.images[0] if rendered.images else "")
    _run(application, operation)
    _out_of_sync(application, operation)
    _succeed(application, operation, rendered)
    _synced(application, operation, rendered)
    _heal(application, rendered)
    application.at = "healthy"

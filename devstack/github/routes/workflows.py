"""GitHub Actions: workflows, their runs and jobs, and the logs, which lie at another address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, jsonify, request

from devstack.github import access, workflow_shapes
from devstack.github.refusal import RefusalError, not_found
from devstack.github.routes.paging import link, numbers
from devstack.github.shapes import Json
from devstack.github.state import Repository
from devstack.github.workflow_records import Job, WorkflowRun
from devstack.github.workflows import Workflows

blueprint = Blueprint("workflows", __name__)


@blueprint.get("/repos/<owner>/<name>/actions/workflows")
def list_workflows(owner: str, name: str) -> Response:
    """List workflows."""
    repo = access.repository(owner, name, "actions")
    return _paged("workflows", [workflow_shapes.workflow(access.state(), repo, one) for one in _all().known(repo)])


@blueprint.get("/repos/<owner>/<name>/actions/workflows/<key>")
def get_workflow(owner: str, name: str, key: str) -> Response:
    """Get a workflow by its id or file name."""
    repo = access.repository(owner, name, "actions")
    return jsonify(workflow_shapes.workflow(access.state(), repo, _all().find(repo, key)))


@blueprint.post("/repos/<owner>/<name>/actions/workflows/<key>/dispatches")
def dispatch(owner: str, name: str, key: str) -> tuple[Response | str, int]:
    """Start a run; 200 with its id where that was asked for, otherwise 204."""
    repo = access.repository(owner, name, "actions", "write")
    body: dict[str, Any] = request.get_json()
    if not isinstance(body.get("ref"), str):
        raise RefusalError(422, 'Invalid request.\n\n"ref" wasn\'t supplied.')
    if _all().mode.answers == "unknown-key" and "return_run_details" in body:
        raise RefusalError(422, 'Invalid request.\n\n"return_run_details" is not a permitted key.')
    inputs = {one: str(text) for one, text in (body.get("inputs") or {}).items()}
    run = _all().dispatch(repo, key, body["ref"], inputs, access.caller())
    if run is None or _all().mode.answers != "details" or not body.get("return_run_details"):
        return "", 204
    written = workflow_shapes.run(access.state(), repo, run)
    return jsonify(workflow_run_id=run.id, run_url=written["url"], html_url=written["html_url"]), 200


@blueprint.get("/repos/<owner>/<name>/actions/runs")
@blueprint.get("/repos/<owner>/<name>/actions/workflows/<key>/runs")
def list_runs(owner: str, name: str, key: str = "") -> Response:
    """List runs, newest first."""
    repo = access.repository(owner, name, "actions")
    of = _all().find(repo, key) if key else None
    found = [
        one for one in repo.workflow_runs.values() if one.listed and (of is None or one.workflow is of) and _wanted(one)
    ]
    found.sort(key=lambda one: -one.id)
    page, size = numbers()
    shown = [workflow_shapes.run(access.state(), repo, one) for one in found[(page - 1) * size : page * size]]
    response = jsonify(total_count=len(found), workflow_runs=shown)
    link(response, len(found))
    return response


@blueprint.get("/repos/<owner>/<name>/actions/runs/<int:run_id>")
def get_run(owner: str, name: str, run_id: int) -> Response:
    """Get a run."""
    repo, run = _run(owner, name, run_id)
    return jsonify(workflow_shapes.run(access.state(), repo, run))


@blueprint.get("/repos/<owner>/<name>/actions/runs/<int:run_id>/jobs")
def list_jobs(owner: str, name: str, run_id: int) -> Response:
    """List the jobs of the newest attempt, or of all."""
    repo, run = _run(owner, name, run_id)
    jobs = run.jobs if request.args.get("filter") == "all" else run.latest
    return _paged("jobs", [workflow_shapes.job(access.state(), repo, run, one) for one in jobs])


@blueprint.get("/repos/<owner>/<name>/actions/jobs/<int:job_id>/logs")
def get_log(owner: str, name: str, job_id: int) -> Response:
    """Lead to the log of a job, which has to have ended."""
    repo = access.repository(owner, name, "actions")
    job = next((one for run in repo.workflow_runs.values() for one in run.jobs if one.id == job_id), None)
    if job is None or job.status != "completed":
        raise not_found()
    if job.log is None:
        raise RefusalError(410, "Gone")
    return _to_log(job)


@blueprint.post("/repos/<owner>/<name>/actions/runs/<int:run_id>/cancel")
def cancel(owner: str, name: str, run_id: int) -> tuple[Response, int]:
    """Cancel a run."""
    repo, run = _run(owner, name, run_id, write=True)
    _all().cancel(repo, run)
    return jsonify({}), 202


@blueprint.post("/repos/<owner>/<name>/actions/runs/<int:run_id>/rerun")
@blueprint.post("/repos/<owner>/<name>/actions/runs/<int:run_id>/rerun-failed-jobs")
def rerun(owner: str, name: str, run_id: int) -> tuple[Response, int]:
    """Run it again."""
    repo, run = _run(owner, name, run_id, write=True)
    _all().rerun(repo, run, access.caller())
    return jsonify({}), 201


def _all() -> Workflows:
    return access.actions().workflows


def _run(owner: str, name: str, run_id: int, *, write: bool = False) -> tuple[Repository, WorkflowRun]:
    repo = access.repository(owner, name, "actions", "write" if write else "read")
    return repo, _all().find_run(repo, run_id)


def _to_log(job: Job) -> Response:
    return Response("", 302, {"Location": access.actions().blobs.put(f"job-{job.id}", job.log or "")})


def _wanted(run: WorkflowRun) -> bool:
    asked = {"event": run.event, "branch": run.head_branch, "head_sha": run.head_sha}
    status = request.args.get("status")
    return (
        all(request.args.get(key) in {None, has} for key, has in asked.items())
        and status in {None, run.status, run.conclusion}
        and _within(run.created_at, request.args.get("created", ""))
    )


def _within(at: str, asked: str) -> bool:
    """Read `>=TIME`, `>TIME`, `<=TIME` and `TIME..TIME`."""
    first, dots, last = asked.partition("..")
    if dots:
        return first <= at <= last
    for sign, fits in ((">=", at >= asked[2:]), ("<=", at <= asked[2:]), (">", at > asked[1:]), ("<", at < asked[1:])):
        if asked.startswith(sign):
            return fits
    return not asked or at.startswith(asked)


def _paged(key: str, items: Sequence[Json]) -> Response:
    page, size = numbers()
    response = jsonify({"total_count": len(items), key: items[(page - 1) * size : page * size]})
    link(response, len(items))
    return response

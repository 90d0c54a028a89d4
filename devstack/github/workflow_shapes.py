"""How GitHub writes workflows, their runs and jobs in JSON, in answers and in events. Pure but for reading a commit."""

from __future__ import annotations

from devstack.bare import Person
from devstack.github import payloads, shapes
from devstack.github.state import Repository, State, User
from devstack.github.workflow_records import Job, Step, Workflow, WorkflowRun

LITE = {
    "archive_url", "assignees_url", "blobs_url", "branches_url", "collaborators_url", "comments_url", "commits_url",
    "compare_url", "contents_url", "contributors_url", "deployments_url", "description", "downloads_url", "events_url",
    "fork", "forks_url", "full_name", "git_commits_url", "git_refs_url", "git_tags_url", "hooks_url", "html_url", "id",
    "issue_comment_url", "issue_events_url", "issues_url", "keys_url", "labels_url", "languages_url", "merges_url",
    "milestones_url", "name", "node_id", "notifications_url", "owner", "private", "pulls_url", "releases_url",
    "stargazers_url", "statuses_url", "subscribers_url", "subscription_url", "tags_url", "teams_url", "trees_url",
    "url",
}  # fmt: skip
"""What a run's repositories have of their fields."""


def workflow(state: State, repo: Repository, one: Workflow) -> shapes.Json:
    """Write a workflow."""
    return {
        "id": one.id,
        "node_id": shapes.node_id("Workflow", one.id),
        "name": one.name,
        "path": one.path,
        "state": one.state,
        "created_at": one.created_at,
        "updated_at": one.created_at,
        "url": shapes.repository_api(state, repo, f"actions/workflows/{one.id}"),
        "html_url": shapes.html(state, repo, f"blob/{repo.default_branch}/{one.path}"),
        "badge_url": shapes.html(state, repo, f"workflows/{one.name}/badge.svg"),
    }


def run(state: State, repo: Repository, one: WorkflowRun) -> shapes.Json:
    """Write a run of a workflow."""
    url = shapes.repository_api(state, repo, f"actions/runs/{one.id}")
    actor = shapes.user(state, state.user(one.actor))
    place = {name: text for name, text in shapes.repository(state, repo).items() if name in LITE}
    suite = one.id * 10
    return {
        "id": one.id,
        "name": one.workflow.name,
        "node_id": shapes.node_id("WorkflowRun", one.id),
        "check_suite_id": suite,
        "check_suite_node_id": shapes.node_id("CheckSuite", suite),
        "head_branch": one.head_branch,
        "head_sha": one.head_sha,
        "path": one.workflow.path,
        "display_title": one.title,
        "run_number": one.number,
        "event": one.event,
        "status": one.status,
        "conclusion": one.conclusion,
        "workflow_id": one.workflow.id,
        "url": url,
        "html_url": shapes.html(state, repo, f"actions/runs/{one.id}"),
        "pull_requests": [],
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "actor": actor,
        "run_attempt": one.attempt,
        "referenced_workflows": [],
        "run_started_at": one.started_at,
        "triggering_actor": actor,
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": shapes.repository_api(state, repo, f"check-suites/{suite}"),
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": f"{url}/attempts/{one.attempt - 1}" if one.attempt > 1 else None,
        "workflow_url": shapes.repository_api(state, repo, f"actions/workflows/{one.workflow.id}"),
        "head_commit": _head_commit(repo, one.head_sha),
        "repository": place,
        "head_repository": place,
    }


def job(state: State, repo: Repository, of: WorkflowRun, one: Job) -> shapes.Json:
    """Write a job with its steps."""
    queued = one.status == "queued"
    return {
        "id": one.id,
        "run_id": of.id,
        "workflow_name": of.workflow.name,
        "head_branch": of.head_branch,
        "run_url": shapes.repository_api(state, repo, f"actions/runs/{of.id}"),
        "run_attempt": one.attempt,
        "node_id": shapes.node_id("CheckRun", one.id),
        "head_sha": of.head_sha,
        "url": shapes.repository_api(state, repo, f"actions/jobs/{one.id}"),
        "html_url": shapes.html(state, repo, f"actions/runs/{of.id}/job/{one.id}"),
        "status": one.status,
        "conclusion": one.conclusion,
        "created_at": one.created_at,
        "started_at": one.started_at,
        "completed_at": one.completed_at,
        "name": one.name,
        "steps": [_step(step) for step in one.steps] if not queued else [],
        "check_run_url": shapes.repository_api(state, repo, f"check-runs/{one.id}"),
        "labels": ["ubuntu-latest"],
        "runner_id": None if queued else 1,
        "runner_name": None if queued else "GitHub Actions 1",
        "runner_group_id": None if queued else 1,
        "runner_group_name": None if queued else "GitHub Actions",
    }


def run_event(state: State, repo: Repository, one: WorkflowRun, action: str, sender: User) -> shapes.Json:
    """Write a workflow_run event."""
    return {
        "action": action,
        "workflow_run": run(state, repo, one),
        "workflow": workflow(state, repo, one.workflow),
        **payloads.common(state, repo, sender),
    }


def job_event(state: State, repo: Repository, of: WorkflowRun, one: Job, action: str, sender: User) -> shapes.Json:
    """Write a workflow_job event."""
    return {"action": action, "workflow_job": job(state, repo, of, one), **payloads.common(state, repo, sender)}


def _step(one: Step) -> shapes.Json:
    return {
        "name": one.name,
        "status": one.status,
        "conclusion": one.conclusion,
        "number": one.number,
        "started_at": one.started_at,
        "completed_at": one.completed_at,
    }


def _head_commit(repo: Repository, sha: str) -> shapes.Json:
    one = repo.bare.commit(sha)
    return {
        "id": one.sha,
        "tree_id": one.tree,
        "message": one.message,
        "timestamp": one.committer_date,
        "author": _person(one.author),
        "committer": _person(one.committer),
    }


def _person(person: Person) -> shapes.Json:
    return {"name": person.name, "email": person.email}

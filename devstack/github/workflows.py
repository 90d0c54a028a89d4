"""GitHub Actions on the double: workflows are dispatched, run, cancelled and run again, with the web hooks of each.

The REST routes, pushes and the runner come here. It runs nothing by itself: a run stays queued until the runner, or a
test, moves it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from devstack.bare import ZERO
from devstack.git_backend import RefUpdate
from devstack.github import comparing, workflow_files, workflow_shapes
from devstack.github.hooks import Courier
from devstack.github.refusal import RefusalError, not_found
from devstack.github.state import Repository, State, User, now
from devstack.github.workflow_files import FOLDER, WorkflowFile
from devstack.github.workflow_records import Job, Step, Workflow, WorkflowRun

Answers = Literal["details", "nothing", "unknown-key"]
STEPS = ("Set up job", "Check out", "Build and push", "Complete job")
MOST_INPUTS = 25


@dataclass(slots=True)
class Mode:
    """How this GitHub takes dispatches.

    `answers`: with the run's id where it is asked for, as an older server that knows no such thing, or as one that
    refuses the unknown key. `lists` False: new runs are in no list yet. `shows` False: they cannot be seen at all.
    `loses`: a dispatch is accepted and no run comes of it, ever. `pushes`: whether pushes start workflows too, which
    costs each push some calls of git.
    """

    answers: Answers = "details"
    lists: bool = True
    shows: bool = True
    loses: bool = False
    pushes: bool = False


class Workflows:
    """Workflows of all repositories."""

    def __init__(self, state: State, courier: Courier) -> None:
        self.state = state
        self.courier = courier
        self.mode = Mode()

    # --- workflows ----------------------------------------------------------------------------------

    def known(self, repo: Repository) -> list[Workflow]:
        """List the workflows: those that ran, and the files of the default branch."""
        with self.state.lock:
            tip = repo.bare.branches().get(repo.default_branch)
            for path in repo.bare.files(tip, FOLDER) if tip else ():
                if path.endswith((".yml", ".yaml")):
                    self._know(repo, path, tip or "")
            return list(repo.workflows.values())

    def find(self, repo: Repository, key: str) -> Workflow:
        """Give a workflow by its id or its file's name; 404 for one that never was on the default branch, nor ran."""
        for one in self.known(repo):
            if key in {str(one.id), one.file}:
                return one
        raise not_found()

    def _know(self, repo: Repository, path: str, commit: str) -> Workflow:
        if path not in repo.workflows:
            read = self._file(repo, path, commit)
            repo.workflows[path] = Workflow(self.state.next_id(), path, read.name if read else path, now())
        return repo.workflows[path]

    @staticmethod
    def _file(repo: Repository, path: str, commit: str) -> WorkflowFile | None:
        text = repo.bare.read(commit, path)
        return workflow_files.parse(text, path) if text is not None else None

    # --- what starts runs ---------------------------------------------------------------------------

    def dispatch(
        self, repo: Repository, key: str, ref: str, inputs: Mapping[str, str], sender: User
    ) -> WorkflowRun | None:
        """Start a run by hand or by API; refuses what GitHub refuses. None where it is lost."""
        with self.state.lock:
            workflow = self.find(repo, key)
            if workflow.state != "active":
                raise RefusalError(422, "Cannot trigger a 'workflow_dispatch' on a disabled workflow")
            branch, commit = self._ref(repo, ref)
            file = self._file(repo, workflow.path, commit)
            if file is None or "workflow_dispatch" not in file.triggers:
                raise RefusalError(422, "Workflow does not have 'workflow_dispatch' trigger")
            given = _inputs(file, inputs)
            if self.mode.loses:
                return None
            title = file.title(given) or file.name
            return self._begin(repo, workflow, file, "workflow_dispatch", (branch, commit), title, sender, given)

    def moved(self, repo: Repository, update: RefUpdate, sender: User) -> list[WorkflowRun]:
        """Start the workflows that a push to a branch triggers, as they are at its commit."""
        branch, commit = update.ref.removeprefix("refs/heads/"), update.new
        if not self.mode.pushes or branch == update.ref or commit == ZERO or not repo.bare.files(commit, FOLDER):
            return []
        before = comparing.EMPTY_TREE if update.old == ZERO else update.old
        paths = [path for path, _ in comparing.changed_paths(repo.bare, before, commit)]
        begun = []
        message = repo.bare.commit(commit).message
        for path in repo.bare.files(commit, FOLDER):
            file = self._file(repo, path, commit)
            if file is not None and file.starts_for_push(branch, paths, message):
                workflow = self._know(repo, path, commit)
                title = file.title({}) or message.partition("\n")[0]
                if workflow.state == "active":
                    begun.append(self._begin(repo, workflow, file, "push", (branch, commit), title, sender, {}))
        return begun

    @staticmethod
    def _ref(repo: Repository, ref: str) -> tuple[str, str]:
        refs = repo.bare.refs()
        for full in (ref, f"refs/heads/{ref}", f"refs/tags/{ref}"):
            if full.startswith(("refs/heads/", "refs/tags/")) and full in refs:
                return full.split("/", 2)[2], repo.bare.resolve(f"{full}^{{commit}}") or refs[full]
        raise RefusalError(422, f"No ref found for: {ref}")

    def _begin(
        self, repo: Repository, workflow: Workflow, file: WorkflowFile, event: str, place: tuple[str, str], title: str,
        sender: User, inputs: dict[str, str],
    ) -> WorkflowRun:  # fmt: skip
        at = now()
        number = 1 + sum(1 for one in repo.workflow_runs.values() if one.workflow is workflow)
        run = WorkflowRun(
            self.state.next_id(), number, workflow, event, *place, title, sender.login, at, at, at, inputs,
            listed=self.mode.lists and self.mode.shows, shown=self.mode.shows,
        )  # fmt: skip
        run.jobs = self._jobs(run, file.jobs or ("build",))
        repo.workflow_runs[run.id] = run
        self._tell(repo, run, "requested")
        for job in run.jobs:
            self._tell_job(repo, run, job, "queued")
        return run

    def _jobs(self, run: WorkflowRun, names: tuple[str, ...]) -> list[Job]:
        steps = [[Step(number, name) for number, name in enumerate(STEPS, 1)] for _ in names]
        at = now()
        return [
            Job(self.state.next_id(), run.attempt, name, at, steps[index], started_at=at)
            for index, name in enumerate(names)
        ]

    # --- what becomes of them -----------------------------------------------------------------------

    def begin(self, repo: Repository, run: WorkflowRun) -> None:
        """A runner has taken the run's jobs."""
        with self.state.lock:
            run.status, run.updated_at = "in_progress", now()
            self._tell(repo, run, "in_progress")
            for job in run.latest:
                job.status, job.started_at = "in_progress", now()
                job.steps[0].status, job.steps[0].started_at = "in_progress", now()
                self._tell_job(repo, run, job, "in_progress")

    def end_step(self, job: Job, name: str, conclusion: str = "success") -> None:
        """A step has ended; no event is sent for that."""
        with self.state.lock:
            step = next(one for one in job.steps if one.name == name)
            step.started_at = step.started_at or now()
            step.status, step.conclusion, step.completed_at = "completed", conclusion, now()

    def complete(self, repo: Repository, run: WorkflowRun, conclusion: str, *, job: str = "") -> None:
        """A run has ended; steps that were not reached are skipped. `job` names its cause, the others succeeded."""
        with self.state.lock:
            causes = [one for one in run.latest if job in {"", one.name}]
            for one in run.latest:
                if conclusion != "startup_failure" and one.status != "completed":
                    self._end_job(repo, run, one, conclusion if one in causes else "success")
            run.status, run.conclusion, run.updated_at = "completed", conclusion, now()
            self._tell(repo, run, "completed")

    def _end_job(self, repo: Repository, run: WorkflowRun, job: Job, conclusion: str) -> None:
        if conclusion == "skipped":
            job.steps = []
        for step in job.steps:
            if step.status != "completed":
                self.end_step(job, step.name, "success" if conclusion == "success" else "skipped")
        told = "failure" if conclusion == "timed_out" else conclusion
        job.status, job.conclusion, job.completed_at = "completed", told, now()
        self._tell_job(repo, run, job, "completed")

    def cancel(self, repo: Repository, run: WorkflowRun) -> None:
        """Cancel a run; 409 for one that has ended."""
        with self.state.lock:
            if run.status == "completed":
                raise RefusalError(409, "Cannot cancel a workflow run that is completed.")
            self.complete(repo, run, "cancelled")

    def rerun(self, repo: Repository, run: WorkflowRun, sender: User) -> None:
        """Run all jobs again, as a person does; refuses one that is under way."""
        with self.state.lock:
            if run.status != "completed":
                raise RefusalError(403, "This workflow is already running")
            names = tuple(job.name for job in run.latest)
            run.attempt += 1
            run.status, run.conclusion, run.actor = "queued", None, sender.login
            run.updated_at = run.started_at = now()
            run.jobs += self._jobs(run, names)
            self._tell(repo, run, "requested")

    def find_run(self, repo: Repository, number: int) -> WorkflowRun:
        """Give a run by its id; 404 where it is not, or not yet."""
        run = repo.workflow_runs.get(number)
        if run is None or not run.shown:
            raise not_found()
        return run

    def reveal(self) -> None:
        """Let everything be seen that lagged."""
        with self.state.lock:
            self.mode.lists = self.mode.shows = True
            for repo in self.state.repositories.values():
                for run in repo.workflow_runs.values():
                    run.listed = run.shown = True

    def _tell(self, repo: Repository, run: WorkflowRun, action: str) -> None:
        payload = workflow_shapes.run_event(self.state, repo, run, action, self.state.user(run.actor))
        self.courier.emit(repo, "workflow_run", payload)

    def _tell_job(self, repo: Repository, run: WorkflowRun, job: Job, action: str) -> None:
        payload = workflow_shapes.job_event(self.state, repo, run, job, action, self.state.user(run.actor))
        self.courier.emit(repo, "workflow_job", payload)


def _inputs(file: WorkflowFile, given: Mapping[str, str]) -> dict[str, str]:
    """Check the inputs by the file, and fill in its defaults."""
    if len(given) > MOST_INPUTS:
        raise RefusalError(422, f"Invalid request.\n\nNo more than {MOST_INPUTS} properties are allowed.")
    if unknown := [name for name in given if name not in file.inputs]:
        listed = ", ".join(f'"{name}"' for name in unknown)
        raise RefusalError(422, f"Unexpected inputs provided: [{listed}]")
    for name, one in file.inputs.items():
        if one.get("required") and "default" not in one and not given.get(name):
            raise RefusalError(422, f"Required input '{name}' not provided")
        if one.get("type") == "choice" and name in given and given[name] not in one.get("options", ()):
            raise RefusalError(
                422, f"Provided value '{given[name]}' for input '{name}' not in the list of allowed values"
            )
    return {name: str(given.get(name, one.get("default", ""))) for name, one in file.inputs.items()}

"""GitHub's workflows: what starts them, what they build, and the steps that write values. Called by `survey`.

Each job is gone through twice: first for what a later step tells of an earlier one, such as a pull request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from service.core.importing import actions
from service.core.importing.findings import NO_BRANCH, Built, Difference, Finding, Flow, Tool, Update
from service.core.importing.material import Library, Material
from service.core.importing.pieces import Text, Unknown, literal
from service.core.importing.scripts import Walk, read_script
from service.core.importing.variables import Scope
from service.core.importing.yaml_nodes import Node, read_nodes

_FOLDER = re.compile(r"(?:.*/)?\.github/workflows/[^/]+\.ya?ml|(?:.*/)?action\.ya?ml")
_ONLY_ON = re.compile(r"refs/heads/(?P<ref>[\w./-]+)|ref_name\s*==\s*'(?P<name>[\w./-]+)'")
_TAGS = re.compile(r"refs/tags|ref_type\s*==\s*'tag'|event_name\s*==\s*'release'")
_REUSED = re.compile(r"(?:.*/)?\.github/workflows/(?P<name>[^/@]+\.ya?ml)(?:@.*)?")
_MOST_JOBS, _MOST_STEPS = 50, 200
INPUTS = frozenset({"image", "tag", "commit", "correlation"})
"""The inputs by which Mergeport starts a workflow."""


def is_workflow(material: Material) -> bool:
    """Tell it by the folder; a composite action is read like a job."""
    return _FOLDER.fullmatch(material.path) is not None


def read(material: Material, library: Library) -> Iterator[Finding]:
    """Give what a workflow writes and builds; raise Unreadable."""
    for node in read_nodes(material):
        flow = _flow(node, material)
        found: list[Finding] = []
        outputs: dict[str, str | Text] = {}
        for job in _jobs(node):
            if job.text("uses"):
                found += _called(job, flow, node, material, library, outputs)
                continue
            walk, more = _job(job, flow, node, material, library, outputs)
            outputs |= walk.scope.outputs()
            found += more
        if set(node.node("on").node("workflow_dispatch").node("inputs").keys()) >= INPUTS:
            found = [replace(one, by_inputs=True) if isinstance(one, Built) else one for one in found]
        yield from found
        if any(isinstance(one, Update) for one in found):
            yield from _about_start(node, flow)


def _called(
    job: Node, flow: Flow, workflow: Node, material: Material, library: Library, outputs: Mapping[str, str | Text]
) -> Iterator[Finding]:
    """Read the workflow that a job calls, with the inputs that it gives."""
    name = _REUSED.fullmatch(job.text("uses"))
    callee = next((one for one in library if name and is_workflow(one) and one.name == name["name"]), None)
    if callee is None or callee is material:
        yield Difference(
            job.at("uses"),
            Tool.PIPELINE,
            "workflow-not-found",
            f"calls {job.text('uses')}, which is not in the folders",
            "what it writes is not known",
            "run the import with its repository as well",
        )
        return
    scope = Scope({**_variables(workflow.node("env")), **_outputs(workflow), **_matrix(job)}, material.repository)
    scope = scope.within(outputs)
    given = job.node("with")
    inputs = {f"inputs.{key}": scope.read(given.text(key)) for key in given.keys()}  # noqa: SIM118 - not a dict
    own = replace(flow, branches=_only(job.text("if")) or flow.branches)
    for node in read_nodes(callee):
        for inner in _jobs(node):
            yield from _job(inner, own, node, callee, library, inputs)[1]


def is_called(material: Material, library: Library) -> bool:
    """Tell whether a workflow is only ever called, and is read where it is."""
    alone = re.search(r"^ {2}(?:push|workflow_dispatch|schedule|release|pull_request)\b", material.text, re.MULTILINE)
    others = (one for one in library if one is not material and is_workflow(one))
    return (
        "workflow_call" in material.text
        and alone is None
        and any(f".github/workflows/{material.name}" in one.text for one in others)
    )


def _flow(node: Node, material: Material) -> Flow:
    starts = node.node("on")
    push = starts.node("push")
    every = push.texts("branches") or starts.node("workflow_run").texts("branches")
    branches = tuple(branch for branch in every if branch not in {"*", "**"})
    ignored = tuple(f"!{path}" for path in push.texts("paths-ignore"))
    return Flow(
        workflow=material.name if "jobs" in node else "",
        source=material.repository,
        branches=branches or ((NO_BRANCH,) if "jobs" in node else ()),
        paths=push.texts("paths") or (("**", *ignored) if ignored else ()),
    )


def _about_start(node: Node, flow: Flow) -> Iterator[Finding]:
    """Tell what else than a push to a branch starts the workflow."""
    starts = node.node("on")
    names = set(starts.keys()) or set(node.texts("on"))
    now = "Mergeport begins with a merge to a branch"
    by_branch = flow.branches != (NO_BRANCH,)
    if starts.node("push").texts("tags") and not by_branch:
        tags = ", ".join(starts.node("push").texts("tags"))
        yield Difference(
            starts.at("push"),
            Tool.PIPELINE,
            "started-by-tag",
            f"starts with a tag: {tags}",
            now,
            "which branch feeds the environment; a release that waits for a person is `from:` with `automatic: false`",
        )
    if "release" in names:
        yield Difference(
            node.at("on"),
            Tool.PIPELINE,
            "started-by-release",
            "starts with a release",
            now,
            "which branch feeds the environment",
        )
    if not by_branch and "push" in names and not starts.node("push").texts("tags"):
        yield Difference(
            node.at("on"),
            Tool.PIPELINE,
            "started-by-any",
            "starts with a push to any branch",
            now,
            "which branch feeds the environment",
        )
    if names and not names & {"push", "release", "workflow_run"}:
        how = ", ".join(sorted(names))
        yield Difference(
            node.at("on"),
            Tool.PIPELINE,
            "started-by-hand",
            f"starts with {how}",
            now,
            "which branch feeds the environment; with `from:` and `automatic: false` a person starts it",
        )


def _jobs(node: Node) -> Iterator[Node]:
    jobs = node.node("jobs")
    for name in jobs.keys()[:_MOST_JOBS]:
        yield jobs.node(name)
    if node.node("runs").text("using") == "composite":
        yield node.node("runs")


def _job(
    job: Node, flow: Flow, workflow: Node, material: Material, library: Library, outputs: Mapping[str, str | Text]
) -> tuple[Walk, list[Finding]]:
    """Read a job: once to learn, once to tell. `outputs` are those of the jobs before."""
    variables: dict[str, str | Text] = {**_variables(workflow.node("env")), **_outputs(workflow), **_inputs(workflow)}
    variables |= {**_variables(job.node("env")), **_matrix(job)}
    scope = Scope(variables, flow.source).within(outputs)
    name = job.text("environment") or job.node("environment").text("name")
    own = replace(flow, environment=literal(scope.read(name)) or "", branches=_only(job.text("if")) or flow.branches)
    learnt = Walk(scope, own, library)
    for _ in _steps(job, workflow, learnt, material):
        pass
    kept = replace(
        own,
        pull_request=learnt.flow.pull_request,
        auto_merge=learnt.flow.auto_merge,
        merge_method=learnt.flow.merge_method,
        labels=learnt.flow.labels,
        manifest_branch=learnt.flow.manifest_branch,
        argocd=learnt.flow.argocd,
    )
    walk = Walk(scope, kept, library)
    found = list(_steps(job, workflow, walk, material))
    writes = any(isinstance(one, Update) for one in found)
    if name and writes:
        found.append(_about_environment(job, name))
    if writes and _only(job.text("if")) == (NO_BRANCH,):
        found.append(
            Difference(
                job.at("if"),
                Tool.PIPELINE,
                "started-by-tag",
                "runs for a tag or a release",
                "Mergeport begins with a merge to a branch",
                "which branch feeds the environment; with `from:` and `automatic: false` a person starts it",
            )
        )
    return walk, found


def _about_environment(job: Node, name: str) -> Difference:
    return Difference(
        job.at("environment"),
        Tool.PIPELINE,
        "job-environment",
        f"runs in GitHub's environment {name}, whose reviewers and rules it waits for",
        "Mergeport does not know these rules",
        "whether a gate such as `approval`, or `publish: pull-request`, takes their place",
    )


def _steps(job: Node, workflow: Node, walk: Walk, material: Material) -> Iterator[Finding]:
    folder = job.node("defaults").node("run").text("working-directory")
    folder = folder or workflow.node("defaults").node("run").text("working-directory")
    for number, step in enumerate(job.nodes("steps")):
        if number >= _MOST_STEPS:
            return
        walk.step, walk.folder = (
            step.text("id"),
            (step.text("working-directory") or folder).removeprefix("./").strip("/"),
        )
        outside, walk.scope = walk.scope, walk.scope.having(_variables(step.node("env")))
        flow = walk.flow
        if branches := _only(step.text("if")):
            walk.flow = replace(flow, branches=branches)
        if step.text("run"):
            yield from read_script(step.text("run"), material.shown, step.first_line("run"), walk)
        elif step.text("uses"):
            yield from actions.read(step, walk, material)
        walk.scope = walk.scope.without(step.node("env").keys(), outside)
        walk.flow = replace(walk.flow, branches=flow.branches)


def _only(condition: str) -> tuple[str, ...]:
    """Give the branches that a condition names; none if it excludes any."""
    if _TAGS.search(condition):
        return (NO_BRANCH,)
    if "!=" in condition or "!startsWith" in condition or "!contains" in condition or "startsWith(" in condition:
        return ()
    return tuple(dict.fromkeys((found["ref"] or found["name"]) for found in _ONLY_ON.finditer(condition)))


def _variables(node: Node) -> dict[str, str]:
    return {name: node.text(name) for name in node.keys()}  # noqa: SIM118 - not a dict


def _matrix(job: Node) -> dict[str, str | Text]:
    """Give the values of the matrix: a name is one of several."""
    matrix = job.node("strategy").node("matrix")
    found = {name: matrix.texts(name) for name in matrix.keys() if name not in {"include", "exclude"}}  # noqa: SIM118
    for more in matrix.nodes("include"):
        for name in more.keys():  # noqa: SIM118 - not a dict
            found[name] = (*found.get(name, ()), more.text(name))
    return {f"matrix.{name}": _one_of(f"matrix.{name}", values) for name, values in found.items() if values}


def _inputs(workflow: Node) -> dict[str, str | Text]:
    """Give the inputs that are chosen from a list."""
    inputs = workflow.node("on").node("workflow_dispatch").node("inputs")
    listed = {name: inputs.node(name).texts("options") for name in inputs.keys()}  # noqa: SIM118 - not a dict
    chosen = {f"{prefix}inputs.{name}": values for name, values in listed.items() for prefix in ("", "github.event.")}
    return {name: _one_of(name, values) for name, values in chosen.items() if values}


def _one_of(name: str, values: tuple[str, ...]) -> str | Text:
    different = tuple(dict.fromkeys(values))
    if len(different) == 1:
        return different[0]
    return (Unknown(f"${{{{ {name} }}}}", different if not any("${{" in value for value in different) else ()),)


def _outputs(workflow: Node) -> dict[str, str]:
    """Give the outputs of all jobs by the names that other jobs have for them."""
    jobs = workflow.node("jobs")
    return {
        f"needs.{name}.outputs.{output}": jobs.node(name).node("outputs").text(output)
        for name in jobs.keys()  # noqa: SIM118 - not a dict
        for output in jobs.node(name).node("outputs").keys()  # noqa: SIM118 - not a dict
    }

"""The files of a manifest repository, made of the template that we bring. Called by `mergeport init`.

The template is a working example: the repository acme/manifests with the application checkout in dev, stage and prod.
Its names are replaced, its application is repeated for each that was named, and environments that nobody wants go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from service.core.starting.answers import ENVIRONMENTS, Answers, StartedApplication

APPLICATION, OWNER, MANIFESTS = "checkout", "acme", "acme/manifests"
REGISTRY = "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com"
_VALUES = f"apps/{APPLICATION}/"
_KEPT = ("charts/",)
"""Folders that are taken byte for byte."""


def manifest_files(template: Mapping[str, str], answers: Answers) -> dict[str, str]:
    """Give the files by their paths; `template` has those of the example."""
    found: dict[str, str] = {}
    for path, text in template.items():
        if path == "mergeport.yaml":
            found[path] = configuration(answers)
        elif path.startswith(_KEPT):
            found[path] = text
        elif path.startswith(_VALUES):
            for application in answers.applications:
                found |= _values(path.removeprefix(_VALUES), text, application, answers)
        elif not path.startswith("apps/"):
            found[path] = _named(_environments(_for_init(text), answers, path), answers)
    return dict(sorted(found.items()))


def _values(file: str, text: str, application: StartedApplication, answers: Answers) -> dict[str, str]:
    """Give an application's values file, of the environment in whose place it is; none if there is none."""
    for old, new in zip(_known(), _wanted(answers), strict=True):
        if file == f"values-{old}.yaml":
            if not new:
                return {}
            file, text = f"values-{new}.yaml", _renamed(text, old, new, answers)
            break
    text = re.sub(rf"\b{APPLICATION}\b", application.name, text)
    return {f"apps/{application.name}/{file}": _named(text, answers)}


def _for_init(text: str) -> str:
    """Leave out what only who copies the template by hand has to do."""
    return re.sub(r"<!-- for a copy by hand -->\n.*?<!-- until here -->\n\n", "", text, flags=re.DOTALL)


def _known() -> list[str]:
    return [name for name, _ in ENVIRONMENTS]


def _wanted(answers: Answers) -> list[str]:
    """Give the answered environments in the places of dev, stage and prod; empty where there are fewer.

    The last one takes the place of prod, because it is the one that is promoted by pull request.
    """
    names = [one.name for one in answers.environments]
    *others, last = names
    return [*others, *[""] * (len(ENVIRONMENTS) - len(names)), last]


def _renamed(text: str, old: str, new: str, answers: Answers) -> str:
    """Put an environment and its branch in the place of another."""
    branches = {one.name: one.branch for one in answers.environments}
    for was, branch in ENVIRONMENTS:
        if was == old:
            text = re.sub(rf"the branch {branch}\b", f"the branch {branches[new]}", text)
    return re.sub(rf"(?<![-\w]){old}(?![-\w])", new, text)


def _named(text: str, answers: Answers) -> str:
    text = text.replace(MANIFESTS, str(answers.manifests)).replace(REGISTRY, answers.registry)
    for application in answers.applications[:1]:
        text = text.replace(f"{OWNER}/{APPLICATION}", str(application.source))
        text = text.replace(f"apps/{APPLICATION}", f"apps/{application.name}")
    return re.sub(rf"(?<![-\w]){OWNER}(?![-\w])", answers.owner, text)


def _environments(text: str, answers: Answers, path: str) -> str:
    """Replace the environments in lists of YAML, item by item, and leave out items of those that nobody wants."""
    if not path.endswith((".yaml", ".yml")):
        return text
    for old, new in zip(_known(), _wanted(answers), strict=True):
        text = _without(text, old) if not new else re.sub(rf"(?<!\w)(\*?-?){old}(?![-\w])", rf"\g<1>{new}", text)
    return text


def _without(text: str, environment: str) -> str:
    """Leave out the items of lists that are about an environment: without items of their own, and with its name."""
    lines = text.splitlines(keepends=True)
    kept: list[str] = []
    number = 0
    while number < len(lines):
        end = _end_of_item(lines, number)
        if end > number and _is_about(lines[number:end], environment):
            number = end
        else:
            kept.append(lines[number])
            number += 1
    return "".join(kept)


def _end_of_item(lines: list[str], begin: int) -> int:
    """Give the line after an item that begins here; the same line if none does."""
    if not lines[begin].lstrip().startswith("- "):
        return begin
    depth = _depth(lines[begin])
    deeper = (
        number for number in range(begin + 1, len(lines)) if lines[number].strip() and _depth(lines[number]) <= depth
    )
    return next(deeper, len(lines))


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _is_about(item: list[str], environment: str) -> bool:
    """Tell whether an item of a list has no item of its own and names the environment as the value of a key."""
    nested = any(line.lstrip().startswith("- ") for line in item[1:])
    pattern = rf':\s*"?(\*-)?{environment}"?\s*(#.*)?$'
    return not nested and any(re.search(pattern, line.rstrip()) for line in item)


def configuration(answers: Answers) -> str:
    """Write `mergeport.yaml`."""
    lines = [
        "# What Mergeport does on a merge. It is read from the default branch; a push here reloads it, and a",
        "# broken file keeps the last good one and fails this commit's status. Check it with:",
        "#   mergeport config check mergeport.yaml",
        "",
        "defaults:",
        f"  registry: {answers.registry}",
        '  tag: "{short_sha}"',
        f"  build: {_build(answers.builder)}",
        "  values:",
        '    - file: "apps/{application}/values-{environment}.yaml"',
        "      set:",
        '        image.repository: "{repository}"',
        '        image.tag: "{tag}"',
        '        image.digest: "{digest}"',
        "  # What pull requests render to show what changes; the same as in argocd/applicationset.yaml.",
        "  chart:",
        "    path: charts/application",
        '    values: ["apps/{application}/values.yaml", "apps/{application}/values-{environment}.yaml"]',
        '    release: "{application}"',
        '    namespace: "{application}-{environment}"',
        "  # The Argo CD application of each pair; argocd/applicationset.yaml makes them. `false`: end at the commit.",
        f"  argocd: {_quoted('{application}-{environment}') if answers.argocd else 'false'}",
        "",
        "environments:",
    ]
    *direct, last = answers.environments
    for one in direct:
        lines += [f"  {one.name}:", f"    branch: {_quoted(one.branch)}"]
    lines += [f"  {last.name}:", f"    branch: {_quoted(last.branch)}", "    publish: pull-request"]
    if answers.reviewers:
        lines += ["    pull_request:", f"      reviewers: [{_quoted(answers.reviewers)}]"]
    lines += ["", "applications:"]
    for application in answers.applications:
        lines += [f"  {application.name}:", f"    source: {application.source}"]
        if application.dockerfile != "own":
            lines += [f"    build: {_build(answers.builder, application.dockerfile)}"]
    return "\n".join(lines) + "\n"


def _build(builder: str, template: str = "") -> str:
    keys = {"kind": builder}
    if builder == "external":
        keys["workflow"] = "image.yml"
    elif template:
        keys["template"] = template
    return "{" + ", ".join(f"{key}: {value}" for key, value in keys.items()) + "}"


def _quoted(text: str) -> str:
    return f'"{text}"'

"""Scripts outside GitHub's workflows: Jenkinsfiles, Makefiles, shell scripts, and the YAML of other pipelines.

Called by `survey`. Only their shell lines are read, and the variables that are simple.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from service.core.importing.findings import Finding, Flow
from service.core.importing.material import Library, Material
from service.core.importing.scripts import WORDS, Walk, read_script
from service.core.importing.variables import Scope

_GROOVY = re.compile(
    r"\bsh\b\s*\(?\s*(?:script\s*:\s*)?(?P<quote>'''|\"\"\"|'|\")(?P<script>.*?)(?<!\\)(?P=quote)", re.DOTALL
)
_GROOVY_SET = re.compile(
    r"(?:^|[{;])\s*(?:def\s+|env\.)?(?P<name>[A-Za-z_]\w*)\s*=\s*(?:(?P<quote>[\"'])(?P<value>[^\"'\n]*)(?P=quote)"
    r"|sh\s*\(?\s*script:\s*[\"'](?P<command>[^\"'\n]*)[\"'].*)",
    re.MULTILINE,
)
_GROOVY_BRANCH = re.compile(
    r"\bbranch\s+[\"'](?P<name>[\w./*-]+)[\"']|BRANCH_NAME\s*==\s*[\"'](?P<equal>[\w./-]+)[\"']"
)
_MAKE_SET = re.compile(r"^(?:export\s+)?(?P<name>[A-Za-z_]\w*)\s*(?P<how>[:?]?)=\s*(?P<value>.*)$", re.MULTILINE)
_RECIPE = re.compile(r"(?:^\t.*(?:\n|\Z))+", re.MULTILINE)
_STEPS = re.compile(r"(?:^|[.\]])(?:script|before_script|after_script|commands|command|args|run|cmds|bash)(?:\[|$|\.)")


def is_pipeline(material: Material) -> bool:
    """Tell whether a file may have shell lines that are worth reading."""
    return (
        bool(WORDS.search(material.text))
        and (material.is_yaml or _is_groovy(material) or _is_make(material) or material.name.endswith((".sh", ".bash")))
        and "{{- " not in material.text
    )


def read(material: Material, library: Library) -> Iterator[Finding]:
    """Give what the scripts of a file write and build."""
    flow = Flow(source=material.repository)
    if _is_groovy(material):
        yield from _groovy(material, library, flow)
    elif _is_make(material):
        yield from _make(material, library, flow)
    elif material.is_yaml:
        yield from _yaml(material, library, flow)
    else:
        yield from read_script(material.text, material.shown, 1, Walk(Scope({}, material.repository), flow, library))


def _is_groovy(material: Material) -> bool:
    return "Jenkinsfile" in material.name or material.name.endswith((".groovy", ".jenkinsfile"))


def _is_make(material: Material) -> bool:
    return material.name in {"Makefile", "GNUmakefile", "makefile"} or material.name.endswith(".mk")


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _groovy(material: Material, library: Library, flow: Flow) -> Iterator[Finding]:
    """Read the texts of `sh`; a branch that the file names once is the one that is deployed."""
    text = re.sub(r"^\s*//.*$", "", material.text, flags=re.MULTILINE)
    found = _GROOVY_SET.finditer(text)
    values = {one["name"]: f"$({one['command']})" if one["command"] else one["value"] or "" for one in found}
    branches = {one["name"] or one["equal"] for one in _GROOVY_BRANCH.finditer(text)}
    flow = Flow(source=flow.source, branches=tuple(sorted(branches)))
    walk = Walk(
        Scope({name: _groovy_text(value) for name, value in values.items()}, material.repository), flow, library
    )
    for one in _GROOVY.finditer(text):
        single = one["quote"] in {"'", "'''"}
        script = one["script"] if single else _groovy_text(one["script"])
        yield from read_script(script, material.shown, _line(text, one.start("script")), walk)
        if "\n" not in one["script"]:
            walk.folder = ""  # each `sh` begins in the workspace
    return


def _groovy_text(text: str) -> str:
    """Take away what a text in double quotes escapes."""
    return re.sub(r"\\([$\"'\\])", r"\1", text).replace("${env.", "${")


def _make(material: Material, library: Library, flow: Flow) -> Iterator[Finding]:
    """Read the recipes: `$$` is a dollar of the shell, `$(NAME)` a variable of make."""
    values = {
        one["name"]: re.sub(r"^\$\(shell\s+(.*)\)$", r"$(\1)", one["value"].strip())
        for one in _MAKE_SET.finditer(material.text)
        if one["how"] != "?" or "$(shell" in one["value"]  # else whoever calls make says it
    }
    for recipe in _RECIPE.finditer(material.text):
        lines = recipe[0].replace("$$", "\ue002")
        script = re.sub(r"^\t[@+-]*", "", re.sub(r"\$\((\w+)\)", r"${\1}", lines), flags=re.MULTILINE).replace(
            "\ue002", "$"
        )
        walk = Walk(Scope(values, material.repository), flow, library)
        yield from read_script(script, material.shown, _line(material.text, recipe.start()), walk)


def _yaml(material: Material, library: Library, flow: Flow) -> Iterator[Finding]:
    """Read the scripts of another pipeline's YAML, job by job."""
    values = {
        scalar.path.rpartition(".")[2]: scalar.text
        for scalar in material.values
        if re.search(r"(?:^|\.)(?:variables|env|environment)\.\w+$", scalar.path)
    }
    walks: dict[str, Walk] = {}
    for scalar in material.values:
        if not _STEPS.search(scalar.path):
            continue
        job = re.split(r"[.\[]", scalar.path, maxsplit=1)[0]
        walk = walks.setdefault(job, Walk(Scope(values, material.repository), flow, library))
        yield from read_script(scalar.text, material.shown, scalar.line + ("\n" in scalar.text), walk)

"""Scripts of pipelines: follows folders, checkouts and variables, and hands each command to the reader of its tool.

Called for the steps of a workflow, Jenkinsfiles, Makefiles and shell scripts. A tool is one module in `TOOLS`; each
gives `read(call)`. Nothing is run, and no branch of a script is left out: both ways of an `if` are read.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from service.core.importing import gitopscli, kustomize, sed, yq
from service.core.importing.calls import Call
from service.core.importing.findings import At, Built, Difference, Finding, Flow, Tool
from service.core.importing.image_names import read_image
from service.core.importing.material import Library
from service.core.importing.pieces import Unknown, literal, shown
from service.core.importing.repositories import repository_of
from service.core.importing.shell import ShellCommand, commands
from service.core.importing.variables import Scope

TOOLS: Mapping[str, Callable[[Call], Iterator[Finding]]] = {
    "sed": sed.read,
    "gsed": sed.read,
    "yq": yq.read,
    "kustomize": kustomize.read,
    "gitopscli": gitopscli.read,
}
WORDS = re.compile(r"yq|\bsed\b|gitopscli|kustomize\s+edit", re.IGNORECASE)
"""What a text has to have to be worth reading."""
_DIRECT = frozenset(
    {
        ("helm", "upgrade"),
        ("kubectl", "apply"),
        ("kubectl", "set", "image"),
        ("kubectl", "rollout", "restart"),
        ("argocd", "app", "set"),
        ("argocd", "app", "sync"),
        ("argocd", "app", "wait"),
    }
)


@dataclass(slots=True)
class Walk:
    """What a script has done so far: where it is, which variables it has set, which repositories it has cloned."""

    scope: Scope
    flow: Flow
    library: Library
    folder: str = ""
    clones: dict[str, str] | None = None
    step: str = ""
    arms: dict[str, int] | None = None

    def cloned(self, folder: str, repository: str) -> None:
        """Remember a checkout of another repository."""
        self.clones = {**(self.clones or {}), folder: repository}

    def assign(self, name: str, raw: str, arm: int) -> None:
        """Set a variable; one that another way of a condition sets as well is one of several."""
        before = (self.arms or {}).get(name, 0)
        self.scope = self.scope.choosing(name, raw) if arm and arm != before else self.scope.setting({name: raw})
        self.arms = {**(self.arms or {}), name: arm}

    def loop(self, name: str, words: tuple[str, ...]) -> None:
        """Let a variable be one of the words of `for`."""
        options = tuple(known for word in words if (known := literal(self.scope.read(word))) is not None)
        options = options if len(options) == len(words) else ()
        self.scope = self.scope.having({name: (Unknown(f"${name}", options),)})


def read_script(script: str, file: str, line: int, walk: Walk) -> Iterator[Finding]:
    """Give what a script writes and builds; `walk` goes on in the next step of the same job."""
    for command in commands(script, line):
        values = dict(command.sets)
        if not command.words:
            for key, value in values.items():
                walk.assign(key, value, command.arm)
            continue
        name = _program(command.words[0], walk)
        if _is_followed(command, name, walk):
            continue
        if name in {"docker", "podman", "buildah", "nerdctl"}:
            yield from _docker(command, file, walk)
        elif name in TOOLS:
            yield from TOOLS[name](_call(command, command.words, file, walk, values))
        else:
            yield from _other(command, name, file, walk)


def _program(word: str, walk: Walk) -> str:
    """Name a program, also where a variable says where it is: `$YQ`, `${TOOLS}/yq`."""
    name = posixpath.basename(shown(walk.scope.read(word)))
    variable = re.fullmatch(r"\$\{?\w*?(?P<tool>YQ|SED|KUSTOMIZE)\w*\}?", name)
    return variable["tool"].lower() if variable else name


def _is_followed(command: ShellCommand, name: str, walk: Walk) -> bool:
    """Follow a command that writes nothing but changes what later ones mean; tell whether it is one."""
    if name == "for" and command.words[2:3] == ("in",):
        walk.loop(command.words[1], command.words[3:])
    elif name in {"cd", "pushd"} and len(command.words) > 1:
        walk.folder = _into(walk, command.words[1])
    elif name == "git":
        walk.flow = _after_git(command, walk)
    elif name == "gh":
        walk.flow = _after_gh(command, walk.flow)
    elif name == "echo":
        _set_by_file(command, walk)
    else:
        return False
    return True


def _other(command: ShellCommand, name: str, file: str, walk: Walk) -> Iterator[Finding]:
    """Read a command within another one; tell of tools that change files or the cluster and are not read."""
    words = command.words
    if name in {"bash", "sh", "ssh-agent"} and "-c" in words[:-1]:
        yield from read_script(words[words.index("-c") + 1], file, command.line, walk)
        return
    inside = next((n for n, word in enumerate(words) if posixpath.basename(word) in TOOLS), None)
    if name in {"find", "xargs", "env", "nice", "timeout", "retry"} and inside is not None:
        tool = posixpath.basename(words[inside])
        yield from TOOLS[tool](_call(command, (tool, *words[inside + 1 :]), file, walk, dict(command.sets)))
    elif (name == "perl" and any(re.match(r"-\w*i", word) for word in words)) or (
        name == "envsubst" and command.writes
    ):
        yield Difference(
            At(file, command.line),
            Tool.PIPELINE,
            "tool-not-read",
            f"changes files with {name}",
            "this import does not read it",
            "which file and which key it writes",
        )
    elif words[0:2] in _DIRECT or words[0:3] in _DIRECT:
        if words[:2] == ("argocd", "app") and (known := literal(walk.scope.read(words[3]) if len(words) > 3 else ())):  # noqa: PLR2004 - its name
            walk.flow = replace(walk.flow, argocd=known)
        yield Difference(
            At(file, command.line),
            Tool.PIPELINE,
            "deploys-directly",
            f"runs `{' '.join(words[:3])}`",
            "Mergeport writes to Git, has Argo CD refreshed and waits until it is live",
            "whether this command is still needed",
        )


def _call(command: ShellCommand, words: tuple[str, ...], file: str, walk: Walk, values: Mapping[str, str]) -> Call:
    return Call(
        words=words,
        at=At(file, command.line),
        scope=walk.scope.setting(values),
        flow=walk.flow,
        library=walk.library,
        folder=walk.folder,
        clones=walk.clones or {},
        writes=command.writes,
    )


def _into(walk: Walk, target: str) -> str:
    """Follow `cd`; a folder at the top of the workspace is written without it."""
    plain = re.sub(
        r"^(?:\$\{?(?:GITHUB_WORKSPACE|WORKSPACE|CI_PROJECT_DIR)\}?|\$\{\{\s*github\.workspace\s*\}\})/?", "/", target
    )
    if plain in {"-", "~"}:
        return ""
    if plain.startswith("/"):
        return plain.strip("/")
    joined = posixpath.normpath(posixpath.join(walk.folder, plain))
    return "" if joined == "." or joined.startswith("..") else joined


def _after_git(command: ShellCommand, walk: Walk) -> Flow:
    """Follow `git clone`, `git checkout` and `git push`."""
    words = [word for word in command.words[1:] if word]
    flow = walk.flow
    if "clone" in words:
        plain = [word for word in words[words.index("clone") + 1 :] if not word.startswith("-")]
        address = next((number for number, word in enumerate(plain) if "/" in word), None)
        branch = _option(words, ("-b", "--branch"))
        if address is not None:
            where = shown(walk.scope.read(plain[address]))
            short = posixpath.basename(where.rstrip("/")).removesuffix(".git")
            folder = plain[address + 1] if len(plain) > address + 1 else short
            walk.cloned(_into(walk, folder), repository_of(where))
        return replace(flow, manifest_branch=_branch(walk, branch) or flow.manifest_branch)
    if words[:1] == ["push"]:
        refs = [word for word in words[1:] if not word.startswith("-")]
        target = refs[1].rpartition(":")[2] if len(refs) > 1 else ""
        branch = _branch(walk, target.removeprefix("refs/heads/"))
        return replace(flow, manifest_branch=branch if branch and branch != "HEAD" else flow.manifest_branch)
    return flow


def _branch(walk: Walk, raw: str) -> str:
    return literal(walk.scope.read(raw)) or "" if raw else ""


def _after_gh(command: ShellCommand, flow: Flow) -> Flow:
    if command.words[1:3] == ("pr", "create"):
        return replace(flow, pull_request=True)
    if command.words[1:3] == ("pr", "merge"):
        method = next((word[2:] for word in command.words if word in {"--squash", "--rebase", "--merge"}), "")
        how = "github" if "--auto" in command.words else "mergeport"
        return replace(flow, pull_request=True, auto_merge=how, merge_method=method)
    return flow


def _docker(command: ShellCommand, file: str, walk: Walk) -> Iterator[Finding]:
    """Follow `docker build -t`, `docker run … gitopscli` and the like."""
    words = command.words
    inside = next((n for n, word in enumerate(words) if re.fullmatch(r"(?:.*/)?(gitopscli|yq)(?::.*)?", word)), None)
    if "run" in words and inside is not None:
        name = "gitopscli" if "gitopscli" in words[inside] else "yq"
        yield from TOOLS[name](_call(command, (name, *words[inside + 1 :]), file, walk, dict(command.sets)))
        return
    if words[1:2] == ("push",):
        named = [word for word in words[2:] if not word.startswith("-")]
        yield from (Built(At(file, command.line), read_image(walk.scope.read(word)), walk.flow) for word in named[:1])
    if "build" not in words[:3] and words[1:2] != ("bud",):
        return
    for number, word in enumerate(words):
        raw = words[number + 1] if word in {"-t", "--tag"} and number + 1 < len(words) else word.removeprefix("--tag=")
        if raw != word:
            yield Built(At(file, command.line), read_image(walk.scope.read(raw)), walk.flow)


def _set_by_file(command: ShellCommand, walk: Walk) -> None:
    """Follow `echo NAME=value >> $GITHUB_ENV` and `>> $GITHUB_OUTPUT`."""
    said = " ".join(word for word in command.words[1:] if word not in {"-n", "-e"})
    if old := re.fullmatch(r"::set-output name=(?P<name>[\w-]+)::(?P<value>.*)", said):
        walk.scope = walk.scope.setting({f"steps.{walk.step}.outputs.{old['name']}": old["value"]})
    name, equals, value = said.partition("=")
    if not equals:
        return
    if "GITHUB_ENV" in command.writes:
        walk.assign(name.strip(), value, command.arm)
    elif "GITHUB_OUTPUT" in command.writes:
        walk.assign(f"steps.{walk.step}.outputs.{name.strip()}", value, command.arm)


def _option(words: list[str], names: tuple[str, ...]) -> str:
    return next((words[number + 1] for number, word in enumerate(words[:-1]) if word in names), "")

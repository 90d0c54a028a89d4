"""`gitopscli deploy`: its values, its pull request and what else it is told. Called by `scripts`; one module a tool.

https://baloise.github.io/gitopscli/commands/deploy/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from service.core.importing.calls import Call
from service.core.importing.findings import Finding, Flow, Tool
from service.core.importing.pieces import Text, Unknown, literal, shown

_SWITCHES = frozenset({"--create-pr", "--auto-merge", "--single-commit", "--verbose", "--json", "-v"})
_ON = frozenset({"", "true", "t", "yes", "y", "1", "on"})
_VARIABLE = re.compile(r"\$\{\{.*?\}\}|\$\{[^{}]*\}|\$\([^()]*\)|\$[A-Za-z_]\w*")
OTHERS = frozenset(
    {"create-preview", "create-pr-preview", "delete-preview", "delete-pr-preview", "sync-apps", "add-pr-comment"}
)


def read(call: Call) -> Iterator[Finding]:
    """Give what a call writes, and what Mergeport does otherwise."""
    command = next((word for word in call.words[1:] if not word.startswith("-")), "")
    if command in OTHERS:
        yield call.difference(
            Tool.GITOPSCLI,
            f"gitopscli-{command}",
            f"runs `gitopscli {command}`",
            "Mergeport has no counterpart",
            "whether it stays in the pipeline",
        )
    if command != "deploy":
        return
    options = _options(call.words[call.words.index("deploy") + 1 :])
    flow = _flow(call, options)
    here = replace(call, flow=flow)
    for path, value in _values(call, options.get("--values", "")):
        steps = literal(path)
        if steps is None or "[*]" in steps or "?" in steps:
            yield call.difference(
                Tool.GITOPSCLI,
                "gitopscli-path-unknown",
                f"writes to `{shown(path)}`, which is no single key",
                "Mergeport sets single values by their keys",
                "which keys these are",
            )
            continue
        update = here.update(Tool.GITOPSCLI, options.get("--file", ""), re.sub(r"\.?\[(\d+)\]", r"[\1]", steps), value)
        yield replace(update, flow=replace(update.flow, manifest_repository=flow.manifest_repository))
    yield from _differences(call, options, flow)


def _options(words: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(words):
        name, equals, value = words[at].partition("=")
        if not name.startswith("-"):
            at += 1
            continue
        following = words[at + 1] if at + 1 < len(words) else ""
        if equals:
            found[name] = value
        elif name in _SWITCHES and (not following or following.startswith("-")):
            found[name] = ""
        else:
            found[name] = following
            at += 1
        at += 1
    return found


def _is_on(options: Mapping[str, str], name: str) -> bool:
    return options.get(name, "false").lower() in _ON


def _flow(call: Call, options: Mapping[str, str]) -> Flow:
    owner, name = (literal(call.scope.read(options.get(key, ""))) for key in ("--organisation", "--repository-name"))
    labels = tuple(part.strip(" '\"") for part in options.get("--pr-labels", "").strip("[]").split(",") if part.strip())
    pull_request = _is_on(options, "--create-pr")
    return replace(
        call.flow,
        manifest_repository=f"{owner}/{name}" if owner and name else call.flow.manifest_repository,
        pull_request=pull_request or call.flow.pull_request,
        auto_merge="mergeport" if pull_request and _is_on(options, "--auto-merge") else call.flow.auto_merge,
        merge_method=options.get("--merge-method", ""),
        labels=labels,
    )


def _values(call: Call, raw: str) -> list[tuple[Text, Text]]:
    """Read the mapping of `--values`; variables are kept out of YAML's way."""
    held: list[str] = []

    def hold(found: re.Match[str]) -> str:
        held.append(found[0])
        return f"\ue000{len(held) - 1}\ue001"

    def back(text: object) -> Text:
        return call.scope.read(re.sub("\ue000(\\d+)\ue001", lambda found: held[int(found[1])], str(text)))

    masked = _VARIABLE.sub(hold, raw)
    try:
        found = YAML(typ="base", pure=True).load(masked)
    except (YAMLError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return [((Unknown(raw[:80]),), (Unknown(raw[:80]),))]
    return [(back(path), back(value)) for path, value in found.items()]


def _differences(call: Call, options: Mapping[str, str], flow: Flow) -> Iterator[Finding]:
    if flow.auto_merge and _is_on(options, "--create-pr"):
        yield call.difference(
            Tool.GITOPSCLI,
            "auto-merge",
            "opens a pull request and merges it at once",
            "`auto_merge: mergeport` merges once all gates are open",
            "whether `publish: commit` is enough",
        )
    if not _is_on(options, "--single-commit"):
        yield call.difference(
            Tool.GITOPSCLI,
            "one-commit",
            "makes one commit for each value",
            "Mergeport makes one commit for each application and environment",
        )
    if flow.pull_request and "--branch" in options:
        yield call.difference(
            Tool.GITOPSCLI,
            "branch-template",
            f"names its branch `{call.shown(options['--branch'])}`",
            "Mergeport names it mergeport/promotion/ENVIRONMENT/APPLICATION and rolls one pull request forward",
        )
    provider = (options.get("--git-provider") or options.get("--git-provider-url", "")).lower()
    if provider and "github" not in provider:
        yield call.difference(
            Tool.GITOPSCLI,
            "not-github",
            "writes to another host than GitHub",
            "Mergeport works with GitHub",
            "whether the repositories move",
        )

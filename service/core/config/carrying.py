"""Reads `carry`: the values paths that go along with a release that comes from another environment.

Called for each target that has it, and once more by the chains, when the target upstream is known.
"""

from __future__ import annotations

from service.core.config.layers import Layers
from service.core.config.report import Report
from service.core.config.targets import Target
from service.core.config.texts import TextError
from service.core.secret_looking import is_secret_name
from service.core.values_paths import Key, Step, parse_path
from service.errors import ValuesEditError


def read_carry(layers: Layers) -> tuple[str, ...]:
    """Give the paths, after reporting those that are none, that are written anyway, or that look like secrets."""
    if not layers.has("carry") or not layers.keys.carry:
        return ()
    if "from" not in layers.table.entries:
        layers.report.add(
            layers.place("carry"),
            "carry goes with from: without an environment upstream there is nothing to carry",
            "remove it, or say `from`; where one application has a branch instead, `carry: []` there",
        )
        return ()
    written = _written(layers)
    before: dict[tuple[Step, ...], str] = {}

    def check(text: str) -> str:
        steps = _steps(text)
        for other, by in (*written.items(), *before.items()):
            if steps[: len(other)] == other or other[: len(steps)] == steps:
                raise TextError(f"{text} is {by}", "carry values that nothing else writes, each once")
        before[steps] = "listed twice, or within another one"
        return text

    found = [layers.checked(check, text, "carry", index) for index, text in enumerate(layers.keys.carry)]
    return tuple(text for text in found if text is not None)


def _written(layers: Layers) -> dict[tuple[Step, ...], str]:
    """Give the paths that the configuration writes itself; those that are none are reported elsewhere."""
    found: dict[tuple[Step, ...], str] = {}
    for entry in layers.keys.values:
        for path in entry.set:
            try:
                found[parse_path(path).steps] = f"written by the configuration itself, as values.set.{path}"
            except ValuesEditError:
                continue
    return found


def _steps(text: str) -> tuple[Step, ...]:
    """Read a path; one whose key looks like a secret's is refused, because commits and pull requests show it."""
    try:
        steps = parse_path(text).steps
    except ValuesEditError as error:
        raise TextError(error.message, error.hint) from error
    if any(isinstance(step, Key) and is_secret_name(step.name) for step in steps):
        raise TextError(
            f"{text} looks like a secret, and what is carried is shown in commits and pull requests",
            "each environment keeps its own secrets",
        )
    return steps


def compare_files(upstream: Target, target: Target, layers: Layers, faults: Report) -> None:
    """Report values files that do not match those upstream: values go from each to the one at the same place."""
    if target.upstream is None or not target.upstream.carry:
        return
    place = layers.place("carry")
    if len(upstream.values) != len(target.values):
        faults.add(
            place,
            f"{target.application} has {len(target.values)} values files here and {len(upstream.values)} in "
            f"{upstream.environment}, so it is not clear which value goes where",
            "name as many in both, in the same order",
        )
    elif (upstream.manifest_repository, upstream.manifest_branch) == (
        target.manifest_repository, target.manifest_branch,
    ) and any(one.file == other.file for one, other in zip(upstream.values, target.values, strict=True)):  # fmt: skip
        faults.add(
            place,
            f"{target.environment} and {upstream.environment} have the same values file, so nothing can be carried",
            "give each environment a file of its own",
        )

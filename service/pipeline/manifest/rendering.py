"""Renders a target's chart before and after a promotion, for its pull request: it never blocks and never fails one.

Called before the promotion branch is taken, so that rendering holds no lease, and again for the pull request's text,
where the same charts are found rendered. What cannot be rendered is one line in the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from posixpath import dirname

import structlog

from service.core.config import Target
from service.core.foreign_text import code
from service.core.rendered.comparison import Rendered, compare, may_be_random
from service.core.rendered.secret_names import concealed
from service.core.words import Sha
from service.errors import MergeportError, PermanentError
from service.pipeline.manifest.place import Place, rewrite_at, wanted_edits
from service.pipeline.runs.claim import Claim
from service.ports import Chart, Charts, Manifests

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Side:
    """The manifest repository before or after a promotion: a commit, and files that replace those in it."""

    commit: Sha
    edited: Mapping[str, bytes]


def render_ahead(claim: Claim, place: Place) -> None:
    """Render what the pull request will show, as long as its base does not move; it is remembered."""
    charts = claim.context.outside.charts
    if charts is None:
        return
    try:
        manifests = claim.context.outside.manifests.open(place.repository)
        base = manifests.fetch(place.branch)
        if base is not None:
            edited = rewrite_at(manifests, base, wanted_edits(claim.run, claim.target)).files
            rendered_between(charts, claim.target, manifests, Side(base, {}), Side(base, edited))
    except MergeportError as error:
        log.debug("the manifests of a promotion are not rendered ahead", error=str(error))


def rendered_between(charts: Charts, target: Target, manifests: Manifests, before: Side, after: Side) -> Rendered:
    """Compare what is rendered before and after, or give the reason why nothing is."""
    try:
        path, files = _chart_path(target, manifests, after), _values_files(target)
        how = f"rendered from {code(path or '.')} with {', '.join(map(code, files))}"
        chart = _chart(target, manifests, after, path)
        new = charts.render(chart)
        again = charts.render(replace(chart, turn=1)) if may_be_random(chart.files) else ""
        try:
            return compare(charts.render(_chart(target, manifests, before, path)), new, again=again, how=how)
        except PermanentError as error:
            return Rendered(reason=concealed(f"as they are now, {error.message}"))
    except MergeportError as error:
        return Rendered(reason=concealed(error.message))


def _values_files(target: Target) -> tuple[str, ...]:
    return target.chart.values or tuple(dict.fromkeys(entry.file for entry in target.values))


def _chart(target: Target, manifests: Manifests, side: Side, path: str) -> Chart:
    """Give the chart of one side. A values file that the promotion makes is not there before, and means nothing yet."""
    wanted, written = _values_files(target), {entry.file for entry in target.values if entry.new_file}
    there = {**manifests.read_all(side.commit, wanted), **side.edited}
    missing = [file for file in wanted if file not in there and file not in written]
    if missing:
        raise PermanentError(f"there is no file {missing[0]} that can be read", code="chart-not-rendered")
    files, top = manifests.folder(side.commit, path), f"{path}/" if path else ""
    below = {file.removeprefix(top): text for file, text in side.edited.items() if file.startswith(top)}
    chart = target.chart
    values = tuple(there[file] for file in wanted if file in there)
    return Chart({**files, **below}, values, chart.release, chart.namespace)


def _chart_path(target: Target, manifests: Manifests, side: Side) -> str:
    """Give the chart's folder: the configured one, or the nearest one at or above the first values file."""
    if target.chart.path:
        return target.chart.path
    folders, folder = [], dirname(_values_files(target)[0])
    while folder:
        folders.append(f"{folder}/")
        folder = dirname(folder)
    folders.append("")
    names = ("Chart.yaml", "kustomization.yaml", "kustomization.yml")
    there = manifests.read_all(side.commit, [f"{folder}{name}" for folder in folders for name in names])
    for folder in folders:
        if f"{folder}Chart.yaml" in there:
            return folder.removesuffix("/")
        if any(f"{folder}{name}" in there for name in names[1:]):
            raise PermanentError(
                f"{folder or './'} is of Kustomize, and only Helm charts are rendered",
                code="chart-missing",
            )
    raise PermanentError(
        "no chart is beside the values file, and the configuration names none (chart.path)",
        code="chart-missing",
    )

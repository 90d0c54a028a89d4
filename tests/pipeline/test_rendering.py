"""Which chart is rendered for a pull request, with which values, and the one line where nothing can be rendered."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

import pytest

from service.core.config import Target
from service.core.config.targets import ChartTarget, ValuesTarget
from service.core.rendered.comparison import Rendered
from service.core.words import Repository, Sha
from service.errors import PermanentError
from service.pipeline.manifest.rendering import Side, rendered_between
from service.ports import Chart, Manifests

VALUES = "apps/shop/values.yaml"
BESIDE = {"apps/shop/Chart.yaml": "", VALUES: "tag: one"}
ABOVE = {"apps/Chart.yaml": "", VALUES: "tag: one"}
NEAREST = ChartTarget()
OWN = ChartTarget("charts/shop", ("common.yaml", VALUES), "shop", "place")
CONFIGURED = {"charts/shop/Chart.yaml": "", "common.yaml": "", VALUES: "tag: one"}


class Files:
    """A manifest repository that is the same at each commit."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = {path: text.encode() for path, text in files.items()}

    def read_all(self, _commit: Sha, paths: Collection[str]) -> dict[str, bytes]:
        return {path: self.files[path] for path in paths if path in self.files}

    def folder(self, _commit: Sha, path: str) -> dict[str, bytes]:
        below = f"{path}/" if path else ""
        found = {name.removeprefix(below): text for name, text in self.files.items() if name.startswith(below)}
        if not found:
            raise PermanentError(f"{path} cannot be read: it is not there", code="folder-not-read")
        return found


class Told:
    """Renders the last values file as it is, and fails on the one that says so."""

    def __init__(self) -> None:
        self.seen: list[Chart] = []

    def render(self, chart: Chart) -> str:
        self.seen.append(chart)
        text = chart.values[-1].decode() if chart.values else "none: 1"
        if "fail" in text:
            raise PermanentError(f"refused: {text}", code="chart-not-rendered")
        return text


def target(chart: ChartTarget = NEAREST, *, new: bool = False) -> Target:
    values = (ValuesTarget(VALUES, (("tag", "{tag}"),), create=new, new_file=new),)
    return Target("shop", "prod", Repository("acme/shop"), "main", (), (), values, chart=chart)


def told(files: dict[str, str], edited: str, chosen: Target) -> tuple[Rendered, Told]:
    charts = Told()
    sides = Side(Sha("0" * 40), {}), Side(Sha("0" * 40), {VALUES: edited.encode()})
    return rendered_between(charts, chosen, cast("Manifests", Files(files)), *sides), charts


@pytest.mark.parametrize(
    ("files", "chosen", "how"),
    [
        (BESIDE, target(), f"rendered from `apps/shop` with `{VALUES}`"),
        (ABOVE, target(), f"rendered from `apps` with `{VALUES}`"),
        ({"Chart.yaml": "", VALUES: "tag: one"}, target(), f"rendered from `.` with `{VALUES}`"),
        (CONFIGURED, target(OWN), f"rendered from `charts/shop` with `common.yaml`, `{VALUES}`"),
        ({"apps/shop/Chart.yaml": ""}, target(new=True), f"rendered from `apps/shop` with `{VALUES}`"),
    ],
)
def test_chart_is_the_configured_one_or_the_nearest(files: dict[str, str], chosen: Target, how: str) -> None:
    rendered, charts = told(files, "tag: two", chosen)
    assert (rendered.reason, rendered.how, len(rendered.changes) > 0) == ("", how, True)
    assert charts.seen[0].values[-1] == b"tag: two"


def test_file_of_the_chart_that_is_written_counts_in_the_chart_too() -> None:
    _, charts = told(BESIDE, "tag: two", target())
    assert [chart.files["values.yaml"] for chart in charts.seen] == [b"tag: two", b"tag: one"]


@pytest.mark.parametrize(
    ("files", "edited", "chosen", "why"),
    [
        ({VALUES: "x: 1"}, "x: 2", target(), "no chart is beside the values file"),
        ({VALUES: "x: 1"}, "x: 2", target(OWN._replace(values=())), "charts/shop cannot be read: it is not there"),
        ({"charts/shop/Chart.yaml": ""}, "x: 2", target(OWN), "there is no file common.yaml that can be read"),
        ({"apps/shop/kustomization.yaml": "", VALUES: ""}, "x: 2", target(), "apps/shop/ is of Kustomize"),
        (BESIDE, "fail: password=hunter2", target(), "refused: fail: password=(hidden)"),
        ({**BESIDE, VALUES: "fail: 1"}, "x: 2", target(), "as they are now, refused"),
    ],
)
def test_what_cannot_be_rendered_has_its_reason(files: dict[str, str], edited: str, chosen: Target, why: str) -> None:
    rendered, _ = told(files, edited, chosen)
    assert (rendered.reason.startswith(why), rendered.changes) == (True, ())

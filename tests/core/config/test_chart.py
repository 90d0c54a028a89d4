"""The chart that pull requests render: by the configuration, or by what Argo CD would take."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from service.core.config import Configuration
from service.core.config.targets import ChartTarget
from service.errors import ConfigError

CHART = """\
checkout:
  source: acme/checkout
  chart:
    path: charts/{application}
    values: ["apps/{application}/values.yaml", "apps/{application}/values-{environment}.yaml"]
    namespace: "{application}-{environment}"
  environments: {dev: {chart: {release: shop}}}
"""


def chart_of(configuration: Configuration, application: str, environment: str) -> ChartTarget:
    target = configuration.target(application, environment)
    assert target is not None
    return target.chart


def test_chart_is_named_with_application_and_environment_and_by_layers(read: Callable[[str], Configuration]) -> None:
    files = ("apps/checkout/values.yaml", "apps/checkout/values-prod.yaml")
    read_charts = read(CHART)
    assert chart_of(read_charts, "checkout", "prod") == ChartTarget(
        "charts/checkout", files, "checkout-prod", "checkout-prod"
    )
    assert chart_of(read_charts, "checkout", "dev").release == "shop"


@pytest.mark.parametrize(
    ("argocd", "release"), [("argocd/shop-prod", "shop-prod"), ("false", "check_out"), ("x" * 80, "x" * 53)]
)
def test_release_is_called_as_argocd_calls_it(read: Callable[[str], Configuration], argocd: str, release: str) -> None:
    text = f"check_out: {{source: acme/checkout, argocd: {argocd}}}\n"
    assert chart_of(read(text), "check_out", "prod") == ChartTarget(release=release.replace("_", "-"))


@pytest.mark.parametrize(
    ("chart", "words"),
    [
        ("path: /charts", "is absolute"),
        ("path: ../charts", "is not a path inside the repository"),
        ("values: [a.yaml, .git/x]", "is inside .git"),
        ("release: Shop", "cannot name a Helm release"),
        ("namespace: a.b", "cannot name a namespace"),
        ("pathh: x", "pathh"),
        ("path: '{nope}'", "nope"),
    ],
)
def test_fault_of_a_chart_names_its_key(read: Callable[[str], Configuration], chart: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(f"checkout: {{source: acme/checkout, chart: {{{chart}}}}}\n")
    assert ("chart" in str(caught.value), words in str(caught.value)) == (True, True)

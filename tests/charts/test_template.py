"""manifests-template: what Mergeport edits is what Argo CD renders, and nothing but the image changes."""

from __future__ import annotations

import copy
import filecmp
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.adapters.kinds import kinds
from service.core.config import load as load_configuration
from service.core.edits import resolve_values
from service.core.images import ImageReference
from service.core.standing import standing_images
from service.core.values import ValueEdit, edit_values, rewrite
from service.core.words import Digest, Sha
from tests.fixtures.charts import TEMPLATE, Manifest, Render, assert_valid, one
from tests.fixtures.tools import ROOT

CHART = TEMPLATE / "charts" / "application"
ENVIRONMENTS = ("dev", "stage", "prod")
REPOSITORY = "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/checkout"
DIGEST = "sha256:0a" + "1f" * 31


def load(path: str) -> Manifest:
    loaded: Manifest = yaml.safe_load((TEMPLATE / path).read_text())
    return loaded


def wanted(tag: str) -> list[ValueEdit]:
    """Give the edits that mergeport.yaml of the template asks for."""
    (entry,) = load("mergeport.yaml")["defaults"]["values"]
    filled = {"{repository}": REPOSITORY, "{tag}": tag, "{digest}": DIGEST}
    return [ValueEdit(path, filled[placeholder]) for path, placeholder in entry["set"].items()]


def render_environment(render: Render, environment: str, edited: Path | None = None) -> list[Manifest]:
    folder = TEMPLATE / "apps" / "checkout"
    return render(CHART, folder / "values.yaml", edited or folder / f"values-{environment}.yaml")


def without_image(manifests: list[Manifest]) -> tuple[list[Manifest], str]:
    """Take the one image out of the manifests and return both."""
    rest = copy.deepcopy(manifests)
    (container,) = one(rest, "Deployment")["spec"]["template"]["spec"]["containers"]
    return rest, container.pop("image")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("tag", ["4f2c1e9ab012", "123456789012", "12e456789012"])
def test_only_the_image_differs_after_an_edit(render: Render, tmp_path: Path, environment: str, tag: str) -> None:
    before = (TEMPLATE / "apps" / "checkout" / f"values-{environment}.yaml").read_text()
    edited = tmp_path / "values.yaml"
    edited.write_text(edit_values(before, wanted(tag), file=edited.name).text)
    old, old_image = without_image(render_environment(render, environment))
    new, new_image = without_image(render_environment(render, environment, edited))
    assert (old_image, new_image) == (f"{REPOSITORY}:unreleased", f"{REPOSITORY}@{DIGEST}")
    assert new == old


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_edit_changes_the_tag_and_digest_lines_and_keeps_comments(environment: str) -> None:
    before = (TEMPLATE / "apps" / "checkout" / f"values-{environment}.yaml").read_text()
    after = edit_values(before, wanted("4f2c1e9ab012"), file="values.yaml").text
    changed = [(old, new) for old, new in zip(before.splitlines(), after.splitlines(), strict=True) if old != new]
    assert changed == [
        ('  tag: "unreleased"  # twelve characters of the source commit',
         '  tag: "4f2c1e9ab012"  # twelve characters of the source commit'),
        ('  digest: ""', f'  digest: "{DIGEST}"'),
    ]  # fmt: skip


def test_every_environment_has_its_values_file() -> None:
    configuration = load("mergeport.yaml")
    expected = {
        f"apps/{application}/values-{environment}.yaml"
        for application in configuration["applications"]
        for environment in configuration["environments"]
    }
    assert {str(path.relative_to(TEMPLATE)) for path in TEMPLATE.glob("apps/*/values-*.yaml")} == expected


def test_configuration_has_no_fault_and_makes_every_target() -> None:
    configuration = load_configuration((TEMPLATE / "mergeport.yaml").read_text(), kinds=kinds())
    made = {(target.application, target.environment) for target in configuration.targets()}
    assert made == {("checkout", environment) for environment in ENVIRONMENTS}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_first_promotion_finds_no_image_in_the_template(environment: str) -> None:
    target = load_configuration((TEMPLATE / "mergeport.yaml").read_text(), kinds=kinds()).target(
        "checkout", environment
    )
    assert target is not None
    image = ImageReference(REPOSITORY.partition("/")[0], "checkout", "4f2c1e9ab012", Digest(DIGEST))
    edits = resolve_values(target, {"": image}, commit=Sha("4f2c1e9ab012" + "0" * 28), branch="main")
    done = rewrite(lambda file: (TEMPLATE / file).read_bytes(), edits)
    assert [change.before for _, change in done.changes] == ["unreleased", ""]
    assert standing_images(target, done.changes, {"": image}) == ()


def test_vendored_chart_is_the_chart() -> None:
    assert differences(filecmp.dircmp(ROOT / "charts" / "application", CHART)) == [], (
        "run: rm -r manifests-template/charts/application && cp -r charts/application manifests-template/charts/"
    )


def differences(compared: filecmp.dircmp[str]) -> list[str]:
    """List what is in only one of the folders or differs, at any depth."""
    found = compared.left_only + compared.right_only + compared.diff_files + compared.funny_files
    for inner in compared.subdirs.values():
        found += differences(inner)
    return found


@pytest.mark.parametrize("file", ["applicationset.yaml", "appproject.yaml"])
def test_argo_cd_accepts_the_object(file: str) -> None:
    assert_valid(load(f"argocd/{file}"))


def applications(applicationset: Manifest | None = None) -> dict[str, dict[str, Any]]:
    """Do what the ApplicationSet's matrix does: fill its template for each environment and values file."""
    spec = (applicationset or load("argocd/applicationset.yaml"))["spec"]
    environments, files = spec["generators"][0]["matrix"]["generators"]
    made = {}
    for element in environments["list"]["elements"]:
        pattern = fill(files["git"]["files"][0]["path"], element)
        for path in sorted(TEMPLATE.glob(pattern)):
            place = path.relative_to(TEMPLATE)
            known = {f".{key}": json.dumps(value).strip('"') for key, value in element.items()}
            known |= {
                ".path.path": str(place.parent),
                ".path.basename": place.parent.name,
                ".path.filename": place.name,
            }
            application = yaml.safe_load(fill(yaml.safe_dump(spec["template"]), known))
            lay_over(application, yaml.safe_load(fill(spec.get("templatePatch", "{}"), known)))
            made[application["metadata"]["name"]] = application
    return made


def lay_over(below: dict[str, Any], above: dict[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            lay_over(below[key], value)
        else:
            below[key] = value


def fill(text: str, known: dict[str, str]) -> str:
    """Fill the parameters into a Go template that only names them; an unknown one is an error."""
    known = {key if key.startswith(".") else f".{key}": value for key, value in known.items()}
    return re.sub(r"\{\{ (\S+) \}\}", lambda match: known[match[1]], text)


def test_applications_are_called_as_the_configuration_says() -> None:
    configuration = load("mergeport.yaml")
    name = configuration["defaults"]["argocd"]
    expected = {
        name.replace("{application}", application).replace("{environment}", environment)
        for application in configuration["applications"]
        for environment in configuration["environments"]
    }
    assert set(applications()) == expected


def test_applications_lead_to_the_chart_and_the_files_that_mergeport_edits() -> None:
    for name, application in applications().items():
        source = application["spec"]["source"]
        chart = TEMPLATE / source["path"]
        files = [(chart / file).resolve().relative_to(TEMPLATE) for file in source["helm"]["valueFiles"]]
        environment = name.removeprefix("checkout-")
        assert (chart / "Chart.yaml").is_file()
        assert [str(file) for file in files] == [
            "apps/checkout/values.yaml",
            f"apps/checkout/values-{environment}.yaml",
        ]
        assert all((TEMPLATE / file).is_file() for file in files)


def test_pull_requests_render_what_argocd_renders() -> None:
    configuration = load_configuration((TEMPLATE / "mergeport.yaml").read_text(), kinds=kinds())
    for target in configuration.targets():
        spec = applications()[f"{target.application}-{target.environment}"]["spec"]
        source, chart = spec["source"], TEMPLATE / spec["source"]["path"]
        files = [str((chart / file).resolve().relative_to(TEMPLATE)) for file in source["helm"]["valueFiles"]]
        assert target.chart == (
            source["path"], tuple(files), source["helm"]["releaseName"], spec["destination"]["namespace"],
        )  # fmt: skip


def test_project_admits_every_application() -> None:
    project = load("argocd/appproject.yaml")
    patterns = [destination["namespace"].replace("*", ".*") for destination in project["spec"]["destinations"]]
    for application in applications().values():
        spec = application["spec"]
        assert spec["project"] == project["metadata"]["name"]
        assert spec["source"]["repoURL"] in project["spec"]["sourceRepos"]
        assert any(re.fullmatch(pattern, spec["destination"]["namespace"]) for pattern in patterns)


def readme(section: str) -> str:
    parts = re.split(r"^## ", (TEMPLATE / "README.md").read_text(), flags=re.MULTILINE)
    return next(part for part in parts if part.startswith(f"{section}\n"))


def test_readme_renders_what_argocd_renders() -> None:
    """Argo CD calls `helm template` with release name, namespace and values files of its application."""
    words = shlex.split(readme("Look before you merge").partition("helm template")[2].partition("mergeport config")[0])
    spec = applications()["checkout-prod"]["spec"]
    source = spec["source"]
    files = [
        str((TEMPLATE / source["path"] / file).resolve().relative_to(TEMPLATE)) for file in source["helm"]["valueFiles"]
    ]
    given = [part for file in files for part in ("-f", file)]
    release, namespace = source["helm"]["releaseName"], spec["destination"]["namespace"]
    assert [word for word in words if word.strip()] == [release, source["path"], "--namespace", namespace, *given]


def test_every_application_is_valid_and_synced_as_its_environment_says() -> None:
    made = applications()
    for application in made.values():
        assert_valid({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", **application})
    automated = {name: one["spec"]["syncPolicy"]["automated"] for name, one in made.items()}
    assert automated["checkout-dev"] == {"enabled": True, "selfHeal": False, "prune": True}
    assert automated["checkout-prod"] == {"enabled": True, "selfHeal": True, "prune": True}
    ignored = made["checkout-prod"]["spec"]["ignoreDifferences"]
    assert {one["kind"] for one in ignored} == {"Deployment", "Rollout"}
    assert not [one for one in ignored if "jsonPointers" in one], "a number in Git counts until an autoscaler has it"


def variant(name: str) -> dict[str, Manifest]:
    """Do what `kubectl apply -k` does: the two objects with the patches of a variant."""
    made = {one["kind"]: one for one in (load("argocd/appproject.yaml"), load("argocd/applicationset.yaml"))}
    assert load("argocd/kustomization.yaml")["resources"] == ["appproject.yaml", "applicationset.yaml"]
    for patch in load(f"argocd/variants/{name}/kustomization.yaml")["patches"]:
        target = made[patch["target"]["kind"]]
        assert target["metadata"]["name"] == patch["target"]["name"]
        for change in yaml.safe_load(patch["patch"]):
            *way, last = change["path"].strip("/").split("/")
            place: Any = target
            for part in way:
                place = place[part]
            match change["op"]:
                case "remove":
                    del place[last]
                case "add" if last == "-":
                    place.append(change["value"])
                case "add":
                    assert last not in place
                    place[last] = change["value"]
                case "replace":
                    assert last in place
                    place[last] = change["value"]
    return made


def test_chart_of_a_registry_gets_the_same_values_and_is_admitted() -> None:
    made = variant("oci-chart")
    for made_object in made.values():
        assert_valid(made_object)
    plain = applications()
    for name, application in applications(made["ApplicationSet"]).items():
        chart, values = application["spec"]["sources"]
        assert {chart["repoURL"], values["repoURL"]} <= set(made["AppProject"]["spec"]["sourceRepos"])
        assert chart["chart"] == "application"
        assert chart["targetRevision"] == load("charts/application/Chart.yaml")["version"]
        before = plain[name]["spec"]["source"]["helm"]
        assert [file.removeprefix(f"${values['ref']}/") for file in chart["helm"]["valueFiles"]] == [
            file.removeprefix("../../") for file in before["valueFiles"]
        ]
        assert chart["helm"]["releaseName"] == before["releaseName"]


def test_applications_in_a_namespace_of_the_team_are_admitted() -> None:
    made = variant("any-namespace")
    for made_object in made.values():
        assert_valid(made_object)
    assert [made["ApplicationSet"]["metadata"]["namespace"]] == made["AppProject"]["spec"]["sourceNamespaces"]


def test_waves_go_through_every_environment_in_the_order_of_the_configuration() -> None:
    made = variant("waves")
    for made_object in made.values():
        assert_valid(made_object)
    steps = made["ApplicationSet"]["spec"]["strategy"]["rollingSync"]["steps"]
    assert [step["matchExpressions"][0]["values"] for step in steps] == [[name] for name in ENVIRONMENTS]
    labels = made["ApplicationSet"]["spec"]["template"]["metadata"]["labels"]
    assert {step["matchExpressions"][0]["key"] for step in steps} <= set(labels)


def test_role_for_mergeport_only_reads_and_only_this_project() -> None:
    (role,) = load("argocd/appproject.yaml")["spec"]["roles"]
    assert role["policies"] == ["p, proj:applications:mergeport, applications, get, applications/*, allow"]
    assert "argocd proj role create-token applications mergeport" in readme("Begin")


def test_every_file_has_an_owner() -> None:
    lines = [line.split() for line in (TEMPLATE / ".github" / "CODEOWNERS").read_text().splitlines()]
    owners = {words[0]: words[1:] for words in lines if words and not words[0].startswith("#")}
    assert all(people and all(one.startswith("@") for one in people) for people in owners.values())
    assert next(iter(owners)) == "*"
    folders = {f"/{path.name}/" for path in TEMPLATE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= set(owners)


def test_begin_gives_argocd_a_credential_of_the_repository_and_mergeport_a_token() -> None:
    begin = readme("Begin")
    (repository,) = load("argocd/appproject.yaml")["spec"]["sourceRepos"]
    assert f"argocd repo add {repository}" in begin
    assert "MERGEPORT_ARGOCD_TOKEN_FILE" in begin
    assert re.search(r"p, mergeport, applications, get, \S+, allow", begin)
    assert begin.index("argocd repo add") < begin.index("kubectl apply") < begin.index("Merge something")


def test_readme_tells_what_a_set_without_a_credential_says() -> None:
    assert "authentication required" in readme("When nothing appears")
    assert "MERGEPORT_ARGOCD_APPLICATIONSET_URL" in readme("The webhook")

"""argocd-image-updater's annotations and objects become a configuration, and what differs is told."""

from __future__ import annotations

import pytest

from tests.core.importing.imported import VALUES, imported

P = "argocd-image-updater.argoproj.io/"


def application(notes: dict[str, str], source: str = "path: charts/checkout", name: str = "checkout-dev") -> str:
    lines = "".join(f"    {P}{key}: '{value}'\n" for key, value in notes.items())
    return (
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"
        f"metadata:\n  name: {name}\n  annotations:\n    a: b\n{lines}"
        "spec:\n  project: default\n  source:\n    repoURL: https://github.com/acme/manifests.git\n"
        f"    targetRevision: HEAD\n    {source}\n"
    )


def test_helm_values_in_git_are_taken_over() -> None:
    notes = {
        "image-list": "app=ghcr.io/acme/checkout:~1.2",
        "app.update-strategy": "newest-build",
        "app.allow-tags": "regexp:^[0-9a-f]{7}$",
        "app.ignore-tags": "latest",
        "app.platforms": "linux/arm64",
        "app.pull-secret": "pullsecret:argocd/creds",
        "app.helm.image-name": "web.image.repository",
        "app.helm.image-tag": "web.image.tag",
        "write-back-method": "git:secret:argocd/git",
        "write-back-target": "helmvalues:/envs/dev/checkout.yaml",
        "git-branch": "main:image-updater-{{range .Images}}{{.Name}}{{end}}",
    }
    values = "web:\n  image:\n    repository: ghcr.io/acme/checkout\n    tag: abcdef0\n"
    done = imported({"argocd/dev.yaml": application(notes), "envs/dev/checkout.yaml": values})
    found = done.tree["applications"]["checkout"]
    assert (found["registry"], found["image"]) == ("ghcr.io", "acme/checkout")
    assert found["tag"] == "{short_sha:7}"
    assert found["values"] == [
        {
            "file": "envs/{environment}/checkout.yaml",
            "set": {"web.image.tag": "{tag}", "web.image.repository": "{repository}"},
        }
    ]
    assert done.tree["environments"]["dev"] == {"branch": "?", "publish": "pull-request"}
    assert {question.key for question in done.proposal.questions} == {"source", "branch"}
    assert done.one("newest-build") == "argocd/dev.yaml:7"
    assert {"newest-build", "ignore-tags", "platforms", "pull-secret", "branch-template", "old-writer"} <= done.kinds
    assert "allow-tags" not in done.kinds


def test_a_kustomization_is_written_where_it_names_the_image() -> None:
    notes = {
        "image-list": "ghcr.io/acme/checkout",
        "update-strategy": "digest",
        "write-back-method": "git",
        "write-back-target": "kustomization:../base",
    }
    text = "resources: [x.yaml]\nimages:\n  - {name: ghcr.io/acme/checkout, newTag: main}\n"
    done = imported(
        {"a.yaml": application(notes, "path: checkout/dev", "checkout"), "checkout/base/kustomization.yaml": text}
    )
    found = done.tree["applications"]["checkout"]
    assert found["values"] == [
        {"file": "checkout/base/kustomization.yaml", "set": {"images[name=ghcr.io/acme/checkout].newTag": "{tag}"}}
    ]
    assert found["redeploy"] is True
    assert "digest" in done.kinds


def test_a_kustomization_without_the_image_is_told() -> None:
    notes = {"image-list": "ghcr.io/acme/checkout", "write-back-method": "git", "write-back-target": "kustomization"}
    done = imported({"a.yaml": application(notes, "path: dev"), "dev/kustomization.yaml": "resources: [x.yaml]\n"})
    assert {"path-refused", "semver"} <= done.kinds
    assert done.proposal.text == ""


def test_parameters_in_the_application_have_to_move_into_values() -> None:
    source = "path: charts/checkout\n    helm: {valueFiles: [values.yaml, ../../envs/dev.yaml]}"
    done = imported({"a.yaml": application({"image-list": "ghcr.io/acme/checkout"}, source), "envs/dev.yaml": VALUES})
    assert done.tree["applications"]["checkout"]["values"][0]["file"] == "envs/{environment}.yaml"
    assert {"write-back-argocd", "semver"} <= done.kinds


def test_an_override_file_beside_the_chart_is_told() -> None:
    notes = {"image-list": "ghcr.io/acme/checkout", "write-back-method": "git"}
    done = imported({"a.yaml": application(notes), "charts/checkout/values.yaml": VALUES})
    assert "write-back-file" in done.kinds
    assert done.tree["applications"]["checkout"]["values"][0]["file"] == "charts/checkout/values.yaml"


OBJECT = f"""apiVersion: {P}v1alpha1
kind: ImageUpdater
metadata: {{name: all, namespace: argocd}}
spec:
  namespace: argocd
  commonUpdateSettings:
    updateStrategy: alphabetical
    allowTags: "regexp:^(main|dev)-.*$"
    pullSecret: "secret:argocd/registry#creds"
  writeBackConfig:
    method: "git:secret:argocd/git"
    gitConfig:
      pullRequest: {{PROVIDER: {{}}}}
      repository: "git@github.com:acme/manifests.git"
      writeBackTarget: "helmvalues:/envs/dev.yaml"
  applicationRefs:
    - namePattern: "checkout-*"
      images:
        - alias: app
          imageName: "ghcr.io/acme/checkout:1.x"
          commonUpdateSettings: {{updateStrategy: semver}}
          manifestTargets:
            helm: {{name: image.repository, tag: image.tag}}
    - namePattern: "other"
      useAnnotations: true
    - namePattern: "gone-?"
      images: [{{alias: x, imageName: "ghcr.io/acme/gone"}}]
      writeBackConfig: {{method: argocd}}
"""


@pytest.mark.parametrize(("provider", "told"), [("github", False), ("gitlab", True)])
def test_an_object_joins_its_settings_with_the_applications(provider: str, told: bool) -> None:
    plain = application({}).replace("  annotations:\n    a: b\n", "")
    done = imported(
        {"updater.yaml": OBJECT.replace("PROVIDER", provider), "apps/checkout.yaml": plain, "envs/dev.yaml": VALUES}
    )
    found = done.tree["applications"]["checkout"]
    assert found["values"] == [
        {"file": "envs/{environment}.yaml", "set": {"image.tag": "{tag}", "image.repository": "{repository}"}}
    ]
    assert done.tree["environments"]["dev"]["publish"] == "pull-request"
    assert {"semver", "allow-tags", "pull-secret", "uses-annotations", "application-not-found"} <= done.kinds
    assert ("not-github" in done.kinds) is told
    assert done.one("semver") == "updater.yaml:20"


def test_the_template_of_an_applicationset_means_every_file_that_fits() -> None:
    notes = {
        "image-list": "app=ghcr.io/acme/{{service}}",
        "write-back-method": "git",
        "write-back-target": "kustomization:/apps/{{service}}/overlays/{{env}}",
        "app.kustomize.image-name": "app",
    }
    inner = application(notes, name="'{{service}}-{{env}}'").split("kind: Application\n")[1]
    text = "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: all}\nspec:\n  template:\n"
    text += "".join(f"    {line}\n" for line in inner.splitlines())
    kustomization = "images: [{name: app, newName: ghcr.io/acme/checkout, newTag: '1'}]\n"
    done = imported(
        {
            "set.yaml": text,
            "apps/checkout/overlays/dev/kustomization.yaml": kustomization,
            "apps/checkout/overlays/prod/kustomization.yaml": kustomization,
        }
    )
    assert list(done.tree["environments"]) == ["dev", "prod"]
    assert done.tree["applications"]["checkout"]["values"] == [
        {"file": "apps/checkout/overlays/{environment}/kustomization.yaml", "set": {"images[name=app].newTag": "{tag}"}}
    ]


def test_a_pipeline_in_another_folder_answers_what_the_updater_does_not_know() -> None:
    notes = {
        "image-list": "app=ghcr.io/acme/checkout",
        "update-strategy": "newest-build",
        "write-back-method": "git",
        "write-back-target": "helmvalues:/envs/dev.yaml",
    }
    build = (
        "on: {push: {branches: [develop], paths-ignore: ['docs/**']}}\njobs:\n  b:\n    steps:\n"
        "      - id: m\n        uses: docker/metadata-action@v5\n"
        "        with: {images: 'ghcr.io/${{ github.repository }}', tags: 'type=sha,format=long'}\n"
        "      - uses: docker/build-push-action@v6\n        with: {tags: '${{ steps.m.outputs.tags }}'}\n"
    )
    done = imported({"a.yaml": application(notes), "envs/dev.yaml": VALUES}, {".github/workflows/build.yaml": build})
    assert done.proposal.questions == ()
    assert done.tree["environments"]["dev"] == {"branch": "develop"}
    found = done.tree["applications"]["checkout"]
    assert (found["source"], found["tag"], found["paths"]) == ("acme/checkout", "sha-{sha}", ["**", "!docs/**"])
    assert found["build"] == {"kind": "external", "workflow": "build.yaml"}


def test_two_images_at_one_place_are_told() -> None:
    notes = {"image-list": "ghcr.io/acme/checkout, ghcr.io/acme/other", "write-back-method": "git"}
    done = imported({"a.yaml": application(notes), "charts/checkout/values.yaml": "image: {tag: x}\n"})
    assert done.one("same-place") == "a.yaml:7"
    assert done.tree["applications"]["checkout"]["image"] == "acme/checkout"

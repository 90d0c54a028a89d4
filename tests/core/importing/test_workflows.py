"""Workflows that write values with yq or sed become a configuration that `config check` accepts."""

from __future__ import annotations

import pytest

from tests.core.importing.imported import VALUES, imported, workflow

FILES = {"apps/checkout/values-dev.yaml": VALUES, "apps/checkout/values-prod.yaml": VALUES}
CLONED = "uses: actions/checkout@v4\nwith: {repository: acme/manifests, path: manifests}"


def test_a_workflow_that_builds_and_writes_is_proposed_whole() -> None:
    done = imported(
        FILES,
        workflow(
            "uses: docker/build-push-action@v6\nwith: {push: true, tags: 'ghcr.io/acme/checkout:${{ github.sha }}'}",
            CLONED,
            "cd manifests\nTAG=${{ github.sha }} yq -i '.image.tag = strenv(TAG)' apps/checkout/values-dev.yaml",
            on="{push: {branches: [develop], paths: ['src/**']}}",
        ),
    )
    assert done.proposal.questions == ()
    assert done.tree == {
        "environments": {"dev": {"branch": "develop"}},
        "applications": {
            "checkout": {
                "source": "acme/checkout",
                "paths": ["src/**"],
                "registry": "ghcr.io",
                "image": "acme/checkout",
                "tag": "{sha}",
                "build": {"kind": "external", "workflow": "deploy.yml"},
                "values": [{"file": "apps/checkout/values-{environment}.yaml", "set": {"image.tag": "{tag}"}}],
            }
        },
    }
    assert done.one("old-writer") == "source/.github/workflows/deploy.yml:14"
    assert {"guessed", "argocd-name"} <= done.kinds


@pytest.mark.parametrize(
    ("script", "tag"),
    [
        ("yq -i '.image.tag = \"${{ github.sha }}\"' FILE", "{sha}"),
        ('yq e -i ".image.tag = \\"${GITHUB_SHA::7}\\"" FILE', "{short_sha:7}"),
        ("yq eval --inplace '.image.tag = \"'${GITHUB_SHA:0:8}'\"' FILE", "{short_sha:8}"),
        ("export TAG=v${GITHUB_SHA::7}\nyq -i '.image.tag = strenv(TAG)' FILE", "v{short_sha:7}"),
        ("TAG=$(git rev-parse --short=9 HEAD)\nyq -i '.image.tag = env(TAG)' FILE", "{short_sha:9}"),
        ("TAG=$(echo $GITHUB_SHA | cut -c1-7)\nTAG=$TAG yq -i '.image.tag = env(TAG)' FILE", "{short_sha:7}"),
        ("yq w -i FILE image.tag $GITHUB_SHA", "{sha}"),
        ("$YQ -i '.image.tag = strenv(GITHUB_SHA), .replicas = 2' FILE", "{sha}"),
        ('B=${PWD}/bin\nY=$B/yq\n$Y eval --inplace ".image.tag = \\"$GITHUB_SHA\\"" FILE', "{sha}"),
        ("yq -y -i '.image.tag = \"${{ github.ref_name }}-${{ github.sha }}\"' FILE", "{branch}-{sha}"),
        ("yq -i '.image.tag = \"${{ github.sha }}\" | .replicas = 3' FILE", "{sha}"),
        ("yq -i '.[\"image\"].tag = \"x-\" + strenv(GITHUB_SHA)' FILE", "x-{sha}"),
        ('sed -i "s/tag:.*/tag: ${GITHUB_SHA::7}/" FILE', "{short_sha:7}"),
        ("sed -i '' -E \"s|(tag: ).*|\\1$GITHUB_SHA|g\" FILE", "{sha}"),
        ("sed -i.bak -e 's#^\\( *tag: *\\).*$#\\1'\"${GITHUB_SHA}\"'#' FILE", "{sha}"),
        ("sed -i \"/repository: .*checkout/,/tag:/ s|tag: .*|tag: '${{ github.sha }}'|\" FILE", "{sha}"),
        ('sed --in-place --expression="s,tag:[[:space:]]*.*,tag: $GITHUB_SHA," FILE', "{sha}"),
        ('echo "TAG=${GITHUB_SHA::7}" >> $GITHUB_ENV\nyq -i ".image.tag = \\"$TAG\\"" FILE', "{short_sha:7}"),
        ("for e in dev; do if true; then yq -i '.image.tag = \"${{ github.sha }}\"' FILE; fi; done", "{sha}"),
    ],
)  # fmt: skip
def test_every_spelling_of_a_tag_is_read(script: str, tag: str) -> None:
    done = imported(FILES, workflow(CLONED, script.replace("FILE", "manifests/apps/checkout/values-dev.yaml")))
    (application,) = done.tree["applications"].values()
    assert application["tag"] == tag
    assert application["values"] == [{"file": "apps/checkout/values-{environment}.yaml", "set": {"image.tag": "{tag}"}}]
    assert list(done.tree["environments"]) == ["dev"]


def test_conditions_of_jobs_say_which_branch_feeds_what() -> None:
    jobs = """
on: {push: {branches: [develop, main]}}
jobs:
  tag:
    outputs: {tag: "${{ steps.t.outputs.tag }}"}
    steps:
      - id: t
        run: |
          SHORT=$(git rev-parse HEAD | cut -c1-10)
          echo "tag=$SHORT" >> "$GITHUB_OUTPUT"
  dev:
    needs: tag
    if: github.ref == 'refs/heads/develop'
    steps:
      - run: yq -i '.image.tag = "${{ needs.tag.outputs.tag }}"' apps/checkout/values-dev.yaml
  prod:
    needs: tag
    if: github.ref_name == 'main'
    steps:
      - run: yq -i '.image.tag = "${{ needs.tag.outputs.tag }}"' apps/checkout/values-prod.yaml
      - uses: peter-evans/create-pull-request@v7
        with: {branch: deploy/prod, labels: "release, prod"}
"""
    done = imported(FILES, {".github/workflows/deploy.yml": jobs})
    assert done.tree["environments"] == {
        "dev": {"branch": "develop"},
        "prod": {"branch": "main", "publish": "pull-request", "pull_request": {"labels": ["release", "prod"]}},
    }
    assert done.tree["applications"]["checkout"]["tag"] == "{short_sha:10}"


def test_ecr_is_found_by_role_and_region() -> None:
    done = imported(
        {"checkout/dev.yaml": "image: {tag: x}\n"},
        workflow(
            "uses: aws-actions/configure-aws-credentials@v4\n"
            "with: {role-to-assume: 'arn:aws:iam::123456789012:role/ci', aws-region: eu-west-1}",
            "id: ecr\nuses: aws-actions/amazon-ecr-login@v2",
            "docker build -t ${{ steps.ecr.outputs.registry }}/team/checkout:$GITHUB_SHA .",
            "yq -i '.image.tag = strenv(GITHUB_SHA)' checkout/dev.yaml",
        ),
    )
    application = done.tree["applications"]["checkout"]
    assert (application["registry"], application["image"]) == (
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "team/checkout",
    )


def test_what_is_not_known_is_a_question_that_config_check_names() -> None:
    done = imported(
        {"checkout/dev.yaml": "image: {tag: x}\n"},
        workflow("yq -i '.image.tag = strenv(VERSION)' checkout/dev.yaml", on="{workflow_dispatch: {}}"),
        repositories=False,
    )
    assert {question.key for question in done.proposal.questions} == {"source", "registry", "image", "tag", "branch"}
    assert "started-by-hand" in done.kinds


def test_a_sed_whose_key_nobody_knows_is_a_question() -> None:
    done = imported({}, workflow('sed -i "s/tag:.*/tag: $GITHUB_SHA/" apps/checkout/values-prod.yaml'))
    assert done.tree["applications"]["checkout"]["values"][0]["set"] == {"image.tag": "{?}"}
    assert done.one("sed-key-unknown").endswith("deploy.yml:9")


def test_a_sed_that_hits_several_keys_lists_them() -> None:
    text = "web:\n  tag: a\nworker:\n  tag: a\nother: 1\n"
    done = imported({"checkout/prod.yaml": text}, workflow('sed -i "s/tag:.*/tag: $GITHUB_SHA/" checkout/prod.yaml'))
    (found,) = [one for one in done.proposal.differences if one.kind == "sed-many"]
    assert "web.tag, worker.tag" in found.was
    assert done.tree["applications"]["checkout"]["values"][0]["set"] == {
        "web.tag": "{web.tag}",
        "worker.tag": "{worker.tag}",
    }


def test_a_path_with_a_variable_means_every_file_that_fits() -> None:
    done = imported(FILES, workflow("yq -i '.image.tag = \"${{ github.sha }}\"' apps/$APP/values-${ENV}.yaml"))
    assert list(done.tree["environments"]) == ["dev", "prod"]
    assert list(done.tree["applications"]) == ["checkout"]


def test_a_path_with_a_variable_and_no_such_file_keeps_what_is_known() -> None:
    done = imported({}, workflow("yq -i '.image.tag = \"${{ github.sha }}\"' apps/checkout/$REGION/${STAGE}.yaml"))
    assert done.tree["applications"]["checkout"]["values"][0]["file"] == "apps/checkout/{?}/{environment}.yaml"


def test_kustomize_edit_sets_the_entry_of_its_images() -> None:
    text = "resources: [d.yaml]\nimages:\n  - name: checkout\n    newName: ghcr.io/acme/checkout\n    newTag: '1'\n"
    done = imported(
        {"checkout/overlays/prod/kustomization.yaml": text},
        workflow("cd checkout/overlays/prod\nkustomize edit set image checkout=ghcr.io/acme/checkout:$GITHUB_SHA"),
    )
    entry = done.tree["applications"]["checkout"]["values"][0]
    assert entry["file"] == "checkout/overlays/{environment}/kustomization.yaml"
    assert entry["set"] == {
        "images[name=checkout].newTag": "{tag}",
        "images[name=checkout].newName": "{repository}",
    }


def test_manifests_of_kubernetes_are_written_in_place() -> None:
    text = (
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n---\napiVersion: apps/v1\nkind: Deployment\n"
        "metadata: {name: d}\nspec:\n  template:\n    spec:\n      containers:\n"
        "        - name: web\n          image: ghcr.io/acme/checkout:1\n"
    )
    done = imported(
        {"k8s/prod/checkout.yaml": text},
        workflow('sed -i "s#image: .*/checkout:.*#image: ghcr.io/acme/checkout:$GITHUB_SHA#" k8s/prod/checkout.yaml'),
    )
    (entry,) = done.tree["applications"]["checkout"]["values"]
    ((path, value),) = entry["set"].items()
    assert path.endswith("spec.template.spec.containers[name=web].image")
    assert value == "{image}"


def test_a_workflow_that_mergeport_can_start_is_the_builder() -> None:
    inputs = "{image: {}, tag: {}, commit: {}, correlation: {}}"
    done = imported(
        FILES,
        workflow(
            "docker build -t ghcr.io/acme/checkout:$GITHUB_SHA .",
            "yq -i '.image.tag = strenv(GITHUB_SHA)' apps/checkout/values-prod.yaml",
            on=f"{{push: {{branches: [main]}}, workflow_dispatch: {{inputs: {inputs}}}}}",
        ),
    )
    build = done.tree["applications"]["checkout"]["build"]
    assert build == {"kind": "github-actions", "workflow": "deploy.yml"}


def test_tags_without_the_commit_are_told_and_asked() -> None:
    done = imported(
        FILES,
        workflow(
            "docker build -t ghcr.io/acme/checkout:latest .",
            "yq -i '.image.tag = \"${{ github.ref_name }}\"' apps/checkout/values-prod.yaml",
            on="{push: {tags: ['v*']}}",
        ),
    )
    assert {"tag-without-commit", "started-by-tag"} <= done.kinds
    assert {question.key for question in done.proposal.questions} == {"tag", "branch"}


def test_what_is_no_image_is_told_and_left_out() -> None:
    done = imported(
        FILES,
        workflow(
            "yq -i '.image.tag = strenv(GITHUB_SHA) | .replicas = 3' apps/checkout/values-prod.yaml\n"
            "yq -i 'del(.x)' apps/checkout/values-prod.yaml\n"
            "yq -i '.images[].tag = strenv(GITHUB_SHA)' apps/checkout/values-prod.yaml\n"
            "yq '.image.tag' apps/checkout/values-prod.yaml",
            "uses: fjogeleit/yaml-update-action@v0",
        ),
    )
    assert {"not-an-image", "yq-not-understood", "yq-path-unknown", "action-unknown"} <= done.kinds
    assert done.tree["applications"]["checkout"]["values"][0]["set"] == {"image.tag": "{tag}"}


def test_a_key_that_the_editor_refuses_is_told_and_left_out() -> None:
    done = imported(FILES, workflow("yq -i '.img.tag = strenv(GITHUB_SHA)' apps/checkout/values-prod.yaml"))
    assert "path-refused" in done.kinds
    assert done.proposal.text == ""


def test_two_jobs_that_write_one_value_do_not_become_two_targets() -> None:
    jobs = "".join(
        f"  {name}:\n    environment: {name}\n    steps:\n"
        "      - run: yq -i '.image.tag = strenv(GITHUB_SHA)' c/values.yaml\n"
        for name in ("dev", "prod")
    )
    text = f"on: {{push: {{branches: [main]}}}}\njobs:\n{jobs}"
    done = imported({"c/values.yaml": VALUES}, {".github/workflows/d.yml": text})
    assert "same-place" in done.kinds
    assert list(done.tree["environments"]) == ["dev"]

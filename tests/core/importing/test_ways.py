"""A variable that is one of several stands for each of them; what is not read is told."""

from __future__ import annotations

import pytest

from tests.core.importing.imported import VALUES, imported, workflow

FILES = {f"apps/checkout/values-{name}.yaml": VALUES for name in ("dev", "stage", "prod")}
IF = """if [[ "$GITHUB_REF" == refs/heads/main ]]; then
  FILE=values-prod.yaml
else
  FILE=values-dev.yaml
fi
yq -i '.image.tag = strenv(GITHUB_SHA)' apps/checkout/$FILE"""
CASE = """case "$GITHUB_REF_NAME" in
  develop) E=dev ;;
  *) E=prod ;;
esac
sed -i "s/tag: .*/tag: $GITHUB_SHA/" "apps/checkout/values-${E}.yaml\""""
DEFAULT = """E=dev
[ "$GITHUB_REF_NAME" = main ] && E=prod
yq -i ".image.tag = \\"$GITHUB_SHA\\"" apps/checkout/values-$E.yaml"""
FOR = "for e in dev prod; do yq -i '.image.tag = strenv(GITHUB_SHA)' apps/checkout/values-$e.yaml; done"
OUTPUT = """if true; then echo "e=dev" >> $GITHUB_ENV; else echo "e=prod" >> $GITHUB_ENV; fi
yq -i '.image.tag = strenv(GITHUB_SHA)' apps/checkout/values-$e.yaml"""


ELSEWHERE: dict[str, str] = {}


@pytest.mark.parametrize(
    ("script", "here"),
    [*((script, FILES) for script in (IF, CASE, DEFAULT, FOR, OUTPUT)), (IF, ELSEWHERE), (FOR, ELSEWHERE)],
)
def test_each_way_of_a_script_is_proposed_and_no_other(script: str, here: dict[str, str]) -> None:
    done = imported(here, workflow(script, on="{push: {branches: [develop, main]}}"))
    found = done.tree["environments"]
    assert {name: keys["branch"] for name, keys in found.items()} == {"dev": "develop", "prod": "main"}
    assert done.tree["applications"]["checkout"]["tag"] == "{sha}"


@pytest.mark.parametrize(
    ("on", "job", "name"),
    [
        ("{push: {branches: [main]}}", "{strategy: {matrix: {e: [dev, prod]}}}", "matrix.e"),
        ("{push: {branches: [main]}}", "{strategy: {matrix: {include: [{e: dev}, {e: prod}]}}}", "matrix.e"),
        ("{workflow_dispatch: {inputs: {e: {type: choice, options: [dev, prod]}}}}", "{}", "inputs.e"),
        ("{workflow_dispatch: {inputs: {e: {options: [dev, prod]}}}}", "{}", "github.event.inputs.e"),
    ],
)
def test_a_matrix_and_a_choice_stand_for_their_values(on: str, job: str, name: str) -> None:
    script = f"yq -i '.image.tag = strenv(GITHUB_SHA)' apps/checkout/values-${{{{ {name} }}}}.yaml"
    assert list(imported(FILES, workflow(script, on=on, job=job)).tree["environments"]) == ["dev", "prod"]


def test_a_tag_that_is_one_of_several_is_asked() -> None:
    script = "if true; then TAG=latest; else TAG=$GITHUB_SHA; fi\n"
    script += "yq -i '.image.tag = strenv(TAG)' apps/checkout/values-dev.yaml"
    assert imported(FILES, workflow(script)).tree["applications"]["checkout"]["tag"] == "?"


def test_assignments_one_after_the_other_follow_each_other() -> None:
    script = "if true; then\n  T=$GITHUB_SHA\n  T=v$T\nfi\nyq -i '.image.tag = strenv(T)' apps/checkout/values-dev.yaml"
    assert imported(FILES, workflow(script)).tree["applications"]["checkout"]["tag"] == "v{sha}"


DEPLOYMENTS = """apiVersion: v1
kind: Service
metadata: {name: s}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - {name: web, image: "ghcr.io/acme/checkout:1"}
        - {name: side, image: "ghcr.io/acme/side:1"}
"""


@pytest.mark.parametrize(
    "expression",
    [
        '(select(.kind == "Deployment") | .spec.template.spec.containers[0].image) = "$I"',
        'select(.kind == "Deployment") | .spec.template.spec.containers[0].image = "$I"',
        '(select(.kind == "Deployment").spec.template.spec.containers[] | select(.name == "web") | .image) = "$I"',
        '(select(.kind == "Deployment") | .spec.template.spec.containers[] | select(.name == "web").image) = "$I"',
    ],
)
def test_selections_of_yq_become_selectors(expression: str) -> None:
    script = f"I=ghcr.io/acme/checkout:$GITHUB_SHA\nyq -i '{expression}' k8s/prod/checkout.yaml"
    done = imported({"k8s/prod/checkout.yaml": DEPLOYMENTS}, workflow(script))
    (entry,) = done.tree["applications"]["checkout"]["values"]
    ((path, value),) = entry["set"].items()
    assert path == "[kind=Deployment,metadata.name=web].spec.template.spec.containers[name=web].image"
    assert value == "{image}"


def test_a_pattern_that_is_only_a_variable_means_the_images() -> None:
    done = imported(FILES, workflow('sed -i "s/$OLD/$NEW_TAG/g" apps/checkout/values-dev.yaml'))
    assert done.tree["applications"]["checkout"]["values"][0]["set"] == {"image.tag": "{tag}"}


def test_commands_within_commands_are_read_or_told() -> None:
    script = """find apps -name values.yaml -exec sed -i "s/tag: .*/tag: $GITHUB_SHA/" {} +
grep -l x apps/* | xargs sed -i "s/tag: .*/tag: $GITHUB_SHA/"
bash -c "yq -i '.image.tag = strenv(GITHUB_SHA)' apps/checkout/values-dev.yaml"
perl -pi -e "s/tag: .*/tag: $GITHUB_SHA/" apps/checkout/values-dev.yaml
envsubst < a.tmpl > b.yaml
yq -i '.appVersion = strenv(GITHUB_SHA)' charts/checkout/Chart.yaml
yq -i '.image.tag = (.a | upcase)' apps/checkout/values-dev.yaml
helm upgrade --install checkout charts/checkout --set image.tag=$GITHUB_SHA
kubectl set image deployment/web web=x:$GITHUB_SHA
argocd app sync checkout"""
    done = imported(FILES, workflow(script, job="{environment: {name: dev}}"))
    kinds = [one.kind for one in done.proposal.differences]
    assert [kinds.count(kind) for kind in ("file-unknown", "tool-not-read", "deploys-directly")] == [2, 2, 3]
    assert {"job-environment", "yq-not-understood", "not-an-image"} <= set(kinds)
    assert list(done.tree["applications"]) == ["checkout"]


def test_a_composite_action_is_read() -> None:
    action = """runs:
  using: composite
  steps:
    - shell: bash
      run: yq -i '.image.tag = "${{ github.sha }}"' apps/checkout/values-dev.yaml
"""
    done = imported(FILES, {".github/actions/deploy/action.yml": action})
    assert done.tree["applications"]["checkout"]["build"] == {"kind": "external"}
    assert "old-writer" in done.kinds


CALLED = """on:
  workflow_call:
    inputs: {app: {type: string}, environment: {type: string}, tag: {type: string}}
jobs:
  deploy:
    steps:
      - uses: actions/checkout@v4
        with: {repository: acme/manifests, path: m}
      - run: |
          cd m/apps/${{ inputs.app }}
          yq -i '.image.tag = "${{ inputs.tag }}"' values-${{ inputs.environment }}.yaml
"""
CALLING = """on: {push: {branches: [develop, main]}}
jobs:
  build:
    outputs: {tag: "${{ steps.t.outputs.tag }}"}
    steps:
      - id: t
        run: echo "tag=${GITHUB_SHA::7}" >> $GITHUB_OUTPUT
      - uses: docker/build-push-action@v6
        with: {tags: "ghcr.io/acme/checkout:${{ steps.t.outputs.tag }}"}
  dev:
    if: github.ref == 'refs/heads/develop'
    uses: ./.github/workflows/write.yml
    with: {app: checkout, environment: dev, tag: "${{ needs.build.outputs.tag }}"}
  prod:
    if: github.ref == 'refs/heads/main'
    uses: acme/checkout/.github/workflows/write.yml@v1
    with: {app: checkout, environment: prod, tag: "${{ needs.build.outputs.tag }}"}
  other:
    uses: acme/workflows/.github/workflows/elsewhere.yml@v1
"""


def test_a_called_workflow_is_read_with_the_inputs_of_each_call() -> None:
    source = {".github/workflows/ci.yml": CALLING, ".github/workflows/write.yml": CALLED}
    done = imported(FILES, source)
    assert done.proposal.questions == ()
    assert {name: keys["branch"] for name, keys in done.tree["environments"].items()} == {
        "dev": "develop",
        "prod": "main",
    }
    application = done.tree["applications"]["checkout"]
    assert application["tag"] == "{short_sha:7}"
    assert application["build"] == {"kind": "external", "workflow": "ci.yml"}
    assert done.one("workflow-not-found") == "source/.github/workflows/ci.yml:19"
    assert "started-by-hand" not in done.kinds


def test_a_workflow_after_another_and_its_words_for_argo_cd_are_read() -> None:
    script = """SHA="${{ github.event.workflow_run.head_sha }}"
yq -i ".image.tag = \\"sha-${SHA::7}\\"" apps/checkout/values-prod.yaml
yq -i ".env.APP_VERSION = \\"sha-${SHA::7}\\"" apps/checkout/values-prod.yaml"""
    steps = (script, "argocd app sync shop\nargocd app wait shop")
    files = {"apps/checkout/values-prod.yaml": f"{VALUES}env: {{APP_VERSION: x}}\n"}
    done = imported(files, workflow(*steps, on="{workflow_run: {workflows: [CI], branches: [main]}}"))
    application = done.tree["applications"]["checkout"]
    assert application["tag"] == "sha-{short_sha:7}"
    assert application["values"][0]["set"] == {"image.tag": "{tag}", "env.APP_VERSION": "sha-{short_sha:7}"}
    assert application["environments"] == {"prod": {"argocd": "shop"}}
    assert done.tree["environments"] == {"prod": {"branch": "main"}}
    assert "started-by-hand" not in done.kinds


def test_the_image_that_is_pushed_counts_and_not_the_one_that_is_built() -> None:
    script = """docker build -t checkout:$GITHUB_SHA .
docker tag checkout:$GITHUB_SHA ghcr.io/acme/checkout:$GITHUB_SHA
docker push ghcr.io/acme/checkout:$GITHUB_SHA
yq -i '.image.tag = strenv(GITHUB_SHA)' checkout/dev.yaml"""
    application = imported({"checkout/dev.yaml": "image: {tag: x}\n"}, workflow(script)).tree["applications"][
        "checkout"
    ]
    assert (application["registry"], application["image"]) == ("ghcr.io", "acme/checkout")


def test_a_digest_in_a_kustomization_is_written_as_one() -> None:
    text = "images:\n  - {name: checkout, newName: ghcr.io/acme/checkout, digest: 'sha256:0'}\n"
    script = "cd checkout/prod && kustomize edit set image checkout=ghcr.io/acme/checkout@${{ steps.b.outputs.digest }}"
    done = imported({"checkout/prod/kustomization.yaml": text}, workflow(script))
    entry = done.tree["applications"]["checkout"]["values"][0]["set"]
    assert entry["images[name=checkout].digest"] == "{digest}"


def test_the_question_for_a_tag_says_what_is_there_now() -> None:
    done = imported(FILES, workflow("yq -i '.image.tag = strenv(BUILD_NUMBER)' apps/checkout/values-dev.yaml"))
    assert "there `${BUILD_NUMBER}`" in done.proposal.text


def test_what_applications_have_in_common_is_written_once() -> None:
    values = "image: {{repository: ghcr.io/acme/{name}, tag: x}}\n"
    files = {
        f"apps/{name}/values-{environment}.yaml": values.format(name=name)
        for name in ("checkout", "basket")
        for environment in ("dev", "prod")
    }
    done = imported(files, workflow("yq -i '.image.tag = strenv(GITHUB_SHA)' apps/$APP/values-$ENV.yaml"))
    assert done.tree["defaults"] == {
        "registry": "ghcr.io",
        "tag": "{sha}",
        "build": {"kind": "external"},
        "image": "acme/{application}",
        "values": [{"file": "apps/{application}/values-{environment}.yaml", "set": {"image.tag": "{tag}"}}],
    }
    assert done.tree["applications"] == {"checkout": {"source": "acme/checkout"}, "basket": {"source": "acme/checkout"}}


def test_a_secret_in_a_script_is_not_repeated() -> None:
    secret = f"ghp_{'a1' * 18}"
    script = f"sed -i 's/{secret}/'$X_TAG'/' https://me:{secret}@example.com/values.yaml\nkubectl set image {secret} x"
    done = imported({}, workflow(script))
    assert "sed-key-unknown" in done.kinds
    assert secret not in done.proposal.text + str(done.proposal.differences) + str(done.proposal.questions)


BUILD = """on: {push: {branches: [main]}}
jobs:
  b:
    steps:
      - uses: docker/build-push-action@v6
        with: {tags: "ghcr.io/acme/checkout:${{ github.sha }}"}
"""


@pytest.mark.parametrize(
    ("on", "job", "kind"),
    [
        ("{push: {tags: ['v*']}}", "{}", "started-by-tag"),
        ("{release: {types: [published]}}", "{}", "started-by-release"),
        ("{workflow_dispatch: {}}", "{}", "started-by-hand"),
        ("{push: {}}", "{}", "started-by-any"),
        ("{push: {branches: ['**']}}", "{}", "started-by-any"),
        ("{push: {branches-ignore: [x]}}", "{}", "started-by-any"),
        (
            "{push: {branches: [main], tags: ['v*']}}",
            "{if: \"startsWith(github.ref, 'refs/tags/')\"}",
            "started-by-tag",
        ),
    ],
)
def test_what_no_push_to_one_branch_starts_asks_for_its_branch(on: str, job: str, kind: str) -> None:
    """The branch of another workflow, which builds the image, would deploy by itself what a person released."""
    script = "yq -i '.image.tag = strenv(GITHUB_SHA)' apps/checkout/values-prod.yaml"
    source = {**workflow(script, on=on, job=job), ".github/workflows/build.yml": BUILD}
    done = imported(FILES, source)
    assert done.tree["environments"] == {"prod": {"branch": "?"}}
    assert kind in done.kinds


def test_a_digest_beside_the_tag_is_written_too() -> None:
    values = "image:\n  repository: ghcr.io/acme/checkout\n  tag: '1'\n  digest: ''\n"
    script = "yq -i '.image.tag = strenv(GITHUB_SHA)' checkout/dev.yaml"
    done = imported({"checkout/dev.yaml": values}, workflow(script))
    entry = done.tree["applications"]["checkout"]["values"][0]["set"]
    assert entry == {"image.tag": "{tag}", "image.digest": "{digest}"}
    assert done.one("digest-beside").endswith("deploy.yml:9")

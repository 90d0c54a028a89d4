"""Makefiles, shell scripts and other pipelines' YAML are read as workflows are, line by line."""

from __future__ import annotations

import pytest

from tests.core.importing.imported import VALUES, imported

FILES = {"apps/checkout/values-prod.yaml": VALUES}
MAKEFILE = """TAG ?= $(shell git rev-parse --short=8 HEAD)
FILE := apps/checkout/values-prod.yaml

deploy:
\t@next="$(TAG)" && \\
\t/usr/bin/sed -i '' "s/tag: .*/tag: $$next/g" $(FILE) && \\
\t/usr/bin/sed -i '' "s/version: .*/version: $$next/g" charts/checkout/Chart.yaml
"""
SCRIPT = """#!/usr/bin/env bash
set -euo pipefail
SHA=$(git rev-parse --short=8 HEAD)
git clone --branch trunk "https://x:${TOKEN}@github.com/acme/manifests.git" work # the manifests
cat > /dev/null <<EOF
sed -i "s/tag: .*/tag: nothing/" apps/checkout/values-prod.yaml
EOF
(cd work && yq -i ".image.tag = \\"$SHA\\"" apps/checkout/values-prod.yaml)
gh pr create --fill && gh pr merge --auto --squash
"""
GITLAB = """stages: [deploy]
variables: {FILE: apps/checkout/values-prod.yaml}
deploy:
  script:
    - git clone https://gitlab.com/acme/manifests.git
    - cd manifests
    - yq -i '.image.tag = strenv(CI_COMMIT_SHORT_SHA)' $FILE
"""
JENKINS = """node {
  def tag = sh(script: "git rev-parse --short=8 HEAD", returnStdout: true).trim()
  stage('x') {
    sh "sed -i 's/tag: .*/tag: ${tag}/' apps/checkout/values-prod.yaml"
  }
}
"""


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [("Makefile", MAKEFILE, 6), ("deploy.sh", SCRIPT, 8), (".gitlab-ci.yml", GITLAB, 7), ("Jenkinsfile", JENKINS, 4)],
)
def test_scripts_of_every_pipeline_are_read(name: str, text: str, line: int) -> None:
    done = imported(FILES, {name: text})
    found = done.tree["applications"]["checkout"]
    assert found["tag"] == "{short_sha:8}"
    assert found["values"] == [{"file": "apps/checkout/values-{environment}.yaml", "set": {"image.tag": "{tag}"}}]
    assert done.one("argocd-name") == f"source/{name}:{line}"


def test_a_pull_request_and_its_merge_are_learnt_from_a_script() -> None:
    done = imported(FILES, {"deploy.sh": SCRIPT})
    assert done.proposal.repository == "acme/manifests"
    assert done.tree["environments"]["prod"]["manifest"] == {"branch": "trunk"}


APPLICATION = "kind: Application\nmetadata: "
NOTE = "argocd-image-updater.argoproj.io/image-list"
BAD = [
    ("deploy.sh", 'sed -i "s/tag: .*/tag: $X'),
    ("deploy.sh", "sed -i 's/((((a*)*)*)*b/$X/' apps/checkout/values-prod.yaml\nsed -i 's/[/$X/' a.yaml"),
    ("deploy.sh", "A=$A$A B=${B:-$B} yq -i '.image.tag = strenv(A)' apps/checkout/values-prod.yaml" * 50),
    ("deploy.sh", "TAG='a\n\t# b: $X\n' yq -i '.image.tag = \"$TAG-$VERSION\n\"' apps/checkout/values-prod.yaml"),
    ("deploy.sh", "$(" * 20_000 + " sed -i"),
    ("deploy.sh", "yq -i '" + "(" * 5_000 + ".a = 1' x.yaml"),
    (
        "deploy.sh",
        "yq w -i\nyq -i\nsed\nsed -i\nsed -e\nkustomize edit set image\ngitopscli deploy --values\ngit clone\ncd",
    ),
    (
        "deploy.sh",
        "gitopscli deploy --file ../../etc/passwd --values '{a.tag: $X}'\nyq -i '.a.tag = strenv(X)' /etc/x.yaml",
    ),
    (".github/workflows/a.yml", "on: push\njobs: {a: {steps: [{run: 'sed -i x'}, 3, {uses: [docker]}]}, b: x, c: [y]}"),
    (".github/workflows/a.yml", "jobs: &a [*a]\nrun: sed -i yq\n"),
    (".github/workflows/a.yml", "a: &a [x]\nb: [*a, *b]\nrun: sed -i yq"),
    (".github/workflows/a.yml", "docker: " + "[" * 3_000),
    (".github/workflows/a.yml", "docker: \x00\x07"),
    ("a.yaml", f"{APPLICATION}{{annotations: {{{NOTE}: [1, 2]}}}}\n"),
    ("a.yaml", f"{APPLICATION}[{NOTE}]\nspec: 3\n"),
    ("a.yaml", f"{APPLICATION}{{name: '{{{{', annotations: {{{NOTE}: '=:,=,:::@'}}}}\n"),
    (
        "a.yaml",
        f"kind: ImageUpdater\nx: {NOTE}\nspec: {{applicationRefs: [{{namePattern: '[', images: [{{}}]}}, 1]}}\n",
    ),
    (
        "a.yaml",
        "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nspec: {policy: {}, imageRepositoryRef: x}\n",
    ),
    ("Jenkinsfile", "sh '''sed -i \"s/tag/$X/\" apps/checkout/values-prod.yaml"),
    ("Makefile", '\tsed -i "s/$$$$/$$(X)/" apps/checkout/values-prod.yaml'),
]


@pytest.mark.parametrize(("name", "text"), BAD, ids=range(len(BAD)))
def test_hostile_and_broken_files_end_in_words(name: str, text: str) -> None:
    """`imported` proves the rest: whatever is proposed is refused by `config check` only where it asks."""
    imported(FILES, {name: text})


def test_what_a_caller_of_make_may_say_is_not_known() -> None:
    makefile = MAKEFILE.replace("$(shell git rev-parse --short=8 HEAD)", "latest")
    done = imported(FILES, {"Makefile": makefile})
    assert done.tree["applications"]["checkout"]["tag"] == "?"

"""`gitopscli deploy` in a workflow, a Jenkinsfile or a container becomes values, a pull request and what differs."""

from __future__ import annotations

import pytest

from tests.core.importing.imported import imported, workflow

VALUES = """app:
  container:
    image:
      repository: ghcr.io/acme/checkout
      tag: v1
  env:
    - {name: A, value: x}
"""
CALL = (
    "gitopscli deploy --git-provider-url https://github.com --username $USER --password $PASSWORD \\\n"
    "  --organisation acme --repository-name manifests --file checkout/values-prod.yaml \\\n"
    "  --values \"{app.container.image.tag: v${GITHUB_SHA::7}, 'app.env.[0].value': ${GITHUB_SHA}}\""
)
FILES = {"checkout/values-prod.yaml": VALUES}


def test_values_with_shell_variables_are_read() -> None:
    done = imported(FILES, workflow(CALL))
    application = done.tree["applications"]["checkout"]
    assert application["tag"] == "v{short_sha:7}"
    assert application["values"][0]["set"] == {"app.container.image.tag": "{tag}", "app.env[name=A].value": "{sha}"}
    assert done.proposal.repository == "acme/manifests"
    assert done.tree["environments"]["prod"] == {"branch": "main"}
    assert "one-commit" in done.kinds


MERGED = (
    "--create-pr --auto-merge --single-commit --merge-method squash --pr-labels '[release, prod]' --branch d-$RANDOM"
)
CONTAINED = (
    f"docker run --rm -e A=b baloise/gitopscli:v6 {CALL.removeprefix('gitopscli ')} --create-pr true --auto-merge=true "
    "--single-commit y --merge-method=squash --pr-labels [release,prod] --branch d-x"
)


@pytest.mark.parametrize("call", [f"{CALL} {MERGED}", CONTAINED])
def test_its_pull_request_is_merged_by_mergeport(call: str) -> None:
    done = imported(FILES, workflow(call))
    assert done.tree["environments"]["prod"] == {
        "branch": "main",
        "publish": "pull-request",
        "pull_request": {"auto_merge": "mergeport", "merge_method": "squash", "labels": ["release", "prod"]},
    }
    assert {"auto-merge", "branch-template"} <= done.kinds
    assert "one-commit" not in done.kinds


def test_what_has_no_counterpart_is_told() -> None:
    values = "--values \"{'a.[*].tag': $GITHUB_SHA}\""
    done = imported(
        FILES,
        workflow(
            f"gitopscli create-preview --git-hash $GITHUB_SHA\n{CALL} --git-provider bitbucket\n"
            f"gitopscli deploy --file checkout/values-prod.yaml {values}\n"
            "gitopscli deploy --file checkout/values-prod.yaml --values '[broken: {'"
        ),
    )
    assert {"gitopscli-create-preview", "not-github", "gitopscli-path-unknown"} <= done.kinds


def test_a_jenkinsfile_is_read_too() -> None:
    jenkinsfile = (
        'pipeline {\n  environment { TAG = "${GIT_COMMIT.take(7)}" }\n'
        "  stages { stage('d') { when { branch 'main' }\n"
        '    steps { sh """\n      gitopscli deploy --organisation acme --repository-name manifests '
        '--file checkout/values-prod.yaml --values \'{app.container.image.tag: \\${TAG}}\'\n    """ } } }\n}\n'
    )
    done = imported(FILES, {"Jenkinsfile": jenkinsfile})
    application = done.tree["applications"]["checkout"]
    assert application["values"][0]["set"] == {"app.container.image.tag": "{tag}"}
    assert application["tag"] == "{short_sha:7}"
    assert done.tree["environments"] == {"prod": {"branch": "main"}}
    assert done.one("one-commit") == "source/Jenkinsfile:5"

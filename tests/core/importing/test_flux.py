"""Flux's policies and markers become a configuration, and what differs is told."""

from __future__ import annotations

import pytest

from tests.core.importing.imported import imported

OBJECTS = """apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: checkout, namespace: flux-system}
spec:
  image: ghcr.io/acme/checkout
  secretRef: {name: regcred}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: checkout, namespace: flux-system}
spec:
  imageRepositoryRef: {name: checkout}
  filterTags: {pattern: '^main-(?P<sha>[a-f0-9]{7})$'}
  policy:
    POLICY
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {name: all, namespace: flux-system}
spec:
  sourceRef: {kind: GitRepository, name: flux-system}
  git:
    checkout: {ref: {branch: trunk}}
    commit: {author: {email: a@b.c}, messageTemplate: 'x'}
    push: {branch: flux-updates}
  update: {path: ./apps, strategy: Setters}
"""
RELEASE = """apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: checkout}
spec:
  values:
    image:
      repository: ghcr.io/acme/checkout # {"$imagepolicy": "flux-system:checkout:name"}
      tag: main-abcdef0 # {"$imagepolicy": "flux-system:checkout:tag"}
"""


@pytest.mark.parametrize(
    ("policy", "kind"),
    [
        ("semver: {range: '>=1'}", "semver"),
        ("alphabetical: {order: asc}", "alphabetical"),
        ("numerical: {}", "numerical"),
    ],
)
def test_inline_values_of_a_release_are_written_where_the_markers_are(policy: str, kind: str) -> None:
    done = imported(
        {"flux/objects.yaml": OBJECTS.replace("POLICY", policy), "apps/checkout/prod/release.yaml": RELEASE}
    )
    found = done.tree["applications"]["checkout"]
    assert found["values"] == [
        {
            "file": "apps/checkout/{environment}/release.yaml",
            "set": {"spec.values.image.repository": "{repository}", "spec.values.image.tag": "{tag}"},
        }
    ]
    assert found["tag"] == "main-{short_sha:7}"
    assert found["environments"] == {"prod": {"argocd": False}}
    assert done.tree["environments"]["prod"] == {
        "branch": "?",
        "publish": "pull-request",
        "manifest": {"branch": "trunk"},
    }
    assert {kind, "pull-secret", "branch-template", "message-template", "old-writer", "no-argocd"} <= done.kinds
    assert done.one(kind) == "flux/objects.yaml:14"


def test_markers_on_whole_images_and_in_lists_are_found() -> None:
    text = """kind: Deployment
metadata: {name: checkout}
spec:
  template:
    spec:
      containers:
        - name: web
          image: ghcr.io/acme/checkout:1 # {"$imagepolicy": "flux-system:checkout"}
        - name: side
          image: ghcr.io/acme/side:1 # {"$imagepolicy": "flux-system:side"}
        # image: x # {"$imagepolicy": "flux-system:side"}
"""
    done = imported({"apps/checkout/dev/deployment.yaml": text})
    found = done.tree["applications"]["checkout"]
    assert found["values"][0]["set"] == {
        "spec.template.spec.containers[name=web].image": "{web.image}",
        "spec.template.spec.containers[name=side].image": "{side.image}",
    }
    assert found["images"] == {"web": {"image": "acme/checkout"}, "side": {"image": "acme/side"}}


def test_broken_markers_are_named_by_their_line() -> None:
    text = 'a: b\nimage: # {"$imagepolicy": "x:y"}\n  tag: 1 # {"$imagepolicy": nothing}\n'
    done = imported({"apps/x.yaml": text})
    assert [(one.at.line, one.why.split(" that")[0]) for one in done.proposal.skipped] == [
        (2, "a marker without a value"),
        (3, "a marker"),
    ]

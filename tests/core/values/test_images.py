"""Which images a file is said to name, and by which paths they are set."""

from __future__ import annotations

import pytest

from service.core.values import ValueEdit, edit_values
from service.core.values.image_paths import list_images

PARAMETERS = """
spec:
  source:
    helm:
      parameters:
      - {name: image.repository, value: r/w}
      - {value: '1.2', name: image.tag}
      - {name: replicas, value: '2'}
"""
CASES = {
    "version": ("a: {repository: r/a, version: 1.2.3}\n", [("a", "r/a:1.2.3", ["a.repository", "a.version"])]),
    "version-of-name": (
        "app: {image: nginx, version: '1.25'}\n",
        [("app", "nginx:1.25", ["app.image", "app.version"])],
    ),
    "tag-over-version": (
        "a: {version: 2, image: {repository: r/a, tag: v1}}\n",
        [("a.image", "r/a:v1", ["a.image.repository", "a.image.tag"])],
    ),
    "chart-dependency": ("deps: [{name: redis, version: 17.0.1, repository: 'https://charts.test/x'}]\n", []),
    "oci-dependency": ("deps: [{name: redis, version: 17.0.1, repository: 'oci://r/x'}]\n", []),
    "chart": ("apiVersion: v2\nname: web\nversion: 1.0.0\nappVersion: 1.0\n", []),
    "list-of-texts": (
        "images: [r/web:1, r/api]\n",
        [
            ("images[image=r/web]", "r/web:1", ["images[image=r/web]"]),
            ("images[image=r/api]", "r/api", ["images[image=r/api]"]),
        ],
    ),
    "list-of-one-name": (
        "images: [r/web:1, r/web:2]\n",
        [("images[0]", "r/web:1", ["images[0]"]), ("images[1]", "r/web:2", ["images[1]"])],
    ),
    "map-of-texts": (
        "extraImages: {log: r/log:1, note: some text, on: true}\n",
        [("extraImages.log", "r/log:1", ["extraImages.log"])],
    ),
    "argocd-parameters": (
        PARAMETERS,
        [
            (
                "spec.source.helm.parameters[name=image.repository].value",
                "r/w:1.2",
                [
                    "spec.source.helm.parameters[name=image.repository].value",
                    "spec.source.helm.parameters[name=image.tag].value",
                ],
            )
        ],
    ),
    "argocd-values": (
        "spec: {}\nv: |\n  image: {repository: r/in, tag: v3}\n",
        [("v.image", "r/in:v3", ["v.image.repository", "v.image.tag"])],
    ),
    "documents": (
        "kind: A\nimage: r/a:1\n---\nkind: B\nimage: r/b:1\n",
        [("[kind=A].image", "r/a:1", ["[kind=A].image"]), ("[kind=B].image", "r/b:1", ["[kind=B].image"])],
    ),
    "tag-like-a-number": (
        "image: {repository: r/a, tag: 12e03}\n",
        [("image", "r/a:12e03", ["image.repository", "image.tag"])],
    ),
    "tag-like-octal": (
        "image: {repository: r/a, tag: 0644}\n",
        [("image", "r/a:0644", ["image.repository", "image.tag"])],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_images_are_found_with_the_paths_that_set_them(name: str) -> None:
    text, expected = CASES[name]
    found = list_images(text)
    assert [(one.at, one.reference, [part.path for part in one.parts.values()]) for one in found] == expected


@pytest.mark.parametrize("name", CASES)
def test_every_path_of_an_image_can_be_set(name: str) -> None:
    text, expected = CASES[name]
    paths = [path for _, _, paths in expected for path in paths]
    edited = edit_values(text, [ValueEdit(path, "new") for path in paths])
    assert len(edited.changes) == len(paths)

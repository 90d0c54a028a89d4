"""Texts of pipelines are filled in as far as that is sure, and no further."""

from __future__ import annotations

import pytest

from service.core.importing.pieces import Unknown, shown, template
from service.core.importing.variables import Scope

SCOPE = Scope(
    {"TAG": "v${GITHUB_SHA::7}", "LOOP": "$LOOP", "NAME": "Web", "steps.a.outputs.b": "${{ env.TAG }}"}, "acme/checkout"
)


@pytest.mark.parametrize(
    ("raw", "made"),
    [
        ("$TAG", "v{short_sha:7}"),
        ("${TAG}-x", "v{short_sha:7}-x"),
        ("${{ steps.a.outputs.b }}", "v{short_sha:7}"),
        ("${{ github.sha || 'x' }}", "{sha}"),
        ("${{ inputs.tag || github.sha }}", "{sha}"),
        ("${{ inputs.x || 'main' }}", "main"),
        ("${MISSING:-$GITHUB_SHA}", "{sha}"),
        ("${NAME,,}", "web"),
        ("${GITHUB_SHA:0:40}", "{sha}"),
        ("${{ github.repository }}", "acme/checkout"),
        ("${{ github.event.repository.name }}:$GITHUB_REF_NAME", "checkout:{branch}"),
        ("$(git rev-parse HEAD | head -c 9)", "{short_sha:9}"),
        ("`git log -1 --format=%H`", "{sha}"),
        ("a{b}c", "a{{b}}c"),
        ("${GITHUB_REF##*/}-$GITHUB_SHA", "{branch}-{sha}"),
        ("$CI_COMMIT_SHORT_SHA", "{short_sha:8}"),
    ],
)
def test_what_is_sure_becomes_a_template(raw: str, made: str) -> None:
    assert template(SCOPE.read(raw)) == made


@pytest.mark.parametrize(
    "raw",
    [
        "${GITHUB_SHA::5}",  # too short for Mergeport
        "${GITHUB_SHA:3:7}",  # from the middle
        "${TAG::7}",
        "$LOOP",
        "${{ secrets.X }}",
        "${{ format('{0}', github.sha) }}",
        "$(date +%s)",
        "${X#prefix}",
        "{{ .Values.x }}",
        "$1",
    ],
)
def test_what_is_not_sure_stays_as_it_is_written(raw: str) -> None:
    read = SCOPE.read(raw)
    assert template(read) is None
    assert any(isinstance(piece, Unknown) for piece in read)
    assert shown(read)


def test_a_variable_that_is_set_from_itself_ends() -> None:
    scope = SCOPE.setting({"A": "1"}).setting({"A": "$A$A"}).setting({"A": "$A-$GITHUB_SHA"})
    assert template(scope.read("$A")) == "11-{sha}"

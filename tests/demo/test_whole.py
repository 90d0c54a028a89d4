"""`make demo` from its beginning to its end, as it runs without a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.bare import BareRepository
from tests.demo.playing import Playing, playing

pytestmark = pytest.mark.prove

STEPS = [
    "find image",
    "build image",
    "check order",
    "commit to manifest repository",
    "refresh Argo CD",
    "await live and healthy",
]
STAGE_STEPS = [one.replace("build image", "reuse image") for one in STEPS]
PROD_STEPS = [
    "find image",
    "reuse image",
    "check order",
    "push promotion branch",
    "open pull request",
    "await merge",
    "check merged commit",
    "refresh Argo CD",
    "await live and healthy",
]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playing]:
    directory = tmp_path_factory.mktemp("whole") / "demo"
    with playing(directory, "--save-svg", str(directory.with_name("demo.svg"))) as one:
        one.end()
        yield one


def act(played: Playing, number: int) -> str:
    """Give the output of one act."""
    return re.split(r"^(?:\d  |in short)", played.text, flags=re.MULTILINE)[number]


def test_demo_ends_well_by_itself(played: Playing) -> None:
    assert played.process.returncode == 0, played.text


def test_demo_ends_all_that_it_started(played: Playing) -> None:
    assert played.processes() == {}


@pytest.mark.parametrize(("number", "environment", "steps"), [(1, "dev", STEPS), (2, "stage", STAGE_STEPS)])
def test_steps_of_an_environment_are_told_with_their_times(
    played: Playing, number: int, environment: str, steps: list[str]
) -> None:
    told = act(played, number)
    assert told.startswith(environment)
    assert re.findall(r"^  ✓ +\+\d+\.\d s  (.+?) +\d+\.\d s  \S", told, flags=re.MULTILINE) == steps


def test_prod_waits_for_the_release_manager_and_goes_on(played: Playing) -> None:
    told = act(played, 3)
    assert re.findall(r"^  ✓ +\+\d+\.\d s  (.+?) +\d+\.\d s  \S", told, flags=re.MULTILINE) == PROD_STEPS
    assert re.search(r"…  +\+\d+\.\d s  await merge +waiting for pull request #1 to be merged\n", told)
    assert "To roll back after the merge" in told
    assert told.index("To roll back") < told.index("by release-manager") < told.index("✓", told.index("To roll back"))


def test_what_is_told_is_what_the_manifest_repository_has(played: Playing) -> None:
    manifests = BareRepository(played.directory / "devstack" / "git" / "acme" / "manifests.git")
    for number, environment in ((1, "dev"), (2, "stage"), (3, "prod")):
        told = act(played, number)
        (digest,) = re.findall(r"^ +(sha256:[0-9a-f]{64})$", told, flags=re.MULTILINE)
        (tag,) = re.findall(r"^  image +\S+/checkout:(\w+)$", told, flags=re.MULTILINE)
        values = manifests.text("main", f"apps/checkout/values-{environment}.yaml")
        assert f'  tag: "{tag}"  # twelve characters of the source commit\n  digest: "{digest}"\n' in values
        assert f'    +  tag: "{tag}"  # twelve characters of the source commit\n    +  digest: "{digest}"\n' in told


def test_one_image_is_built_and_is_in_all_three_environments(played: Playing) -> None:
    digests = played.find(r"^ +(sha256:[0-9a-f]{64})$")
    assert len(digests) == 3
    assert len(set(digests)) == 1
    assert len(played.find(r"^ +(the image of \w{12} in dev: the same tree, so not built again)$")) == 2


def test_delivery_that_came_twice_is_kept_once(played: Playing) -> None:
    assert "push, sent twice and kept once: runs: checkout to dev" in act(played, 1)


def test_merge_that_touches_no_path_starts_nothing_and_says_why(played: Playing) -> None:
    told = act(played, 4)
    assert "push ignored: None of 1 changed path (docs/runbook.md) matches the paths of checkout." in told
    assert re.search(r"^  runs +none$", told, flags=re.MULTILINE)


def test_results_are_told_in_short(played: Playing) -> None:
    rows = played.find(r"^  (dev|stage|prod) +succeeded +\d+\.\d s +checkout:\w{12}@sha256:\w{12}… +[0-9a-f]{12} *$")
    assert rows == ["dev", "stage", "prod"]


def test_builder_is_named(played: Playing) -> None:
    assert played.find(r"^  builder +(\S.*)$")


def test_picture_fetches_nothing(played: Playing) -> None:
    drawn = played.directory.with_name("demo.svg").read_text(encoding="utf-8")
    assert "await&#160;live&#160;and&#160;healthy" in drawn
    assert "@font-face" not in drawn
    assert "url(http" not in drawn


def test_output_fits_a_hundred_columns(played: Playing) -> None:
    assert [line for line in played.text.splitlines() if len(line) > 100] == []


def test_directory_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear\n")
    with playing(tmp_path / "mine") as one:
        assert one.end() == 1
    assert "is not a demo's directory" in " ".join(one.text.split())
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear\n"

"""`mergeport config check` beside a checkout: the values files are checked where they are, and nowhere else."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli.main import cli

TEXT = """\
defaults:
  registry: ghcr.io
  values: [{file: "{application}-{environment}.yaml", set: {image.tag: "{tag}"}}]
environments:
  dev: {branch: develop}
  prod: {branch: main, manifest: {repository: acme/production, branch: live}}
applications:
  checkout: {source: acme/checkout}
"""
SOUND = "image:\n  tag: a\n"


def checkout(folder: Path, files: dict[str, str], *, origin: str = "", branch: str = "main") -> Path:
    """Make a checkout with real git."""
    folder.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", "-b", branch, str(folder)], check=True)
    if origin:
        subprocess.run(["git", "-C", str(folder), "remote", "add", "origin", origin], check=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def check(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["config", "check", *map(str, arguments)])


@pytest.fixture
def production(tmp_path: Path) -> Path:
    origin = "git@github.com:acme/production.git"
    return checkout(tmp_path / "production", {"checkout-prod.yaml": SOUND}, origin=origin, branch="live")


def test_a_checkout_beside_the_configuration_is_checked_and_the_rest_named(tmp_path: Path) -> None:
    place = checkout(tmp_path / "m", {"mergeport.yaml": TEXT, "checkout-dev.yaml": SOUND})

    result = check(place)

    assert result.exit_code == 0
    assert result.stdout.endswith("ok: 1 application, 2 environments, 2 targets; 1 values file checked\n")
    assert result.stderr == "values files not checked: there is no checkout of acme/production\n"


def test_a_missing_file_beside_the_configuration_is_a_fault(tmp_path: Path) -> None:
    place = checkout(tmp_path / "m", {"mergeport.yaml": TEXT, "checkout-dv.yaml": SOUND})

    result = check(place)

    assert result.exit_code == 1
    assert result.stdout == (
        f"{place}/mergeport.yaml:3:19: defaults.values[0].file: checkout in dev: checkout-dev.yaml does not exist "
        "(did you mean checkout-dv.yaml?)\n"
    )


def test_without_a_checkout_the_configuration_alone_is_checked(tmp_path: Path) -> None:
    (tmp_path / "mergeport.yaml").write_text(TEXT)

    result = check(tmp_path)

    assert (result.exit_code, result.stderr) == (0, "")
    assert "values file" not in result.stdout


def test_another_repository_is_known_by_its_origin(tmp_path: Path, production: Path) -> None:
    place = checkout(tmp_path / "m", {"mergeport.yaml": TEXT, "checkout-dev.yaml": SOUND})

    result = check(place, "--repository", production, "--json")

    told = json.loads(result.stdout)
    assert (told["ok"], told["values"]) == (True, {"files": 2, "unchecked": []})


def test_paths_in_another_repository_are_told_at_the_lines_of_the_configuration(
    tmp_path: Path, production: Path
) -> None:
    (tmp_path / "mergeport.yaml").write_text(TEXT)
    (production / "checkout-prod.yaml").write_text("image:\n  tga: a\n")

    result = check(tmp_path, "--repository", production)

    assert result.exit_code == 1
    assert "mergeport.yaml:3:72: defaults.values[0].set.image.tag: checkout in prod: " in result.stdout
    assert "(did you mean image.tga?)" in result.stdout


def test_a_branch_that_is_not_checked_out_is_named_and_not_checked(tmp_path: Path) -> None:
    (tmp_path / "mergeport.yaml").write_text(TEXT)
    other = checkout(tmp_path / "p", {}, origin="https://github.com/Acme/production", branch="main")

    result = check(tmp_path, "--repository", other)

    assert result.exit_code == 0
    assert f"live is not checked out in {other}" in result.stderr


def test_a_worktree_is_a_checkout_of_its_own_branch(tmp_path: Path, production: Path) -> None:
    (tmp_path / "mergeport.yaml").write_text(TEXT)
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["add", "."], [*identity, "commit", "-qm", "x"], ["worktree", "add", "-q", "-b", "x", "../tree"]):
        git = command[: len(identity)] if command[0] == "-c" else []
        subprocess.run(["git", "-C", str(production), *git, *command[len(git) :]], check=True, capture_output=True)

    result = check(tmp_path, "--repository", tmp_path / "tree")

    assert f"live is not checked out in {tmp_path / 'tree'}" in result.stderr


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    place = checkout(tmp_path / "m", {"mergeport.yaml": TEXT})
    (tmp_path / "outside.yaml").write_text(SOUND)
    (place / "checkout-dev.yaml").symlink_to(tmp_path / "outside.yaml")

    result = check(place)

    assert result.exit_code == 1
    assert "checkout-dev.yaml: is a symbolic link" in result.stdout


def test_a_new_file_below_a_file_is_not_promised(tmp_path: Path) -> None:
    text = TEXT.replace('"{application}-{environment}.yaml"', '"sound.yaml/{environment}.yaml", create: file')
    assert text != TEXT
    place = checkout(tmp_path / "m", {"mergeport.yaml": text, "sound.yaml": SOUND})

    result = check(place)

    assert result.exit_code == 1
    assert "sound.yaml/dev.yaml: is below a file, not a folder" in result.stdout


def test_template_of_pull_requests_is_checked_with_its_line(tmp_path: Path) -> None:
    place = checkout(tmp_path / "m", {"mergeport.yaml": TEXT, "checkout-dev.yaml": SOUND})
    (place / ".mergeport").mkdir()
    (place / ".mergeport" / "pull_request.md.j2").write_text("a\n{{ pulls }}\n")

    result = check(place)

    assert result.exit_code == 1
    assert ".mergeport/pull_request.md.j2:2: there is no pulls (docs/promotion.md has the names)" in result.output


def test_plain_secrets_of_a_checkout_are_faults_and_what_a_comment_allows_is_shown(tmp_path: Path) -> None:
    text = TEXT.replace(
        "prod: {branch: main, manifest: {repository: acme/production, branch: live}}", "prod: {branch: main}"
    )
    place = checkout(
        tmp_path / "m",
        {
            "mergeport.yaml": text,
            "checkout-dev.yaml": f"{SOUND}env:\n  API_TOKEN: hunter2\n",
            "checkout-prod.yaml": f"{SOUND}password: demo  # pragma: allowlist secret - a sandbox\n",
            "notes.yaml": "password: hunter2\n",
        },
    )
    (place / "apps" / "x").mkdir(parents=True)
    (place / "apps" / "x" / ".env").write_text("DB_PASSWORD=hunter2\n")
    (place / "apps" / "x" / "link").symlink_to(place / "notes.yaml")

    result = check(place)

    assert result.exit_code == 1
    assert [line.partition(" (")[0] for line in result.stdout.splitlines()] == [
        f"{place}/apps/x/.env:1: looks like a plain secret: a secret, by the name DB_PASSWORD",
        f"{place}/checkout-dev.yaml:4: env.API_TOKEN: looks like a plain secret: a secret, by its name",
    ]
    assert "docs/secrets.md" in result.stdout

    (place / "apps" / "x" / ".env").unlink()
    (place / "checkout-dev.yaml").write_text(SOUND)
    result = check(place)
    assert result.exit_code == 0
    assert (
        f"allowed, and no secret as a comment says: {place}/checkout-prod.yaml:3: password: a sandbox" in result.stderr
    )

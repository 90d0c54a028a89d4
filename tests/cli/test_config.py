"""`mergeport config`: one file in, faults or facts out, no settings and nothing heavy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.adapters.kinds import kinds
from service.cli.main import cli
from service.core.config import json_schema
from service.errors import NotFoundError

ROOT = Path(__file__).parents[2]
GOOD = ROOT / "tests" / "data" / "config" / "good" / "design.yaml"
COMMAND = [sys.executable, "-c", "from service.cli.main import main; main()"]
CLEAN = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
BROKEN = """\
environments:
  dev: {brnach: develop}
applications: {}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_check_counts_what_is_there(folder: Path) -> None:
    (folder / "mergeport.yaml").write_bytes(GOOD.read_bytes())

    result = CliRunner().invoke(cli, ["config", "check"])

    assert (result.exit_code, result.stdout) == (
        0,
        "mergeport.yaml: ok: 2 applications, 3 environments, 5 targets\n",
    )


def test_check_tells_each_fault_on_a_line_and_ends_with_one(folder: Path) -> None:
    (folder / "broken.yaml").write_text(BROKEN)

    result = CliRunner().invoke(cli, ["config", "check", "broken.yaml"])

    assert result.exit_code == 1
    assert (
        result.stdout == 'broken.yaml:2:9: environments.dev.brnach: "brnach" is not a key here (did you mean branch?)\n'
    )
    assert result.stderr == "1 fault\n"


def test_check_as_json_has_the_faults_as_fields(folder: Path) -> None:
    (folder / "mergeport.yaml").write_text(BROKEN)

    result = CliRunner().invoke(cli, ["config", "check", "--json"])

    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "ok": False,
        "faults": [
            {
                "where": "mergeport.yaml",
                "message": '"brnach" is not a key here',
                "hint": "did you mean branch?",
                "line": 2,
                "column": 9,
                "key": "environments.dev.brnach",
            }
        ],
        "warnings": [],
    }


def test_check_as_json_of_a_good_file_counts() -> None:
    result = CliRunner().invoke(cli, ["config", "check", str(GOOD), "--json"])

    told = json.loads(result.stdout)
    assert (told["ok"], told["applications"], told["environments"], told["targets"]) == (True, 2, 3, 5)


def test_check_takes_a_folder_and_standard_input(folder: Path) -> None:
    (folder / "mergeport.yaml").write_bytes(GOOD.read_bytes())

    assert CliRunner().invoke(cli, ["config", "check", str(folder)]).exit_code == 0
    piped = subprocess.run(
        [*COMMAND, "config", "check", "-"],
        input=BROKEN.encode(),
        capture_output=True,
        check=False,
        cwd=folder,
        env=CLEAN,
    )
    assert (piped.returncode, piped.stdout.startswith(b"mergeport.yaml:2:9: ")) == (1, True)


def test_check_of_no_file_is_one_clear_fault(folder: Path) -> None:
    result = CliRunner().invoke(cli, ["config", "check"])

    assert result.exit_code == 1
    assert result.stdout == (
        "mergeport.yaml: cannot be read: No such file or directory (name the file, or its folder, as PATH)\n"
    )


def test_check_refuses_files_of_teams_rather_than_ignore_them(folder: Path) -> None:
    (folder / "mergeport.yaml").write_bytes(GOOD.read_bytes())
    (folder / "mergeport.d").mkdir()

    result = CliRunner().invoke(cli, ["config", "check"])

    assert result.exit_code == 1
    assert result.stdout == "mergeport.d: not in this version (put its applications into mergeport.yaml)\n"


def test_check_shows_warnings_and_is_content(folder: Path) -> None:
    text = GOOD.read_text() + "  old: {source: acme/old, environments: {dev: false, stage: false, prod: false}}\n"
    (folder / "mergeport.yaml").write_text(text)

    result = CliRunner().invoke(cli, ["config", "check"])

    assert result.exit_code == 0
    assert result.stderr == "warning: mergeport.yaml:32:3: applications.old: old is in no environment\n"


def test_show_tells_value_and_line() -> None:
    result = CliRunner().invoke(cli, ["config", "show", "recommender", "prod", str(GOOD)])

    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines()}
    assert result.exit_code == 0
    assert rows["branch"] == ["release/*", f"{GOOD}:30"]
    assert rows["publish"] == ["pull-request", f"{GOOD}:15"]
    assert rows["deadlines.sync"] == ["15m", "default"]


def test_show_as_json_has_keys_values_and_lines() -> None:
    result = CliRunner().invoke(cli, ["config", "show", "checkout", "dev", str(GOOD), "--json"])

    told = json.loads(result.stdout)
    assert told["present"] is True
    assert {"key": "branch", "value": "develop", "line": 11} in told["keys"]


def test_show_says_where_an_application_is_not() -> None:
    result = CliRunner().invoke(cli, ["config", "show", "recommender", "stage", str(GOOD)])

    assert (result.exit_code, result.stdout) == (0, "recommender is not in stage\n")


def test_show_of_an_unknown_name_names_the_nearest() -> None:
    result = CliRunner().invoke(cli, ["config", "show", "chekout", "dev", str(GOOD)])

    assert isinstance(result.exception, NotFoundError)
    assert result.exception.hint == "did you mean checkout?"


def test_schema_prints_the_schema() -> None:
    assert json.loads(CliRunner().invoke(cli, ["config", "schema"]).stdout) == json_schema(kinds())


def test_check_loads_no_heavy_library() -> None:
    """It starts fast because it loads no cloud, git, web, database or engine library."""
    script = (
        "import sys\n"
        "from service.cli.main import cli\n"
        "cli(['config', 'check', sys.argv[1]], standalone_mode=False)\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script, str(GOOD)], capture_output=True, text=True, check=True, env=CLEAN
    ).stdout

    heavy = ["boto3", "botocore", "git", "github", "dbos", "flask", "sqlalchemy", "requests", "rich", "structlog"]
    assert [name for name in heavy if f"'{name}'" in loaded] == []

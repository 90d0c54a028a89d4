"""Projects as people have them: what is found in their files, and what is told where nothing clear is found."""

from __future__ import annotations

import pytest

from service.core.dockerfiles.dependencies import python_version, read_dependencies
from service.core.dockerfiles.describe import find_template, is_telling
from service.core.dockerfiles.project import ProjectFiles, Server, Template
from service.core.dockerfiles.python_app import FoundApp, find_app
from service.core.dockerfiles.render import dockerfile_for
from service.core.dockerfiles.wishes import Wishes
from service.errors import PermanentError

NEEDS = {"requirements.txt": "flask\ngunicorn\n"}


def refused(
    files: ProjectFiles, template: Template = Template.PYTHON_WEB, wishes: Wishes | None = None
) -> PermanentError:
    with pytest.raises(PermanentError) as caught:
        dockerfile_for(template, files, wishes or Wishes())
    assert caught.value.hint
    return caught.value


def command(files: ProjectFiles, wishes: Wishes | None = None, template: Template = Template.PYTHON_WEB) -> str:
    return dockerfile_for(template, files, wishes or Wishes()).splitlines()[-1].removeprefix("CMD ")


# --- the application in app.py ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "server"),
    [
        ("import flask\napp = flask.Flask(__name__)", "app", Server.GUNICORN),
        ("import flask as f\napi: f.Flask = f.Flask(__name__)", "api", Server.GUNICORN),
        ("from fastapi import FastAPI\nif True:\n    app = FastAPI()\nelse:\n    app = None", "app", Server.UVICORN),
        (
            "try:\n    from fastapi import FastAPI as F\nexcept OSError:\n    raise\nservice = F()",
            "service",
            Server.UVICORN,
        ),
        ("from flask import Flask\napplication = app = Flask('x')", None, None),
        ("from fastapi import FastAPI\nfrom shop import app", "app", Server.UVICORN),
        ("from shop import create_app\napp = create_app()", "app", None),
    ],
)
def test_the_application_is_found_by_reading(text: str, name: str | None, server: Server | None) -> None:
    if name is None:
        with pytest.raises(PermanentError, match="several applications: application, app"):
            find_app({"app.py": text})
    else:
        assert find_app({"app.py": text}) == FoundApp(server, name)


def test_a_factory_is_called_by_its_server() -> None:
    text = "from fastapi import FastAPI\ndef build(debug=False):\n    return FastAPI()\n"
    assert command({"app.py": text, "requirements.txt": "fastapi\nuvicorn"}) == (
        '["uvicorn", "--host=0.0.0.0", "--port=8080", "--factory", "app:build"]'
    )


def test_what_only_main_makes_is_not_there_for_a_server() -> None:
    text = "from flask import Flask\nif __name__ == '__main__':\n    app = Flask('x')\n    app.run()\n"
    error = refused({"app.py": text, **NEEDS})
    assert (error.code, "app.py" in error.message) == ("project-file-missing", True)
    assert "app = Flask(__name__)" in error.hint


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("app = = 1\n", "project-unreadable", "app.py:1: invalid syntax"),
        ("from flask import Flask\na = Flask('a')\nb = Flask('b')\n", "project-unclear", "several applications: a, b"),
        (
            "import flask\ndef a():\n return flask.Flask('a')\ndef b():\n return flask.Flask('b')\n",
            "project-unclear",
            "a, b",
        ),
        (
            "from flask import Flask\ndef a(settings):\n return Flask('a')\n",
            "project-unclear",
            "app.py:2: a cannot be called",
        ),
        ("print('hello')\n", "project-file-missing", "makes no application"),
        ("from shop import app\n", "project-unclear", "both Flask and FastAPI"),
        ("\x00", "project-unreadable", "app.py"),
        ("(" * 5000, "project-unreadable", "app.py"),
    ],
)
def test_an_app_that_is_not_clear_is_refused_with_its_file(text: str, code: str, words: str) -> None:
    error = refused({"app.py": text, "requirements.txt": "flask\nfastapi\n"})
    assert error.code == code
    assert words in error.message


def test_entry_says_which_of_several_it_is() -> None:
    text = "from flask import Flask\nfrom fastapi import FastAPI\na = Flask('a')\nb = FastAPI()\n"
    told = command({"app.py": text, **NEEDS}, Wishes(entry="app:b"))
    assert told == '["uvicorn", "--host=0.0.0.0", "--port=8080", "app:b"]'


def test_what_a_newer_python_alone_reads_is_served_by_what_is_said() -> None:
    files = {"app.py": "type Later = int = 3\napp = 1\n", **NEEDS}
    error = refused(files)
    assert "build.with.entry" in error.hint
    told = command(files, Wishes(entry="app:app", server=Server.UVICORN))
    assert told == '["uvicorn", "--host=0.0.0.0", "--port=8080", "app:app"]'


def test_a_factory_that_is_named_is_called_whatever_serves_it() -> None:
    files = {"app.py": "import flask\ndef make():\n    return flask.Flask('x')\n", **NEEDS}
    told = command(files, Wishes(entry="app:make", server=Server.GUNICORN))
    assert told.endswith('"app:make()"]')


def test_entry_that_is_not_in_the_file_is_told_with_those_that_are() -> None:
    error = refused({"app.py": "from flask import Flask\na = Flask('a')", **NEEDS}, wishes=Wishes(entry="app:b"))
    assert "`b`" in error.message
    assert "applications there: a" in error.hint


def test_the_server_is_found_by_the_dependencies_or_said() -> None:
    files = {"requirements.txt": "Flask==3.1\n"}
    assert command(files, Wishes(entry="shop:app")).startswith('["gunicorn"')
    assert command(files, Wishes(entry="shop:app", server=Server.UVICORN)).startswith('["uvicorn"')


def test_a_health_route_of_the_application_counts_and_one_of_a_router_does_not() -> None:
    base = "from fastapi import FastAPI, APIRouter\napp = FastAPI()\nrouter = APIRouter(prefix='/api')\n"
    assert find_app({"app.py": f"{base}@router.get('/healthz')\ndef a(): ...\n"}).health == ""
    assert find_app({"app.py": f"{base}@app.get('/healthz')\ndef a(): ...\n"}).health == "/healthz"


# --- dependencies ------------------------------------------------------------------------------------


def test_names_are_read_as_pip_reads_them() -> None:
    text = "Flask_Login[x]>=1 # why\n-i https://x.example/simple\n\nzope.interface @ https://x.example/z.whl\n"
    text += "uvicorn ; python_version>'3'\n"
    assert read_dependencies({"requirements.txt": text}).names == {"flask-login", "zope-interface", "uvicorn"}


@pytest.mark.parametrize(
    "line",
    ["./lib", "-e .", "--editable=./lib", ".", ".[web]", "lib @ file:///app/lib", "--find-links wheels"],
)
def test_what_is_in_the_project_itself_needs_the_whole_context(line: str) -> None:
    found = read_dependencies({"requirements.txt": f"flask\n{line}\n"})
    assert (found.local, found.names) == (True, frozenset({"flask"}))


@pytest.mark.parametrize(
    "line", ["-e git+https://x.example/a.git#egg=a", "--find-links https://x.example/", ".flask-like"]
)
def test_what_is_elsewhere_does_not(line: str) -> None:
    assert not read_dependencies({"requirements.txt": line}).local


def test_includes_are_followed_once() -> None:
    files = {
        "requirements.txt": "-r requirements/a.txt\n",
        "requirements/a.txt": "--requirement=../requirements.txt\nflask",
    }
    found = read_dependencies(files)
    assert (found.files, found.names) == (("requirements.txt", "requirements/a.txt"), frozenset({"flask"}))


def test_hashes_are_demanded_where_they_are() -> None:
    found = read_dependencies({"requirements.txt": "flask==3.1 \\\n  --hash=sha256:00\n"})
    assert (found.hashed, found.locked) == (True, True)


@pytest.mark.parametrize(
    ("files", "code", "words"),
    [
        ({}, "project-file-missing", "no requirements.txt"),
        ({"uv.lock": "", "poetry.lock": ""}, "project-unclear", "uv.lock and poetry.lock"),
        ({"requirements.lock": "", "uv.lock": ""}, "project-unclear", "requirements.lock and uv.lock"),
        ({"uv.lock": ""}, "project-file-missing", "pyproject.toml is not"),
        ({"uv.lock": "", "pyproject.toml": "x ="}, "project-unreadable", "pyproject.toml is not TOML"),
        ({"uv.lock": "]", "pyproject.toml": ""}, "project-unreadable", "uv.lock is not TOML"),
        ({"requirements.txt": "flask\n-r more.txt"}, "project-file-missing", "requirements.txt:2: includes more.txt"),
        ({"requirements.txt": "-r ../../etc/passwd"}, "project-file-missing", "includes ../../etc/passwd"),
        ({"pyproject.toml": '[project]\ndependencies = ["a\\nRUN x"]'}, "project-unreadable", "pyproject.toml lists"),
    ],
)
def test_dependencies_that_are_not_clear_are_refused_with_their_file(
    files: ProjectFiles, code: str, words: str
) -> None:
    with pytest.raises(PermanentError) as caught:
        read_dependencies(files)
    assert (caught.value.code, words in caught.value.message) == (code, True)


@pytest.mark.parametrize(
    ("wanted", "version"),
    [
        (">=3.11", "3.12"), (">=3.13", "3.13"), ("<3.12", "3.11"), ("~=3.10.0", "3.10"), ("~=3.10", "3.12"),
        ("==3.11.*", "3.11"), (">=3.9,<3.11", "3.10"), (">=3.8", "3.12"), ("!=3.12.*", "3.11"), ("nonsense", "3.12"),
        (">=3.20", ""), ("<3.12.4", "3.12"), ("==3.12.*,!=3.12.1", "3.12"),
    ],
)  # fmt: skip
def test_the_python_that_the_project_asks_for(wanted: str, version: str) -> None:
    assert python_version({"pyproject.toml": f'[project]\nrequires-python = "{wanted}"'}) == version


# --- models ---------------------------------------------------------------------------------------------

MODEL = "flavors:\n  python_function:\n    python_version: 3.10.12\n"
FOLDER = {"model/MLmodel": MODEL, "model/requirements.txt": "mlflow==2.16.0\n"}


@pytest.mark.parametrize(
    ("files", "code", "words"),
    [
        ({}, "project-file-missing", "no MLmodel"),
        ({**FOLDER, "other/MLmodel": MODEL}, "project-unclear", "model/MLmodel, other/MLmodel"),
        ({"model/MLmodel": MODEL}, "project-file-missing", "no model/requirements.txt"),
        ({**FOLDER, "model/MLmodel": "flavors: {crate: {}}"}, "project-file-missing", "python_function"),
        ({**FOLDER, "model/MLmodel": "flavors: {crate: {}"}, "project-unreadable", "model/MLmodel:1: is not YAML"),
        ({**FOLDER, "model/MLmodel": "[]"}, "project-unreadable", "model/MLmodel is not a mapping"),
        ({"a$b/MLmodel": MODEL, "a$b/requirements.txt": "mlflow"}, "project-unreadable", "a$b"),
        (
            {"m/MLmodel": MODEL, "m/requirements.lock": "numpy==2 --hash=sha256:0"},
            "project-file-missing",
            "lacks mlflow",
        ),
    ],
)
def test_a_model_that_is_not_clear_is_refused_with_its_file(files: ProjectFiles, code: str, words: str) -> None:
    error = refused(files, Template.PYTHON_MODEL)
    assert (error.code, words in error.message) == (code, True)


@pytest.mark.parametrize("told", ["3.10';touch x;'", "3", "[]", "~"])
def test_a_version_that_is_none_is_not_written(told: str) -> None:
    text = f'flavors:\n  python_function:\n    python_version: "{told}"\n'
    written = dockerfile_for(Template.PYTHON_MODEL, {**FOLDER, "model/MLmodel": text}, Wishes())
    assert "touch" not in written
    assert "FROM python:3.12-slim-bookworm AS base" in written


@pytest.mark.parametrize(
    ("lock", "code", "words"),
    [
        ("{", "project-unreadable", "renv.lock is not JSON"),
        ("[]", "project-unreadable", "no R or no Packages"),
        ('{"R": {"Version": "4.4.1"}, "Packages": {}}', "project-file-missing", "does not have plumber"),
        ('{"R": {"Version": "4\\nRUN x"}, "Packages": {"plumber": {}}}', "project-unreadable", "version of R"),
    ],
)
def test_a_lock_of_r_that_is_not_clear_is_refused(lock: str, code: str, words: str) -> None:
    error = refused({"plumber.R": "", "renv.lock": lock}, Template.R_MODEL)
    assert (error.code, words in error.message) == (code, True)


def test_plumber_itself_is_needed() -> None:
    assert refused({}, Template.R_MODEL).code == "project-file-missing"


# --- which template -----------------------------------------------------------------------------------


def test_the_template_is_found_where_only_one_fits() -> None:
    assert find_template({"app.py": ""}) is Template.PYTHON_WEB
    assert find_template({"model/MLmodel": ""}) is Template.PYTHON_MODEL
    assert find_template({"plumber.R": ""}) is Template.R_MODEL


@pytest.mark.parametrize("files", [{"app.py": "", "MLmodel": ""}, {}])
def test_several_templates_or_none_are_told(files: ProjectFiles) -> None:
    with pytest.raises(PermanentError) as caught:
        find_template(files)
    assert caught.value.code == ("project-unclear" if files else "project-file-missing")


def test_only_telling_files_are_asked_for() -> None:
    asked = ["app.py", "model/MLmodel", "requirements/base.txt", "requirements-dev.txt", "uv.lock", ".python-version"]
    unasked = [".env", "data.csv", "a/b/MLmodel", "secrets.txt", "src/app.pyc"]
    assert [path for path in (*asked, *unasked) if is_telling(path)] == asked

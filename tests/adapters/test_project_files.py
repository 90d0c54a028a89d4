"""What is read of a project's folder: its telling files as text, never through a link, never more."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.adapters.project_files import read_project, write_dockerfile
from service.core.dockerfiles.project import Template
from service.core.dockerfiles.wishes import TemplateKeys
from service.errors import PermanentError

FLASK = "from flask import Flask\napp = Flask(__name__)\n"


def test_telling_files_are_read_down_to_one_folder(tmp_path: Path) -> None:
    (tmp_path / "model" / "data").mkdir(parents=True)
    for name in ("app.py", ".env", "model/MLmodel", "model/data/MLmodel", "model/model.pkl"):
        (tmp_path / name).write_text(name)
    assert read_project(tmp_path) == {"app.py": "app.py", "model/MLmodel": "model/MLmodel"}


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "MLmodel").write_text("secret")
    (tmp_path / "project" / "app.py").symlink_to(tmp_path / "secret")
    (tmp_path / "project" / "model").symlink_to(tmp_path / "elsewhere")
    assert read_project(tmp_path / "project") == {}


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(b"\xef\xbb\xbfflask\n")
    assert read_project(tmp_path) == {"requirements.txt": "flask\n"}


def test_what_is_no_text_is_told_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_bytes(b"\xff\xfe")
    with pytest.raises(PermanentError, match=r"app\.py is not UTF-8") as caught:
        read_project(tmp_path)
    assert caught.value.code == "project-unreadable"


def test_what_is_too_large_is_told_with_its_file(tmp_path: Path) -> None:
    with (tmp_path / "uv.lock").open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    with pytest.raises(PermanentError, match=r"uv\.lock is larger than 16 MiB") as caught:
        read_project(tmp_path)
    assert caught.value.code == "project-unreadable"


@pytest.mark.parametrize("own", [True, False])
def test_the_log_shows_the_dockerfile_and_says_that_the_sources_own_is_not_used(tmp_path: Path, own: bool) -> None:
    context = tmp_path / "source"
    context.mkdir()
    (context / "app.py").write_text(FLASK)
    (context / "requirements.txt").write_text("flask\n")
    if own:
        (context / "Dockerfile").write_text("FROM scratch\n")
    told = write_dockerfile(TemplateKeys(template=Template.PYTHON_WEB), context, tmp_path / "Dockerfile")
    assert (tmp_path / "Dockerfile").read_text() in told
    assert ("own Dockerfile is not used" in told) is own

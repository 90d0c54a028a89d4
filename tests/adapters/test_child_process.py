"""Children are watched to their end, and ended with all they started."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from service.adapters.child_process import Ended, run
from service.adapters.workspace import Workspaces, resolve_inside
from service.errors import PermanentError, RetryableError
from tests.adapters.builders.parts import Control, running_with
from tests.fixtures.processes import wait_until


def sh(script: str, folder: Path, control: Control | None = None, *, seconds: float = 20) -> Ended:
    ends_at = time.monotonic() + seconds
    return run(["/bin/sh", "-c", script], control=control or Control(), ends_at=ends_at, directory=folder, extra={})


def test_every_line_is_logged_and_the_status_given(tmp_path: Path) -> None:
    control = Control()
    ended = sh("echo one; echo two >&2; printf three; exit 7", tmp_path, control)
    assert (ended.status, control.text) == (7, "one\ntwo\nthree\n")
    assert ended.last == ("one", "two", "three")


def test_large_output_arrives_whole(tmp_path: Path) -> None:
    control = Control()
    sh("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done", tmp_path, control)
    assert control.text == "".join(f"line {number}\n" for number in range(20000))


def test_endless_line_is_cut_into_pieces(tmp_path: Path) -> None:
    control = Control()
    sh("head -c 1000000 /dev/zero | tr '\\0' x", tmp_path, control)
    assert control.text.replace("\n", "") == "x" * 1000000


def test_progress_bars_and_foreign_bytes_become_lines(tmp_path: Path) -> None:
    control = Control()
    sh(r"printf '10%%\r50%%\r100%%\n\377\n'", tmp_path, control)
    assert control.text == "100%\n\ufffd\n"


def test_control_stops_the_child_and_its_children(tmp_path: Path) -> None:
    with pytest.raises(RetryableError) as caught:
        sh("trap '' TERM; sleep 7201 & echo started; wait; sleep 7201", tmp_path, Control(stop_at="started"))
    assert caught.value.code == "build-stopped"
    wait_until(lambda: not running_with("sleep\0007201"), timeout=5)


def test_deadline_ends_a_child_that_ignores_it(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="the last thing said") as caught:
        sh("trap '' TERM; echo the last thing said; while true; do sleep 0.05; done", tmp_path, seconds=0.5)
    assert caught.value.code == "build-timeout"


def test_children_left_in_the_background_are_ended_too(tmp_path: Path) -> None:
    assert sh("sleep 7202 & echo done", tmp_path).status == 0
    wait_until(lambda: not running_with("sleep\0007202"), timeout=5)


def test_child_that_closes_its_output_is_still_waited_for(tmp_path: Path) -> None:
    assert sh("exec >&- 2>&-; sleep 0.3; exit 3", tmp_path).status == 3


def test_environment_has_no_secrets_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERGEPORT_WEBHOOK_SECRET", "hidden")
    monkeypatch.setenv("GITHUB_TOKEN", "hidden")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test")
    control = Control()
    sh("env", tmp_path, control)
    assert "hidden" not in control.text
    assert "http://proxy.test" in control.text


# --- folders -------------------------------------------------------------------------------------------


def test_folder_of_a_build_is_private_and_gone_afterwards(tmp_path: Path) -> None:
    with Workspaces(tmp_path / "work").new() as folder:
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "file").touch()
    assert list((tmp_path / "work").iterdir()) == []


def test_folder_in_use_is_not_swept(tmp_path: Path) -> None:
    spaces = Workspaces(tmp_path)
    with spaces.new() as first, Workspaces(tmp_path).new():
        assert first.exists()


def test_folder_of_a_dead_process_is_swept_with_its_child(tmp_path: Path) -> None:
    dead = tmp_path / "build-dead"
    dead.mkdir()
    thread = threading.Thread(target=sh, args=("sleep 7203", dead, Control()))
    thread.start()
    wait_until(lambda: bool(running_with("sleep\0007203")) and (dead / "child").exists(), timeout=5)
    with Workspaces(tmp_path).new():
        assert not dead.exists()
    wait_until(lambda: not running_with("sleep\0007203"), timeout=5)
    thread.join(5)


def test_number_of_a_child_that_another_has_now_is_left_alone(tmp_path: Path) -> None:
    dead = tmp_path / "build-dead"
    dead.mkdir()
    (dead / "child").write_text(f"{threading.get_native_id()} 1")
    with Workspaces(tmp_path).new():
        assert not dead.exists(), "and this test still runs"


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "link", "link/deeper", "loop", "missing", "a\0b"])
def test_path_that_is_not_inside_is_refused(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside" / "deeper").mkdir(parents=True)
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to("loop")
    with pytest.raises(PermanentError) as caught:
        resolve_inside(root, path)
    assert caught.value.code == "build-context"


def test_link_that_stays_inside_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert resolve_inside(tmp_path, "link", "..", "real") == tmp_path.resolve() / "real"

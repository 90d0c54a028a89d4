"""`mergeport values` as people and pipelines call it: what is printed, what is written, the exit status."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli.values import values
from service.cli.values_files import read_values_file, replace_values_file
from service.errors import MergeportError

VALUES = b'# shop\nimage:\n  repository: shop  # -- name\n  tag: "v1"\nreplicas: 2\n'
CHANGED = b'# shop\nimage:\n  repository: shop  # -- name\n  tag: "v2"\nreplicas: 3\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "values.yaml"
    path.write_bytes(VALUES)
    return path


def run(*arguments: str | Path, given: bytes = b"") -> Result:
    return CliRunner().invoke(values, [str(argument) for argument in arguments], input=given)


def refusal(result: Result) -> MergeportError:
    assert isinstance(result.exception, MergeportError)
    return result.exception


def test_set_writes_all_values_in_place_and_tells_them(file: Path) -> None:
    result = run("set", file, "image.tag=v2", "replicas:=3")
    assert (result.exit_code, file.read_bytes()) == (0, CHANGED)
    assert result.stdout == f"{file}:4: image.tag v1 -> v2\n{file}:5: replicas 2 -> 3\n"


def test_set_refuses_all_when_one_is_refused_and_leaves_the_file(file: Path) -> None:
    before = file.stat()
    result = run("set", file, "image.tag=v2", "image.tga=v2")
    assert refusal(result).code == "values-missing"
    assert (file.read_bytes(), file.stat().st_ino) == (VALUES, before.st_ino)


def test_set_of_what_is_there_leaves_the_very_file(file: Path) -> None:
    before = file.stat()
    result = run("set", file, "image.tag=v1", "replicas:=2")
    assert (result.exit_code, result.stdout) == (0, f"{file}: nothing to change\n")
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_set_creates_only_when_asked(file: Path) -> None:
    assert refusal(run("set", file, "image.digest=sha256:1")).code == "values-missing"
    result = run("set", "--create", file, "image.digest=sha256:1")
    assert result.stdout == f"{file}:5: image.digest (new) -> sha256:1\n"
    assert b'  tag: "v1"\n  digest: sha256:1\nreplicas' in file.read_bytes()


def test_check_writes_nothing_and_fails_when_a_value_differs(file: Path) -> None:
    result = run("set", file, "image.tag=v2", "--check")
    assert (refusal(result).code, file.read_bytes()) == ("values-differ", VALUES)


def test_check_passes_when_the_values_are_there(file: Path) -> None:
    assert run("set", file, "image.tag=v1", "--check").exit_code == 0


def test_diff_writes_nothing_and_prints_a_patch_that_git_applies(file: Path) -> None:
    result = run("set", file, "image.tag=v2", "replicas:=3", "--diff")
    assert file.read_bytes() == VALUES
    patch = result.stdout.replace(str(file.parent).lstrip("/") + "/", "").encode()
    subprocess.run(["git", "apply", "-"], input=patch, cwd=file.parent, check=True)
    assert file.read_bytes() == CHANGED


def test_diff_tells_of_a_missing_final_newline(file: Path) -> None:
    file.write_bytes(b"a: 1\r\nb: x")
    lines = run("set", file, "b=z", "--diff").stdout_bytes.split(b"\n")
    assert lines[3:] == [
        b" a: 1\r",
        b"-b: x",
        b"\\ No newline at end of file",
        b"+b: z",
        b"\\ No newline at end of file",
        b"",
    ]


def test_stdout_prints_the_new_file_and_writes_nothing(file: Path) -> None:
    result = run("set", file, "image.tag=v2", "replicas:=3", "--stdout")
    assert (result.stdout_bytes, file.read_bytes()) == (CHANGED, VALUES)


def test_standard_input_goes_to_standard_output_byte_for_byte() -> None:
    given = b"\xef\xbb\xbfa: '\xf0\x9f\x9a\x80'\r\nb: x # \xc3\xa9"
    assert run("set", "-", "b=\u00e9", given=given).stdout_bytes == given.replace(b"b: x", "b: \u00e9".encode())


def test_json_tells_changes_and_warnings(file: Path) -> None:
    file.write_bytes(b"a: &x v1\nb: *x\n")
    result = run("set", file, "a=v2", "--json", "--diff")
    told = json.loads(result.stdout)
    assert told["changes"] == [{"path": "a", "line": 1, "before": "v1", "after": "v2"}]
    assert (told["file"], told["changed"], "+a: &x v2" in told["diff"]) == (str(file), True, True)
    assert told["warnings"] == ["a is within the anchor &x: its alias in line 2 follows"]
    assert result.stderr == f"warning: {file}: {told['warnings'][0]}\n"


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640, 0o664])
def test_set_keeps_the_mode(file: Path, mode: int) -> None:
    file.chmod(mode)
    run("set", file, "image.tag=v2")
    assert (stat.S_IMODE(file.stat().st_mode), b"v2" in file.read_bytes()) == (mode, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_set_keeps_the_owner(file: Path) -> None:
    os.chown(file, 65534, 65533)
    run("set", file, "image.tag=v2")
    assert (file.stat().st_uid, file.stat().st_gid, b"v2" in file.read_bytes()) == (65534, 65533, True)


def test_set_leaves_nothing_else_in_the_directory(file: Path) -> None:
    run("set", file, "image.tag=v2")
    run("set", file, "image.nope=v2")
    assert [path.name for path in file.parent.iterdir()] == ["values.yaml"]


def test_set_refuses_a_symbolic_link_and_names_its_target(file: Path) -> None:
    link = file.parent / "link.yaml"
    link.symlink_to(file)
    error = refusal(run("set", link, "image.tag=v2"))
    assert (error.code, error.hint) == ("values-symlink", f"name the file itself: {file}")
    assert (link.is_symlink(), file.read_bytes()) == (True, VALUES)


def test_set_refuses_a_file_that_changed_meanwhile(file: Path) -> None:
    source = read_values_file(str(file))
    file.write_bytes(b"somebody: else\n")
    with pytest.raises(MergeportError) as refused:
        replace_values_file(source, CHANGED)
    assert (refused.value.code, file.read_bytes()) == ("values-file-changed", b"somebody: else\n")
    assert [path.name for path in file.parent.iterdir()] == ["values.yaml"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"a: \xff\n", "values-encoding"),
        ("a: b\n".encode("utf-16"), "values-encoding"),
        (b"a: [\n", "values-unparsable"),
    ],
)
def test_set_refuses_what_cannot_be_read(file: Path, content: bytes, code: str) -> None:
    file.write_bytes(content)
    error = refusal(run("set", file, "a=x"))
    assert (error.code, error.fields["file"], file.read_bytes()) == (code, str(file), content)


def test_a_missing_file_and_a_directory_are_known_errors(tmp_path: Path) -> None:
    assert refusal(run("get", tmp_path / "nope.yaml", "a")).code == "values-file"
    assert "--create-file" not in refusal(run("get", tmp_path / "nope.yaml", "a")).hint
    assert "--create-file" in refusal(run("set", tmp_path / "nope.yaml", "a=x")).hint
    assert refusal(run("set", tmp_path, "a=x")).code == "values-file"


def test_a_named_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refusal(run("set", tmp_path / "pipe", "a=x")).code == "values-file"


@pytest.mark.parametrize("assignment", ["image.tag", "replicas:=many", "replicas:=", "replicas:=null", "x:=[1]"])
def test_a_malformed_assignment_is_wrong_usage(file: Path, assignment: str) -> None:
    assert (run("set", file, assignment).exit_code, file.read_bytes()) == (2, VALUES)


@pytest.mark.parametrize(
    ("assignment", "path", "value"),
    [
        ("a=b=c", "a", "b=c"),
        ("a:=3", "a", 3),
        ("a:b=3", "a:b", "3"),
        ("a=:=3", "a", ":=3"),
        ('"a=b".c=d', '"a=b".c', "d"),
        ('"a:":=true', '"a:"', True),
        ("env[name=TAG].value=x", "env[name=TAG].value", "x"),
        ("env[0]:=1.5", "env[0]", 1.5),
        ("a=", "a", ""),
    ],
)
def test_an_assignment_splits_at_its_first_equals_sign(assignment: str, path: str, value: object) -> None:
    from service.cli.values_assignments import parse_assignment  # noqa: PLC0415 - beside the one test that needs it

    edit = parse_assignment(assignment)
    assert (edit.path, edit.value, type(edit.value)) == (path, value, type(value))


def test_get_prints_values_one_a_line(file: Path) -> None:
    assert run("get", file, "replicas", "image.tag").stdout == "2\nv1\n"


def test_get_reads_through_aliases_and_merge_keys_as_helm_does() -> None:
    given = b"base: &b {tag: v1, on: true, x: ~}\nweb:\n  <<: *b\n  on: false\nc: *b\n"
    result = run("get", "-", "web.tag", "web.on", "c.on", "c.x", "--json", given=given)
    assert json.loads(result.stdout) == {"web.tag": "v1", "web.on": False, "c.on": True, "c.x": None}


def test_numbers_without_an_end_are_text_in_json() -> None:
    given = b"a: .nan\nb: -.INF\nc: 1.5\n"
    assert json.loads(run("get", "-", "a", "b", "c", "--json", given=given).stdout) == {
        "a": ".nan",
        "b": "-.inf",
        "c": 1.5,
    }


def test_an_argument_that_is_not_utf8_is_a_known_error(file: Path) -> None:
    command = [sys.executable, "-c", "from service.cli.main import main; main()", "values", "set", str(file)]
    for argument in (b"image.tag=\xff", b"\xff=x"):
        done = subprocess.run([*map(os.fsencode, command), argument], capture_output=True, check=False)
        assert (done.returncode, b"Traceback" in done.stderr, file.read_bytes()) == (1, False, VALUES)


def test_get_of_a_mapping_is_a_known_error(file: Path) -> None:
    assert refusal(run("get", file, "image")).code == "values-not-scalar"


def test_paths_prints_what_set_takes() -> None:
    given = b"a.b: x\nn: 1\nb: true\ne:\nt: |\n  block\nenv:\n- name: A\n  v: 'x'\nl: [1]\nz: &z q\ny: *z\n"
    result = run("paths", "-", given=given)
    assert result.stdout.splitlines() == [
        '"a.b"=x', "n:=1", "b:=true", "e=", "env[name=A].name=A", "env[name=A].v=x", "l[0]:=1", "z=q",
    ]  # fmt: skip


def test_paths_images_tells_the_paths_of_each_part(file: Path) -> None:
    file.write_bytes(b"web:\n  image:\n    repository: a/web\n    tag: v1\n    digest: ''\nside: {image: 'x/y:1'}\n")
    assert json.loads(run("paths", file, "--images", "--json").stdout) == [
        {
            "at": "web.image",
            "reference": "a/web:v1",
            "paths": {"repository": "web.image.repository", "tag": "web.image.tag", "digest": "web.image.digest"},
        },
        {"at": "side.image", "reference": "x/y:1", "paths": {"whole": "side.image"}},
    ]


def test_the_command_ends_with_one_line_and_a_hint(file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from service.cli.main import main; main()", "values", "set", file, "image.tga=v2"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == f"error: {file}:3:3: There is no key tga in image\nhint: did you mean image.tag?\n"


def test_the_command_loads_nothing_heavy(file: Path) -> None:
    program = (
        "import sys; from service.cli.main import cli; cli(sys.argv[1:], standalone_mode=False);"
        "print(sorted({'rich', 'pydantic', 'sqlalchemy', 'boto3', 'botocore', 'github', 'git', 'dbos', 'flask'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "values", "set", file, "image.tag=v2"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_get_prints_what_helm_reads() -> None:
    given = b"mode: 0644\non: yes\nx: 'yes'\nbig: 0o17\nbase: &b {tag: old}\nimage:\n  tag: v1\n  <<: *b\n"
    assert run("get", "-", "mode", "on", "x", "big", "image.tag", given=given).stdout == "420\ntrue\nyes\n15\nold\n"


def test_get_prints_a_whole_number_as_one() -> None:
    given = b"a: 1e3\nb: 1.0\nc: 12e03\nd: 1.50\ne: 1e21\n"
    assert run("get", "-", "a", "b", "c", "d", "e", given=given).stdout == "1000\n1\n12000\n1.5\n1.0e+21\n"


def test_text_that_looks_like_the_number_it_replaces_is_told(file: Path) -> None:
    result = run("set", file, "replicas=3")
    assert "was the number 2 and becomes the text '3': for a number write replicas:=3" in result.stderr
    assert b'replicas: "3"' in file.read_bytes()


@pytest.mark.parametrize("assignment", ["image.tag=1234", "replicas=many", "replicas:=3"])
def test_other_changes_of_a_value_are_told_without_a_warning(file: Path, assignment: str) -> None:
    assert run("set", file, assignment).stderr == ""


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("0600", "0600 is 384 for Helm, and something else for other readers of YAML; write :=384"),
        ("yes", "yes is true for Helm, and something else for other readers of YAML; write :=true"),
        ("v1", "write a number, true or false"),
        ("~", "write a number, true or false"),
    ],
)
def test_a_typed_value_that_readers_take_differently_is_refused_with_the_reason(
    file: Path, written: str, words: str
) -> None:
    result = run("set", file, f"replicas:={written}")
    assert (result.exit_code, file.read_bytes()) == (2, VALUES)
    assert words in " ".join(result.stderr.split())


def test_a_missing_file_is_made_only_when_asked(tmp_path: Path) -> None:
    new = tmp_path / "a" / "b.yaml"
    assert refusal(run("set", new, "image.tag=v2", "--create")).code == "values-file"
    assert not new.parent.exists()
    result = run("set", new, "image.tag=v2", "--create-file")
    assert (result.exit_code, new.read_text()) == (0, "image:\n  tag: v2\n")
    assert result.stdout == f"{new}:2: image.tag (new) -> v2\n"
    assert run("set", new, "image.tag=v3", "--create-file").exit_code == 0
    assert new.read_text() == "image:\n  tag: v3\n"
    assert [one.name for one in new.parent.iterdir()] == ["b.yaml"]


@pytest.mark.parametrize("option", ["--check", "--diff", "--stdout"])
def test_what_writes_nothing_makes_no_file(tmp_path: Path, option: str) -> None:
    new = tmp_path / "a" / "b.yaml"
    run("set", new, "image.tag=v2", "--create-file", option)
    assert not new.parent.exists()


def test_get_and_paths_take_the_paths_that_set_takes(file: Path) -> None:
    file.write_text("kind: A\nv: |\n  x: 0644\n---\nkind: B\nimages: [r/web:1]\n")
    assert run("get", file, "[kind=A].v.x", "[1].images[image=r/web]").stdout == "420\nr/web:1\n"
    assert (
        run("paths", file).stdout == "[kind=A].kind=A\n[kind=A].v.x:=420\n[kind=B].kind=B\n[kind=B].images[0]=r/web:1\n"
    )
    assert "[kind=A].v.x" in refusal(run("get", file, "v.x")).hint


def test_get_gives_no_hint_to_write(file: Path) -> None:
    assert "--create" not in refusal(run("get", file, "nope")).hint


def test_paths_images_shows_a_tag_as_it_is_written() -> None:
    given = b"image: {repository: r/a, tag: 12e03}\n"
    assert (
        run("paths", "-", "--images", given=given).stdout
        == "image  r/a:12e03\n  image.repository=r/a\n  image.tag=12e03\n"
    )


def test_value_that_a_terminal_would_obey_is_shown_there_and_exact_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text('image: {tag: "1\\e[2J"}\n')
    argv = [sys.executable, "-m", "service.cli.main", "values", "get", str(tmp_path / "values.yaml"), "image.tag"]
    outer, inner = os.openpty()
    subprocess.run(argv, stdout=inner, check=True)
    seen = os.read(outer, 65536)
    os.close(inner)
    os.close(outer)
    piped = subprocess.run(argv, capture_output=True, check=True)
    assert seen.strip() == b"1\\x1b[2J"
    assert piped.stdout == b"1\x1b[2J\n"

"""Renders charts with Helm 3 or 4: offline, in a folder of their own, with bounds on time, memory and output.

Built by bootstrap. A chart is other people's program: it gets no variable of ours, no Helm plug-in or repository, no
network (no dependencies are fetched, no names resolved, and no schema read, because a schema may name addresses and
files), and only the files that it was given, as plain files.
"""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from service.core.foreign_text import cut, line
from service.core.rendered.secret_names import concealed
from service.errors import PermanentError
from service.ports import Chart

SECONDS = 10.0
MEMORY = 512 * 1024 * 1024
"""Bytes that Helm may write to; it needs a fifth for a large chart, and a worker may have 1 GiB in all. Its address
space says little: it reserves most of that without using it."""
OUTPUT = 4 * 1024 * 1024
REMEMBERED = 64
_AT_ONCE = 1
_REASON_LENGTH = 300
_SAID = 20_000


class Helm:
    """Helm at a path; what it rendered is remembered, so that the same chart with the same values is rendered once."""

    def __init__(self, program: str, *, seconds: float = SECONDS, memory: int = MEMORY, output: int = OUTPUT) -> None:
        """Take the program, a path or a name on PATH, and its bounds; nothing is started yet."""
        self._program = program
        self._seconds, self._memory, self._output = seconds, memory, output
        self._remembered: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._turns = threading.Semaphore(_AT_ONCE)

    def render(self, chart: Chart) -> str:
        """Give what the chart renders; PermanentError `chart-not-rendered` says why it renders nothing."""
        key = _key(chart)
        with self._lock:
            if key in self._remembered:
                self._remembered.move_to_end(key)
                return zlib.decompress(self._remembered[key]).decode()
        with self._turns:
            text = self._rendered(chart)
        with self._lock:
            self._remembered[key] = zlib.compress(text.encode(), 1)
            while len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return text

    def _rendered(self, chart: Chart) -> str:
        program = shutil.which(self._program)
        if program is None:
            raise not_rendered(f"there is no Helm here ({self._program})")
        try:
            with tempfile.TemporaryDirectory(prefix="mergeport-chart-") as folder:
                return self._run(Path(program).resolve(), Path(folder), chart)
        except OSError as error:
            raise not_rendered(f"Helm cannot be run here: {error.strerror or 'the system refuses it'}") from None

    def _run(self, program: Path, folder: Path, chart: Chart) -> str:
        values = list(_laid_out(folder, chart))
        argv = [str(program), "template", chart.release, str(folder / "chart"), "--include-crds"]
        argv += ["--skip-schema-validation", *(f"--values={file}" for file in values)]
        argv += [f"--namespace={chart.namespace}"] if chart.namespace else []
        out, said = folder / "out", folder / "said"
        with out.open("wb") as output, said.open("wb") as errors:
            process = subprocess.Popen(
                argv,
                cwd=folder / "home",
                env=_environment(folder / "home"),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
            self._bound(process.pid)
            status = _ended(process, self._seconds)
        if status is None:
            raise not_rendered(f"the chart took longer than {self._seconds:g} s")
        if out.stat().st_size >= self._output:
            raise not_rendered(f"the chart renders more than {self._output // 1024} KiB")
        if status != 0:
            raise not_rendered(_why(said.read_bytes()[:_SAID].decode(errors="replace"), folder))
        return out.read_bytes().decode(errors="replace")

    def _bound(self, pid: int) -> None:
        """Bound a process that was just started; one that has ended already needs no bounds."""
        seconds = int(self._seconds) + 2
        bounds = (
            (resource.RLIMIT_DATA, self._memory),
            (resource.RLIMIT_CPU, seconds * 2),
            (resource.RLIMIT_FSIZE, self._output),
            (resource.RLIMIT_CORE, 0),
        )
        with suppress(ProcessLookupError):
            for kind, most in bounds:
                resource.prlimit(pid, kind, (most, most))


def not_rendered(reason: str) -> PermanentError:
    """Make the error that says why a chart renders nothing."""
    return PermanentError(
        reason, code="chart-not-rendered", hint="run `helm template` with the same chart and values files"
    )


def _laid_out(folder: Path, chart: Chart) -> Iterator[Path]:
    """Write the chart and its values files; give the values files."""
    (folder / "home").mkdir()
    for name, content in chart.files.items():
        parts = name.split("/")
        if any(part in {"", ".", ".."} or "\0" in part for part in parts):
            raise not_rendered("the chart has a file with an impossible name")
        place = folder / "chart" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    for number, content in enumerate(chart.values):
        place = folder / f"values-{number}.yaml"
        place.write_bytes(content)
        yield place


def _environment(home: Path) -> dict[str, str]:
    """Give an environment without anything of ours; Helm's own folders are empty ones."""
    folders = ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_PLUGINS", "TMPDIR", "HOME")
    return {**{name: str(home) for name in folders}, "KUBECONFIG": os.devnull, "LC_ALL": "C", "GOMEMLIMIT": "256MiB"}


def _ended(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """Wait for the end and give the status; None if the time is over. The whole group is gone then."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _why(said: str, folder: Path) -> str:
    """Give the line that tells why Helm failed, without our paths and without what may be secret."""
    if "unknown flag" in said:
        return "this Helm is too old: 3.16 or newer is needed"
    lines = [one for one in said.splitlines() if one.strip() and not one.startswith(("WARNING", "level=", "I0", "W0"))]
    if any(one.startswith(("fatal error:", "runtime:", "panic:")) for one in lines):
        return "the chart needs too much memory"
    first = next((one for one in lines if one.startswith("Error")), lines[0] if lines else "Helm failed without a word")
    words = first.removeprefix("Error: ").replace(f"{folder}/", "").replace(str(folder), "the chart")
    return cut(line(concealed(words)), _REASON_LENGTH).rstrip(".")


def _key(chart: Chart) -> str:
    """Identify a chart with its values: its files decide, not the commit that they are read from."""
    digest = hashlib.sha256()
    parts = [f"{chart.release}\n{chart.namespace}\n{chart.turn}".encode()]
    parts += [part for name in sorted(chart.files) for part in (os.fsencode(name), chart.files[name])]
    for part in (*parts, b"values", *chart.values):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()

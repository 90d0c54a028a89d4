"""Docker and buildah as one thing: which of them really works here, and how each is called.

The `docker` builder uses this. A tool is taken only when it has just built an image and read it back: a
binary on PATH proves nothing. No secret is ever an argument; credentials are in a private file.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from service.adapters.child_process import environment
from service.errors import PermanentError

if TYPE_CHECKING:
    from service.ports import PushTarget

Wanted = Literal["auto", "docker", "buildah", "none"]

_PROBE_SECONDS = 60
_PROBE_FILE = "FROM scratch\nCOPY probe /probe\nLABEL mergeport.probe=works\n"
_PROBED = re.compile(r'"mergeport\.probe":\s*"works"')


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to build: paths that were resolved inside the checkout, and the options."""

    context: Path
    dockerfile: Path
    tag: str
    labels: Mapping[str, str] = field(default_factory=dict)
    args: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    platform: str | None = None
    network: str | None = None
    fresh: bool = False
    """Nothing that earlier builds left is used, and base images are fetched again."""
    secrets: Mapping[str, Path] = field(default_factory=dict)
    """Files that `RUN --mount=type=secret` sees under these names."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that builds here; every call of it begins with `prefix`."""

    name: Literal["docker", "buildah"]
    prefix: tuple[str, ...]
    extra: Mapping[str, str] = field(default_factory=dict)
    storage: Path | None = None

    def build(self, recipe: Recipe) -> list[str]:
        """Give the argv that builds and tags the image."""
        match self.name:
            case "docker":
                argv = [
                    *self.prefix,
                    "build",
                    *(["--progress=plain"] if self.extra.get("DOCKER_BUILDKIT") == "1" else []),
                ]
            case "buildah":
                argv = [*self.prefix, "build", "--layers"]
        argv += ["--pull", "--no-cache"] if recipe.fresh else []
        argv += [f"--file={recipe.dockerfile}", f"--tag={recipe.tag}"]
        argv += [f"--label={name}={value}" for name, value in recipe.labels.items()]
        argv += [f"--build-arg={name}={value}" for name, value in recipe.args.items()]
        argv += [f"--secret=id={name},src={file}" for name, file in recipe.secrets.items()]
        given = {"target": recipe.target, "platform": recipe.platform, "network": recipe.network}
        argv += [f"--{name}={value}" for name, value in given.items() if value is not None]
        return [*argv, "--", str(recipe.context)]

    def push(self, target: PushTarget) -> list[str]:
        """Give the argv that pushes the tagged image to the target."""
        if self.name == "docker":
            return [*self.prefix, "push", "--", target.reference]
        verify = "false" if target.insecure else "true"
        return [*self.prefix, "push", f"--tls-verify={verify}", "--", target.reference, f"docker://{target.reference}"]

    def logged_in(self, folder: Path, target: PushTarget, own: Path | None) -> dict[str, str]:
        """Write the target's credentials beside the machine's `own` Docker configuration; give the environment.

        The file is in a folder that goes away with the build. It is also where base images' credentials are read.
        """
        document = _docker_config(own)
        helpers = document.get("credHelpers", {})
        helpers.pop(target.host, None)
        if self.name == "docker" and "credsStore" in document:
            document["credHelpers"] = {**helpers, target.host: ""}  # so that Docker reads the file for this host
        if target.credentials is not None:
            pair = f"{target.credentials.username}:{target.credentials.secret}".encode()
            document.setdefault("auths", {})[target.host] = {"auth": b64encode(pair).decode()}
        folder.mkdir(mode=0o700)
        temporary = folder / "tmp"
        temporary.mkdir()
        file = folder / "config.json"
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            json.dump(document, opened)
        for part in ("cli-plugins", "contexts"):
            if own is not None and (own.parent / part).is_dir():
                (folder / part).symlink_to(own.parent.resolve() / part)
        return {**self.extra, "DOCKER_CONFIG": str(folder), "REGISTRY_AUTH_FILE": str(file), "TMPDIR": str(temporary)}

    def answers(self) -> bool:
        """Tell whether the daemon behind the tool is there; buildah has none."""
        return self.name == "buildah" or _call([*self.prefix, "version"], self.extra).returncode == 0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Share the tool's own storage with other builds; remove what killed ones left, before and after."""
        if self.storage is None:
            yield
            return
        lock = os.open(self.storage, os.O_RDONLY)
        try:
            self._tidy(lock)
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield
        except BaseException:
            self._tidy(lock)
            raise
        finally:
            os.close(lock)

    def _tidy(self, lock: int) -> None:
        """Remove working containers and their mounts, unless another build is under way."""
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _call([*self.prefix, "rm", "--all"], self.extra)


@dataclass(frozen=True, slots=True)
class Probe:
    """The result: a tool that works, or None and the reason."""

    tool: Tool | None
    reason: str


def check_platforms(wanted: Sequence[str]) -> None:
    """Raise PermanentError `build-platforms` where an image needs several: a tool here builds and pushes one."""
    if len(wanted) > 1:
        raise PermanentError(
            f"The image must have {', '.join(wanted)}, and `docker` builds one platform on this machine.",
            code="build-platforms",
            hint="use `build: {kind: github-actions}` or `codebuild` for several, or name one in `platforms`",
        )


def probe(wanted: Wanted, folder: Path) -> Probe:
    """Find the first tool that builds an image here and reads it back.

    `folder` is the builder's own; buildah's storage lives in it. A Docker client that does BuildKit is
    preferred to one that is only first on PATH.
    """
    if wanted == "none":
        return Probe(None, "the settings say that there is no builder")
    reasons: list[str] = []
    if wanted in {"auto", "docker"}:
        for tool in _dockers(reasons):
            failure = _try(tool)
            if failure is None:
                return Probe(tool, f"{tool.prefix[0]} built and read an image")
            reasons.append(f"{tool.prefix[0]}: {failure}")
    if wanted in {"auto", "buildah"}:
        for tool in _buildahs(reasons, folder):
            failure = _try(tool)
            if failure is None:
                return Probe(tool, f"{tool.prefix[0]} built and read an image")
            reasons.append(f"{tool.prefix[0]}: {failure}")
    return Probe(None, "; ".join(dict.fromkeys(reasons)))


def _dockers(reasons: list[str]) -> Iterator[Tool]:
    """Give the Docker clients whose daemon answers: first each with BuildKit, then each with the old builder."""
    answering = []
    for path in _on_path("docker"):
        told = _call([path, "version"], {})
        if told.returncode == 0:
            answering.append(path)
        else:
            reasons.append(f"{path}: {_last_words(told)}")
    if not answering and not reasons:
        reasons.append("docker: not on PATH")
    for buildkit in ("1", "0"):
        for path in answering:
            yield Tool("docker", (path,), {"DOCKER_BUILDKIT": buildkit})


def _buildahs(reasons: list[str], folder: Path) -> Iterator[Tool]:
    """Give buildah on a storage of our own: first with the machine's driver, then with one that works everywhere."""
    paths = _on_path("buildah")
    if not paths:
        reasons.append("buildah: not on PATH")
    extra = {"BUILDAH_ISOLATION": os.environ.get("BUILDAH_ISOLATION", "chroot")}
    for path in paths:
        for name, driver in (("buildah", ()), ("buildah-vfs", ("--storage-driver=vfs",))):
            storage = folder / name
            storage.mkdir(parents=True, exist_ok=True)
            yield Tool("buildah", (path, f"--root={storage}/root", f"--runroot={storage}/run", *driver), extra, storage)


def _try(tool: Tool) -> str | None:
    """Build an image and read it back; give why that failed."""
    with tempfile.TemporaryDirectory(prefix="mergeport-probe-") as name, tool.at_work():
        folder = Path(name)
        (folder / "probe").write_text(name)
        (folder / "Dockerfile").write_text(_PROBE_FILE)
        tag = f"localhost/{folder.name.lower().replace('_', '-')}:1"
        argv = tool.build(Recipe(folder, folder / "Dockerfile", tag))
        told = _call(argv, tool.extra)
        if told.returncode == 0:
            told = _call([*tool.prefix, "inspect", "--type=image", tag], tool.extra)
            _call([*tool.prefix, "rmi", tag], tool.extra)
            if _PROBED.search(told.stdout):
                return None
    return _last_words(told) or "the image that it built could not be read back"


def _on_path(name: str) -> list[str]:
    """Give every program of that name on PATH, the same file once."""
    found: dict[str, str] = {}
    for folder in os.get_exec_path():
        path = Path(folder) / name
        if path.is_file() and os.access(path, os.X_OK):
            found.setdefault(os.path.realpath(path), str(path))
    return list(found.values())


def _call(argv: Sequence[str], extra: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            argv,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PROBE_SECONDS,
            env=environment(extra),
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(argv, 124, "", f"nothing within {_PROBE_SECONDS} s")
    except OSError as error:
        return subprocess.CompletedProcess(argv, 126, "", str(error))


def _last_words(told: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in told.stderr.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def _docker_config(own: Path | None) -> dict[str, Any]:
    """Read the machine's own Docker configuration; one that cannot be read counts as empty."""
    if own is None:
        return {}
    try:
        document = json.loads(own.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}

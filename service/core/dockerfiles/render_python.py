"""Writes the Dockerfile of a Python project: packages in one stage, the image without pip's leftovers in another.

Called by `render`. Every text of the project that comes in was checked, or is quoted here.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

from service.core.dockerfiles.project import Dependencies, PythonModel, PythonWeb, Server, Source
from service.core.dockerfiles.wishes import Wishes

VERSIONS = {
    "gunicorn": "27.0.1",
    "uvicorn": "0.54.0",
    "uv": "0.13.9",
    "poetry": "2.5.1",
    "poetry-plugin-export": "1.10.1",
}
"""What is installed where the project does not say, and the tools that read its lock."""
PYTHON = "3.12"
USER = "10001"
_PIP, _TOOLS = "/opt/venv/bin/pip", "/opt/tools/bin"
_EXPORTED = "/opt/exported.txt"


def render_web(project: PythonWeb, wishes: Wishes) -> Iterator[str]:
    """Give the lines of a web application's Dockerfile."""
    yield from _base(wishes.base or f"python:{project.python or PYTHON}-slim-bookworm", wishes)
    yield from _build_stage(project.dependencies, wishes, "/app")
    if project.server.value not in project.dependencies.names:
        yield f"# The dependencies do not name {project.server}: put it there to choose its version."
        yield f"RUN {_mount(wishes)}/opt/venv/bin/python -c 'import {project.server}' \\"
        yield f" || {_PIP} install --no-cache-dir {project.server}=={VERSIONS[project.server]}"
    yield from _image("/app")
    yield "COPY . ."
    yield from _end(wishes, wishes.health or project.health, _serve_web(project, wishes.port))


def render_model(project: PythonModel, wishes: Wishes) -> Iterator[str]:
    """Give the lines of a model's Dockerfile."""
    yield from _base(wishes.base or f"python:{project.python or PYTHON}-slim-bookworm", wishes)
    extra = () if project.version is None else (f"mlflow{project.version}",)
    yield from _build_stage(project.dependencies, wishes, "/build", python=project.python, extra=extra)
    yield from _image("/model")
    yield f"COPY {json.dumps([project.folder or '.', '/model'])}"
    yield from _end(wishes, wishes.health or project.health, _serve_model(project, wishes.port))


def _base(base: str, wishes: Wishes) -> Iterator[str]:
    yield f"FROM {base} AS base"
    yield from as_root(wishes)
    yield from apt(wishes.packages)


def as_root(wishes: Wishes) -> Iterator[str]:
    """Give the lines that a base image of another user needs; the templates' own have none."""
    if wishes.base:
        yield "# hadolint ignore=DL3002 # the image's own user comes last"
        yield "USER 0"


def apt(packages: tuple[str, ...]) -> Iterator[str]:
    """Give the lines that install packages of Debian or Ubuntu."""
    if not packages:
        return
    yield "# hadolint ignore=DL3008 # Debian removes a version from its archive when it fixes it"
    yield "RUN apt-get update \\"
    yield f" && apt-get install --yes --no-install-recommends {' '.join(packages)} \\"
    yield " && rm -rf /var/lib/apt/lists/*"


def _build_stage(
    dependencies: Dependencies, wishes: Wishes, folder: str, *, python: str = "", extra: tuple[str, ...] = ()
) -> Iterator[str]:
    """Install the packages; in the application's own folder, so that what is installed editable stays in place."""
    yield ""
    yield "FROM base AS build"
    yield f"WORKDIR {folder}"
    if wishes.index:
        yield "# Of this stage alone: the image does not have it."
        yield f"ARG PIP_INDEX_URL={wishes.index}"
    if python:
        said = f"import sys; sys.exit(sys.version_info[:2] != ({python.replace('.', ', ')}))"
        yield f"# The model was saved by Python {python}: another may not read it."
        yield f"RUN python3 -c '{said}' \\"
        yield " && python3 -m venv /opt/venv"
    else:
        yield "RUN python3 -m venv /opt/venv"
    if not dependencies.locked:
        yield f"# {dependencies.file} is not locked: the same commit may get other packages tomorrow."
    yield "COPY . ." if dependencies.local else _copy(dependencies.files)
    yield from _install(dependencies, _mount(wishes), extra)


def _copy(files: tuple[str, ...]) -> str:
    """Copy files to their places below the working directory, folders included."""
    folders = sorted({path.rpartition("/")[0] for path in files})
    lines = []
    for folder in folders:
        inside = [path for path in files if path.rpartition("/")[0] == folder]
        lines.append(f"COPY {json.dumps([*inside, f'./{folder}/' if folder else './'])}")
    return "\n".join(lines)


def _install(dependencies: Dependencies, mount: str, extra: tuple[str, ...]) -> Iterator[str]:
    install = f"RUN {mount}{_PIP} install --no-cache-dir"
    match dependencies.source:
        case Source.REQUIREMENTS:
            hashes = " --require-hashes" if dependencies.hashed else ""
            named = "".join(f" {shlex.quote(one)}" for one in extra)
            yield f"{install}{hashes} --requirement {shlex.quote(dependencies.file)}{named}"
        case Source.UV:
            export = "uv export --frozen --no-dev --no-emit-project --no-header"
            yield from _exported(("uv",), f"{export} --output-file {_EXPORTED}", mount)
            yield f"{install} --require-hashes --requirement {_EXPORTED}"
        case Source.POETRY:
            export = "poetry export --only main --without-urls --format requirements.txt"
            yield from _exported(("poetry", "poetry-plugin-export"), f"{export} --output {_EXPORTED}", mount)
            yield f"{install} --require-hashes --requirement {_EXPORTED}"
        case Source.PYPROJECT:
            if dependencies.listed:
                yield f"{install} {' '.join(map(shlex.quote, dependencies.listed))}"


def _exported(tools: tuple[str, ...], export: str, mount: str) -> Iterator[str]:
    """Have the lock's own tool write it as requirements with hashes; the tool stays in this stage."""
    pinned = " ".join(f"{name}=={VERSIONS[name]}" for name in tools)
    yield f"RUN {mount}python3 -m venv /opt/tools \\"
    yield f" && {_TOOLS}/pip install --no-cache-dir {pinned} \\"
    yield f" && {_TOOLS}/{export}"


def _mount(wishes: Wishes) -> str:
    """Give the mount of the mirror's credentials, which stay in no layer."""
    return "--mount=type=secret,id=netrc,target=/root/.netrc,required=true " if wishes.credentials else ""


def _image(folder: str) -> Iterator[str]:
    yield ""
    yield "FROM base"
    yield from add_user()
    yield "COPY --from=build /opt/venv /opt/venv"
    yield f"WORKDIR {folder}"
    yield "ENV PATH=/opt/venv/bin:$PATH \\"
    yield "    PYTHONUNBUFFERED=1 \\"
    yield "    PYTHONDONTWRITEBYTECODE=1"


def add_user() -> Iterator[str]:
    """Give the lines that make the user."""
    yield f"RUN groupadd --gid {USER} app \\"
    yield f" && useradd --uid {USER} --gid {USER} --create-home --shell /usr/sbin/nologin app"


def _end(wishes: Wishes, health: str, command: list[str]) -> Iterator[str]:
    address = f"127.0.0.1:{wishes.port}"
    ask = f"from urllib.request import urlopen; urlopen('http://{address}{health}', timeout=4)"
    knock = f"import socket; socket.create_connection(('127.0.0.1', {wishes.port}), 4).close()"
    yield f"USER {USER}:{USER}"
    yield f"EXPOSE {wishes.port}"
    yield from ending(["python3", "-c", ask if health else knock], command, health=health)


def ending(check: list[str], command: list[str], *, health: str) -> Iterator[str]:
    """Give the image's check of its health, and its command."""
    if not health:
        yield "# No route for health is known, so only the port is tried: add GET /healthz."
    yield "HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \\"
    yield f"  CMD {json.dumps(check)}"
    yield f"CMD {json.dumps(command)}"


def _serve_web(project: PythonWeb, port: int) -> list[str]:
    match project.server:
        case Server.GUNICORN:
            call = "()" if project.factory else ""
            return ["gunicorn", f"--bind=0.0.0.0:{port}", "--worker-tmp-dir=/dev/shm", f"{project.entry}{call}"]
        case Server.UVICORN:
            factory = ["--factory"] if project.factory else []
            return ["uvicorn", "--host=0.0.0.0", f"--port={port}", *factory, project.entry]


def _serve_model(project: PythonModel, port: int) -> list[str]:
    mlserver = ["--enable-mlserver"] if project.mlserver else []
    where = ["--model-uri=/model", "--env-manager=local", "--host=0.0.0.0", f"--port={port}"]
    return ["mlflow", "models", "serve", *where, *mlserver]

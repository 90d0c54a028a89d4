"""Writes the Dockerfile of an API in R. Called by `render`."""

from __future__ import annotations

from collections.abc import Iterator

from service.core.dockerfiles.project import RModel
from service.core.dockerfiles.render_python import USER, add_user, apt, as_root, ending
from service.core.dockerfiles.wishes import Wishes

R = "4.4.2"
_LIBRARY = "/opt/library"
_TO_BUILD = ("libcurl4-openssl-dev", "libsodium-dev", "libssl-dev", "zlib1g-dev")
_TO_RUN = ("libsodium23",)


def render_r(project: RModel, wishes: Wishes) -> Iterator[str]:
    """Give the lines of the Dockerfile."""
    yield f"FROM {wishes.base or f'rocker/r-ver:{project.r or R}'} AS base"
    yield from as_root(wishes)
    yield f"ENV R_LIBS={_LIBRARY}"
    yield from apt((*_TO_RUN, *wishes.packages))
    yield ""
    yield "FROM base AS build"
    yield from apt(_TO_BUILD)
    yield "WORKDIR /build"
    if wishes.index:
        yield "# Of this stage alone: the image does not have it."
        yield f"ARG CRAN={wishes.index}"
    yield from _install(project, mirror=bool(wishes.index))
    yield ""
    yield "FROM base"
    yield from add_user()
    yield f"COPY --from=build {_LIBRARY} {_LIBRARY}"
    yield "WORKDIR /app"
    yield "ENV RENV_CONFIG_AUTOLOADER_ENABLED=FALSE"
    yield "COPY . ."
    yield f"USER {USER}:{USER}"
    yield f"EXPOSE {wishes.port}"
    yield from _end(wishes, wishes.health or project.health)


def _install(project: RModel, *, mirror: bool) -> Iterator[str]:
    """Install into a library of its own, with real files: renv's cache would leave links into this stage."""
    repositories = ', repos = Sys.getenv("CRAN")' if mirror else ""
    if not project.locked:
        names = ", ".join(f'"{name}"' for name in project.packages)
        yield "# There is no renv.lock: the same commit may get other packages tomorrow."
        yield f"RUN mkdir {_LIBRARY} \\"
        yield f" && Rscript -e 'options(warn = 2); install.packages(c({names}), lib = \"{_LIBRARY}\"{repositories})'"
        return
    yield "COPY renv.lock ./"
    yield "ENV RENV_CONFIG_CACHE_ENABLED=FALSE"
    yield f"RUN mkdir {_LIBRARY} \\"
    yield f" && Rscript -e 'options(warn = 2); install.packages(\"renv\"{repositories})' \\"
    over = ' && RENV_CONFIG_REPOS_OVERRIDE="$CRAN" Rscript' if mirror else " && Rscript"
    yield f'{over} -e \'renv::restore(lockfile = "renv.lock", library = "{_LIBRARY}", prompt = FALSE)\''


def _end(wishes: Wishes, health: str) -> Iterator[str]:
    ask = f"invisible(readLines(url('http://127.0.0.1:{wishes.port}{health}'), warn = FALSE))"
    knock = f"close(socketConnection('127.0.0.1', {wishes.port}, blocking = TRUE, timeout = 4))"
    serve = f"plumber::pr_run(plumber::pr('plumber.R'), host = '0.0.0.0', port = {wishes.port})"
    yield from ending(["Rscript", "-e", ask if health else knock], ["Rscript", "-e", serve], health=health)

"""`python -m devstack.demo`: the command behind `make demo`. Exit status 0, 1 with a reason, or 128 + the signal.

With `MODELS=1` it is a model of a real MLflow that is deployed; `MODELS=URL` uses one that runs. `KEEP=1` in the
environment leaves everything running until Ctrl-C or SIGTERM. Whatever happens, all that was started is ended.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from devstack.demo.ending import Ending, Stopped
from devstack.demo.errors import DemoError
from devstack.demo.models import ModelStory, also
from devstack.demo.screen import Screen
from devstack.demo.story import SHORT, Result, Story
from devstack.demo.world import MANIFESTS, NOTHING_ELSE, ROOT, SOURCE, Room, World, find_builder
from devstack.mlflow_server import MLflowClient, MLflowMissingError, RealMLflow

BUILDERS = ("auto", "docker", "buildah", "layer")
COMMENT = """\
  . {settings}
  curl --silent --data '{{"body": "/mergeport status"}}' \\
  --header "Authorization: Bearer $DEMO_RELEASE_MANAGER_TOKEN" \\
  "$MERGEPORT_GITHUB_API_URL/repos/{manifests}/issues/{number}/comments"
"""
NO_BUILDER = (
    "neither docker nor buildah builds here, so the context is packed as one layer on an empty base;",
    "that is not a Dockerfile build",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; give its exit status."""
    parser = argparse.ArgumentParser(prog="python -m devstack.demo", description="A merge becomes a deployment.")
    parser.add_argument("--directory", type=Path, default=ROOT / ".demo", help="the state, renewed (default: .demo)")
    parser.add_argument("--builder", default="auto", choices=BUILDERS, help="what builds (default: what works here)")
    parser.add_argument("--save-svg", type=Path, metavar="FILE", help="draw an excerpt of the output as a picture")
    options = parser.parse_args(arguments)
    screen, ending = Screen(options.save_svg), Ending()
    ending.listen()
    made: list[World] = []
    with ExitStack() as started:
        try:
            return _run(options, screen, ending, started, made)
        except Stopped as stopped:
            screen.say(f"\n{stopped}; ending what was started …")
            return 128 + stopped.number
        except DemoError as error:
            _tell_failure(screen, str(error), made)
        except Exception:  # noqa: BLE001 - told in full, and the status is 1
            _tell_failure(screen, traceback.format_exc(), made)
        finally:
            ending.ignore()
    return 1


def _run(options: argparse.Namespace, screen: Screen, ending: Ending, started: ExitStack, made: list[World]) -> int:
    began = time.monotonic()
    with screen.recorded():
        screen.title(
            "Mergeport: a merge becomes a deployment",
            "On this machine alone: a GitHub, an ECR and an Argo CD of the devstack, real git, real images.",
        )
    room = Room(options.directory)
    started.callback(room.leave)
    with screen.waiting("looking for what builds images here"):
        builder, reason = (
            ("layer", "layer, as asked") if options.builder == "layer" else find_builder(room, options.builder)
        )
    mlflow = _mlflow(screen, ending, started, room)
    with screen.waiting("starting git, GitHub, ECR and Argo CD"):
        more = also(mlflow) if mlflow is not None else NOTHING_ELSE
        world = World(room, ending, started, builder=builder, also=more)
    made.append(world)
    with screen.waiting("starting mergeport serve"):
        world.start()
        story = Story(world, screen)
    _tell_world(screen, world, reason)
    if mlflow is not None:
        screen.fact("MLflow", mlflow.url)
        ModelStory(world, screen, mlflow).play()
        screen.say(f"\n  All of it took {time.monotonic() - began:.0f} s.")
        return 0
    results = story.play()
    with screen.recorded():
        _tell_results(screen, results, time.monotonic() - began)
    story.check_pages(results)
    picture = screen.save_picture("make demo")
    if picture is not None:
        screen.fact("picture", str(picture))
    if os.environ.get("KEEP", "") not in {"", "0", "no"}:
        _keep(screen, world, results)
    else:
        screen.say("\n  To look around in it: make demo KEEP=1")
    return 0


def _mlflow(screen: Screen, ending: Ending, started: ExitStack, room: Room) -> MLflowClient | None:
    """Start a real MLflow where `MODELS` is set, or take the one at that address; None else."""
    wanted = os.environ.get("MODELS", "")
    if wanted in {"", "0", "no"}:
        return None
    if wanted.startswith("http"):
        return MLflowClient(wanted)
    try:
        with screen.waiting("starting MLflow, which takes a while"), ending.held():
            running = RealMLflow(room.directory / "mlflow")
            started.callback(running.stop)
    except MLflowMissingError as error:
        raise DemoError(str(error)) from error
    return running


def _tell_world(screen: Screen, world: World, reason: str) -> None:
    screen.fact("Mergeport", f"{world.product.url}   its log: {_short(world.product.log)}")
    screen.fact("git, GitHub", world.stack.github.url)
    screen.fact("ECR", world.stack.ecr.endpoint)
    screen.fact("Argo CD", world.stack.argocd.url)
    screen.fact("builder", reason)
    if world.builder == "layer":
        screen.fact("", *NO_BUILDER, style="yellow")


def _tell_results(screen: Screen, results: Sequence[Result], seconds: float) -> None:
    screen.heading("in short")
    screen.table(
        ["environment", "run", "merge → live", "image", "manifest commit"],
        [
            [
                one.run.environment,
                one.run.state,
                f"{one.seconds:.1f} s",
                f"{one.image.repository}:{one.image.tag}@{one.image.digest[:19]}…",
                one.difference.commit[:SHORT],
            ]
            for one in results
        ],
    )
    screen.say(f"\n  All of it took {seconds:.0f} s.")


def _keep(screen: Screen, world: World, results: Sequence[Result]) -> None:
    """Tell where to look, and stay until a signal comes."""
    screen.heading("still running")
    screen.fact("runs", f"{world.product.url}/")
    for one in results:
        screen.fact(f"run to {one.run.environment}", f"{world.product.url}/runs/{one.run.id}")
    github = world.stack.github.url
    screen.fact("source", f"{github}/{SOURCE}")
    screen.fact("manifests", f"{github}/{MANIFESTS}")
    for one in results:
        if one.run.pull_request is not None:
            screen.fact("pull request", f"{github}/{MANIFESTS}/pull/{one.run.pull_request}")
    screen.fact("Argo CD", f"{world.stack.argocd.url}/applications")
    screen.fact("history", f"git --git-dir={_short(world.manifests.path)} log -p")
    settings = _short(world.write_environment())
    screen.fact("command", f". {settings} && .venv/bin/mergeport runs list")
    numbers = [one.run.pull_request for one in results if one.run.pull_request is not None]
    if numbers:
        screen.fact("comment", "as the release manager on that pull request, which is answered there:")
        screen.say(COMMENT.format(settings=settings, manifests=MANIFESTS, number=numbers[-1]))
    screen.fact("end it", f"Ctrl-C here, or kill {os.getpid()}")
    try:
        while True:
            threading.Event().wait(1.0)
            world.product.check_alive()
    except Stopped:
        screen.say("\n  Ending …")


def _tell_failure(screen: Screen, reason: str, world: Sequence[World]) -> None:
    screen.say(f"\nThe demo {'failed' if world else 'did not start'}: {reason}")
    for one in world:
        screen.say(f"The end of {_short(one.product.log)}:")
        screen.text(one.product.tail())


def _short(path: Path) -> str:
    """Give a path relative to the current directory, if it is below it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


if __name__ == "__main__":
    sys.exit(main())

"""The demo of models: a version of a real MLflow goes live by an alias, a better one follows, and it is rolled back.

Called by the command with `MODELS=1`, in the place of the story of merges.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from devstack.demo.errors import DemoError
from devstack.demo.screen import Screen
from devstack.demo.world import Also, World
from devstack.mlflow_server import MLflowClient

T = TypeVar("T")

APPLICATION, MODEL, ALIAS = "scorer", "fraud-scorer", "challenger"
SECRET = "devstack-mlflow-secret"
FILE = f"apps/{APPLICATION}/values-dev.yaml"
VALUES = "model:\n  uri: none  # written by Mergeport\n  version: '0'\n"
SECONDS, PAUSE = 150.0, 0.5


def also(mlflow: MLflowClient) -> Also:
    """Give what the world needs beside the template: the registry, and an application that is a model."""
    configuration = f"""
  {APPLICATION}:
    models: {{scorer: {{registry: mlflow, name: {MODEL}}}}}
    values:
      - file: "apps/{{application}}/values-{{environment}}.yaml"
        set: {{model.uri: "{{scorer.uri}}", model.version: "{{scorer.version}}"}}
    environments: {{dev: {{alias: {ALIAS}}}, stage: false, prod: false}}

model_registries:
  mlflow: {{url: "{mlflow.url}"}}
"""
    return Also(configuration, {FILE: VALUES}, {"MERGEPORT_MLFLOW_WEBHOOK_SECRET": SECRET})


class ModelStory:
    """Plays the acts and prints them on a screen."""

    def __init__(self, world: World, screen: Screen, mlflow: MLflowClient) -> None:
        """Take the world, where to print, and the registry; it tells Mergeport of what moves from now on."""
        self._world, self._screen, self._mlflow = world, screen, mlflow
        mlflow.add_webhook(world.product.hooks_url.replace("/github", "/mlflow"), SECRET)

    def play(self) -> None:
        """Play all acts; DemoError if something is not as claimed."""
        self._screen.heading("1  a version is registered, and an alias is set to it")
        first = self._ship({"auc": 0.91})
        self._screen.heading("2  a better version is registered, and the alias moves")
        second = self._ship({"auc": 0.93})
        self._screen.heading("3  the better version is worse in practice: mergeport rollback")
        self._world.product.roll_back(APPLICATION, "dev", "it refuses every second card")
        self._until(lambda: self._stands(first), f"version {first} in the values file again")
        self._until(lambda: self._is_live(first), f"version {first} to be live again")
        self._show()
        told = next(one for one in self._world.product.status(APPLICATION) if one["environment"] == "dev")
        if told["alias"] != f"{ALIAS} is {second}" or not told["closed"]:
            raise DemoError(f"after the rollback the status says {told}")
        heard = {one.event for one in self._world.product.deliveries().values() if one.state == "processed"}
        if "model_version_alias.created" not in heard:
            raise DemoError("no webhook of MLflow was believed")
        self._screen.fact("status", f"version {first} is live and held, and {told['alias']}")
        self._until(lambda: "not live" in self._tag(second), f"version {second} to be told that it is not live")
        self._screen.fact(f"tag of {second}", self._tag(second))

    def _ship(self, metrics: dict[str, float]) -> int:
        version = self._mlflow.register(MODEL, metrics=metrics, params={"depth": "5"})
        self._mlflow.set_alias(MODEL, ALIAS, version)
        self._screen.fact("alias", f"{ALIAS} of {MODEL} is version {version}, auc {metrics['auc']}")
        began = time.monotonic()
        self._until(lambda: self._is_live(version), f"version {version} to be live")
        self._screen.fact("alias → live", f"{time.monotonic() - began:.1f} s")
        self._show()
        self._until(lambda: self._tag(version).startswith("live at "), f"version {version} to be told that it is live")
        self._screen.fact(f"tag of {version}", self._tag(version))
        return version

    def _show(self) -> None:
        text = self._world.manifests.git("show", "--format=%s", "main")
        self._screen.difference("\n".join(line for line in text.splitlines() if not line.startswith("index ")))

    def _is_live(self, version: int) -> bool:
        told = [one for one in self._world.product.status(APPLICATION) if one["environment"] == "dev"]
        healthy = any(one["commit"] == f"v{version}" and one["health"] == "Healthy" for one in told)
        return healthy and self._stands(version)

    def _stands(self, version: int) -> bool:
        return f"version: '{version}'" in self._world.manifests.text("main", FILE)

    def _tag(self, version: int) -> str:
        return self._mlflow.tags(MODEL, version).get("mergeport.dev", "")

    def _until(self, look: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + SECONDS
        with self._screen.waiting(f"waiting for {what}"):
            while not look():
                self._world.product.check_alive()
                if time.monotonic() > until:
                    raise DemoError(f"{what} did not come within {SECONDS:.0f} s")
                time.sleep(PAUSE)

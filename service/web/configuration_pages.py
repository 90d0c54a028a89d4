"""The pages of the configuration: what was read at which commit, and every fault with a link to its line.

Added to the private listener beside the other pages. Every page's navigation says how many faults keep the newest
configuration from being in force; and every page says where the state is in doubt, and which of its
names are not right. It reads only the store.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import Flask, render_template
from werkzeug.exceptions import NotFound

from service.core.words import Sha
from service.errors import MergeportError
from service.pipeline.manifest.state.remembered import told_astray
from service.store import Store, configurations, manifest_states
from service.web.pages import Places

_FILE = "mergeport.yaml"


def add_configuration_pages(app: Flask, store: Store, now: Callable[[], datetime], places: Places) -> None:
    """Give the application the list of configurations and the page of each."""

    @app.context_processor
    def faults_of_newest() -> dict[str, int]:
        try:
            with store.read() as tx:
                newest = configurations.last(tx)
        except MergeportError:  # the error page needs its navigation too
            return {"configuration_faults": 0}
        if newest is None or newest.good:
            return {"configuration_faults": 0}
        return {"configuration_faults": max(1, len(newest.faults))}

    @app.context_processor
    def states_in_doubt() -> dict[str, list[str]]:
        try:
            with store.read() as tx:
                doubted = [known.words for known in manifest_states.troubled(tx)]
                return {"states_in_doubt": doubted, "entries_astray": told_astray(tx)}
        except MergeportError:
            return {"states_in_doubt": [], "entries_astray": []}

    @app.get("/configurations")
    def configuration_list() -> str:
        with store.read() as tx:
            found = configurations.newest(tx)
            in_force = configurations.last(tx, good=True)
        return render_template("configurations.html", found=found, in_force=in_force, now=now(), refresh=0)

    @app.get("/configurations/<commit>")
    def configuration_page(commit: str) -> str:
        with store.read() as tx:
            stored = configurations.get(tx, Sha(commit))
            in_force = configurations.last(tx, good=True)
            repository = configurations.repository_of(tx, Sha(commit))
        if stored is None:
            raise NotFound(f"No configuration was read at {commit}")
        file_url = f"{places.repository(repository)}/blob/{commit}/{_FILE}" if repository else ""
        return render_template(
            "configuration.html", stored=stored, in_force=in_force, repository=repository, file_url=file_url,
            places=places, now=now(), refresh=0,
        )  # fmt: skip

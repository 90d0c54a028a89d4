"""Writes what became of a model's version back to its registry, as tags: `mergeport.prod: live at 9f3c…`.

Called by the reports' sender, which repeats it until the registry has it. Failing to report never fails a run.
"""

from __future__ import annotations

import structlog

from service.core.models import version_of
from service.core.words import RunId
from service.errors import PermanentError
from service.pipeline.context import Context
from service.ports import CommitState
from service.store import runs
from service.store.reports import Report

log = structlog.get_logger()

SHORT = 12


def tag_model(context: Context, report: Report) -> None:
    """Set the tag of a version; a version that is gone needs none."""
    targets = [one for one in context.configurations.current().targets() if one.source == report.repository]
    model = next((one.model for one in targets if one.model is not None), None)
    version = version_of(report.commit)
    if model is None or not version:
        log.info("a version is not tagged, because no application has the model any more", model=report.repository)
        return
    key = report.context.replace("/", ".")
    if not context.outside.models.registry(model).set_tag(model.repository, version, key, _words(context, report)):
        log.info("a version is not tagged, because it is gone", model=report.repository, version=version)


def _words(context: Context, report: Report) -> str:
    """Say where the version is, with the manifest commit that brought it; else what became of its run."""
    if CommitState(report.state) is not CommitState.SUCCESS:
        return report.description
    with context.store.read() as tx:
        run = runs.get(tx, RunId(report.run_id))
    if run is None or run.manifest_commit is None:
        return report.description
    try:
        target = context.configurations.at(run.configuration_commit).target(run.application, run.environment)
    except PermanentError:
        target = None
    watched = target is not None and target.argocd_application is not None
    return f"{'live' if watched else 'committed'} at {run.manifest_commit[:SHORT]}"

"""A name in `state.yaml` that the configuration does not have stops what it may mean, and is told until corrected."""

from __future__ import annotations

import pytest

from service.core.changes import STATE_BRANCH
from service.core.words import Repository, RunState, Sha, WaitKind
from service.errors import ConfigError
from service.pipeline import actions
from service.pipeline.manifest.state.remembered import told_astray
from service.store import manifest_states
from tests.fixtures.service import CONFIGURATION, MANIFESTS
from tests.pipeline.crowd import merge
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_downstream import configure
from tests.pipeline.test_state_branch import HAND, acting, asked, by_hand, state, unlock


def astray(pipeline: Pipeline) -> list[str]:
    with pipeline.store.read() as tx:
        return told_astray(tx)


def test_lock_of_an_unknown_environment_closes_all_until_its_name_is_corrected(pipeline: Pipeline) -> None:
    by_hand(pipeline, HAND.replace("dev", "devel"))
    merge(pipeline)
    pipeline.settle()
    run = pipeline.run()
    kind, words = pipeline.wait(run)
    assert kind is WaitKind.GATE
    assert "no environment devel (did you mean dev?)" in words
    assert "In the state of acme/manifests, the lock of devel is not right" in astray(pipeline)[0]
    by_hand(pipeline, HAND.replace("dev", "stage"))
    pipeline.settle_live("checkout-dev")
    pipeline.ended(run, RunState.SUCCEEDED)
    assert astray(pipeline) == []


def test_names_are_judged_again_when_the_configuration_changes(pipeline: Pipeline) -> None:
    by_hand(pipeline, HAND.replace("environment: dev", "environment: dev\n    application: billing"))
    configure(pipeline, CONFIGURATION + "# read\n", "Read")
    actions.listed(pipeline.context)
    assert "no application billing" in astray(pipeline)[0]
    renamed = CONFIGURATION.replace("  checkout:", "  billing:")
    configure(pipeline, renamed, "Rename")
    assert astray(pipeline) == []


def test_remembered_state_with_a_name_that_is_refused_since_stays_in_force(pipeline: Pipeline) -> None:
    """It can be mended by a command; none writes a file that nobody can read."""
    text = HAND.replace("dev", "Dev")
    tip = Sha(by_hand(pipeline, text))
    with pipeline.store.begin() as tx:
        manifest_states.believe(tx, Repository(MANIFESTS), tip, text, at=pipeline.clock.now())
    merge(pipeline)
    pipeline.settle()
    run = pipeline.run()
    assert "Dev is locked by ben, by hand" in pipeline.wait(run)[1]
    with pytest.raises(ConfigError, match="has 1 fault"):
        actions.lock(acting(pipeline), asked(pipeline), environment="prod")
    unlock(pipeline, "Dev")
    assert state(pipeline).entries == ()
    assert pipeline.stack.git.open(MANIFESTS).git("rev-list", "--count", STATE_BRANCH).strip() == "2"
    pipeline.settle_live("checkout-dev")
    pipeline.ended(run, RunState.SUCCEEDED)

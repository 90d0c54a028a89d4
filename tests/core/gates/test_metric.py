"""The metric gate: what a model's version measured, against a fixed bound or the live version."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from service.core.gates import Allow, Refuse, Unknown, Verdict, Wait
from service.core.gates.metric import Options, judge, parse_bound
from service.core.promotion_model import ModelFacts, ModelStory
from tests.core.gates.promotions import facts


def judged(bounds: dict[str, str], new: dict[str, float], live: dict[str, float] | None, unread: str = "") -> Verdict:
    there = None if live is None else ModelFacts("3", metrics=live)
    story = ModelStory(ModelFacts("4", metrics=new), there, unread)
    return judge(Options.model_validate(bounds), facts(model=story))


@pytest.mark.parametrize(
    ("bound", "new", "live", "opens"),
    [
        (">= live - 0.005", 0.895, 0.9, True),
        (">= live - 0.005", 0.894, 0.9, False),
        (">= live", 0.9, 0.9, True),
        ("> live", 0.9, 0.9, False),
        (">= live - 1%", 0.891, 0.9, True),
        ("<= live * 1.1", 111, 100, False),
        ("<= live + 5", 105, 100, True),
        ("<= 120", 120, 999, True),
        ("< 120", 120, 0, False),
        (">= -0.5", -0.4, 0, True),
        (">= live - 10%", -1.05, -1, True),
    ],
)
def test_a_bound_holds_or_refuses(bound: str, new: float, live: float, opens: bool) -> None:
    assert isinstance(judged({"m": bound}, {"m": new}, {"m": live}), Allow if opens else Refuse)


def test_what_is_missing_refuses_in_words() -> None:
    assert judged({"auc": ">= live"}, {}, {"auc": 1}) == Refuse("version 4 has no metric auc")
    assert judged({"auc": ">= live"}, {"auc": 1}, {}) == Refuse("the live version 3 has no metric auc to compare with")
    assert judged({"auc": "<= 1"}, {"auc": math.nan}, {}) == Refuse("auc of version 4 is not a number")
    assert judged({"auc": ">= 1", "f1": ">= live"}, {"auc": 0.5, "f1": 0.25}, {"f1": 0.5}) == Refuse(
        "auc is 0.5, not >= 1; f1 is 0.25, not >= 0.5, live is 0.5"
    )


def test_the_first_version_has_nothing_to_be_compared_with_but_its_fixed_bounds() -> None:
    assert judged({"auc": ">= live"}, {"auc": 0.5}, None) == Allow("auc is 0.5, and nothing is live to compare it with")
    assert isinstance(judged({"auc": ">= 0.6"}, {"auc": 0.5}, None), Refuse)


def test_what_cannot_be_read_waits_and_what_is_no_model_passes() -> None:
    assert isinstance(judge(Options.model_validate({"auc": ">= 1"}), facts(model=Unknown("MLflow is away"))), Wait)
    assert isinstance(judge(Options.model_validate({"auc": ">= 1"}), facts()), Wait)
    assert isinstance(judged({"auc": ">= live"}, {"auc": 1}, None, "MLflow is away"), Wait)
    assert isinstance(judged({"auc": ">= 1"}, {"auc": 1}, None, "MLflow is away"), Allow)
    assert isinstance(judge(Options.model_validate({"auc": ">= 1"}), facts(model=None)), Allow)


@pytest.mark.parametrize("text", ["", "live", "= 1", ">= dead", ">= live - ", ">= live / 2", ">= live * 5%", ">= 1 2"])
def test_what_is_no_bound_is_a_fault(text: str) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate({"auc": text})


def test_a_bound_is_read_in_its_parts() -> None:
    assert parse_bound(">=live-5e-3").by == 0.005
    with pytest.raises(ValidationError):
        Options.model_validate({})

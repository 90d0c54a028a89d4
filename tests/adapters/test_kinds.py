"""A kind is one file in its folder: nothing else names the toys of tests/kinds, and all of them work."""

from __future__ import annotations

import hmac
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import pytest
import yaml
from jsonschema import Draft7Validator
from pydantic import BaseModel

from service.adapters import integration, notifiers, option_models, sources
from service.adapters.kinds import kinds
from service.adapters.parts import Parts
from service.core.changes import Ignored, Ping
from service.core.config import Configuration, Kinds, json_schema, load
from service.core.gates import Allow, Facts, Refuse, Wait, judge
from service.core.gates.image_facts import ImageFacts
from service.core.images import ImageReference
from service.core.words import Digest, Repository, RunId, RunState, Sha
from service.errors import ConfigError, DeliveryError
from service.ports import Notice, Notifier, Source, StoredRequest

TEXT = """\
environments:
  dev: {branch: develop}
  prod: {branch: main, gates: {toy: {opens_at: 9}, toy-list: [{application: cart}]}}
applications:
  checkout:
    source: acme/checkout
    registry: ghcr.io
    values: [{file: "{application}-{environment}.yaml", set: {image.tag: "{tag}"}}]
"""
NO_PARTS = cast(Parts, None)
FACTS = Facts(
    now=datetime(2026, 1, 5, 7, 30, tzinfo=UTC),
    application="checkout",
    environment="prod",
    source=Repository("acme/checkout"),
    commit=Sha("4f" * 20),
    images=(ImageFacts(ImageReference("ghcr.io", "checkout", "4f4f", Digest("sha256:" + "0a" * 32))),),
)


def gates_of(configuration: Configuration, environment: str) -> list[tuple[str, object]]:
    target = configuration.target("checkout", environment)
    assert target is not None
    return [(kind, options.model_dump()) for kind, options in target.gates]


def faults(text: str, known: Kinds) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(text, kinds=known, file="f")
    return [str(fault) for fault in caught.value.faults]


def test_a_gate_is_chosen_by_its_kind_and_read_by_its_options(with_toys: Kinds) -> None:
    configuration = load(TEXT, kinds=with_toys)

    assert gates_of(configuration, "dev") == []
    assert gates_of(configuration, "prod") == [
        ("toy", {"opens_at": 9, "why": "it is early"}),
        ("toy-list", [{"application": "cart"}]),
    ]


def test_an_application_changes_and_takes_out_gates_of_its_environment(with_toys: Kinds) -> None:
    own = "    environments: {prod: {gates: {toy: {why: '{application} sleeps'}, toy-list: false}}}\n"

    assert gates_of(load(TEXT + own, kinds=with_toys), "prod") == [
        ("toy", {"opens_at": 9, "why": "checkout sleeps"}),
    ]


def test_every_fault_of_a_gate_has_its_line(with_toys: Kinds) -> None:
    text = TEXT.replace("{opens_at: 9}", "{opens_at: 24, wy: x}").replace("toy-list: [", "tyo: false, toy-list: [5, ")

    assert faults(text, with_toys) == [
        "f:3:48: environments.prod.gates.toy.opens_at: expected at most 23, found the number 24",
        'f:3:52: environments.prod.gates.toy.wy: "wy" is not a key here (did you mean why?)',
        'f:3:60: environments.prod.gates.tyo: there is no gate of kind "tyo" (did you mean toy?)',
        "f:3:83: environments.prod.gates.toy-list[0]: expected a mapping, found the number 5",
    ]


@pytest.mark.parametrize(("gates", "found"), [("on-monday", 'the text "on-monday"'), ("{toy: true}", "true")])
def test_a_gate_that_is_no_mapping_is_told(gates: str, found: str, with_toys: Kinds) -> None:
    text = TEXT.replace("{branch: develop}", f"{{branch: develop, gates: {gates}}}")

    (told,) = faults(text, with_toys)

    assert f"found {found}" in told


@pytest.mark.parametrize("where", ["dev: {branch: develop, KEY: {toy: {}}}", "dev: {branch: develop, KEY: 5}"])
def test_a_key_that_nothing_obeys_is_not_in_this_version(where: str) -> None:
    text = TEXT.replace("dev: {branch: develop}", where.replace("KEY", "notify"))

    assert faults(text, kinds())[0] == (
        "f:2:26: environments.dev.notify: not in this version (remove notify: it would have no effect)"
    )


def test_gates_belong_to_environments(with_toys: Kinds) -> None:
    (told,) = faults(TEXT + "    gates: {toy: {opens_at: 1}}\n", with_toys)

    assert told.startswith('f:9:5: applications.checkout.gates: "gates" does not belong here (a key of an environment')


@pytest.mark.parametrize(
    ("kind", "value", "verdict"),
    [
        ("toy", {"opens_at": 7}, Allow()),
        ("toy", {"opens_at": 9}, Wait("it is early", until=FACTS.now.replace(hour=9, minute=0))),
        ("toy-list", [{"application": "checkout"}], Refuse("checkout is not wanted")),
    ],
)
def test_a_gate_judges_facts_by_its_options(kind: str, value: object, verdict: object, with_toys: Kinds) -> None:
    options = with_toys.gates[kind].model_validate(value)

    assert judge(kind, options, FACTS) == verdict


def test_the_schema_knows_the_gates_that_are_there(with_toys: Kinds) -> None:
    validator = Draft7Validator(json_schema(with_toys))

    assert [error.message for error in validator.iter_errors(yaml.safe_load(TEXT))] == []
    assert not validator.is_valid(yaml.safe_load(TEXT.replace("opens_at", "opens")))
    assert not validator.is_valid(yaml.safe_load(TEXT.replace("toy:", "tyo:")))
    Draft7Validator.check_schema(json_schema(with_toys))


def test_a_notifier_is_chosen_by_its_kind_and_made_of_its_options(with_toys: Kinds) -> None:
    text = TEXT.replace("{branch: develop}", "{branch: develop, notify: {toy: {channel: dev}}}")
    target = load(text, kinds=with_toys).target("checkout", "dev")
    assert target is not None
    ((kind, options),) = target.notify

    made = integration(notifiers, kind).make(options, NO_PARTS)
    notifier: Notifier = made
    notice = Notice(
        RunId("1"), "checkout", "dev", RunState.SUCCEEDED, "live and healthy", "https://m/runs/1", FACTS.now
    )
    notifier.notify(notice)
    notifier.notify(replace(notice, words="again"))

    assert made.told == ["dev: checkout in dev: live and healthy", "dev: checkout in dev: again"]


def test_a_builder_is_chosen_by_its_kind(with_toys: Kinds) -> None:
    target = load(TEXT + "    build: {kind: toy, flavour: sweet}\n", kinds=with_toys).target("checkout", "dev")

    assert target is not None
    assert target.images[0].builder_kind == "toy"
    assert target.images[0].builder_options.model_dump() == {"kind": "toy", "flavour": "sweet"}


def toy_source() -> Source:
    options: type[BaseModel] = option_models(sources)["toy"]
    return cast(Source, integration(sources, "toy").make(options.model_validate({"secret": "s"}), NO_PARTS))


@pytest.mark.usefixtures("with_toys")
def test_a_source_reads_events_of_what_it_verified() -> None:
    source = toy_source()
    signed = {"x-toy-signature": hmac.new(b"s", b"ping", "sha256").hexdigest()}

    with pytest.raises(DeliveryError):
        source.verify(signed, b"pong")
    assert source.verify(signed, b"ping").event == "line"
    assert source.read(StoredRequest("line", b"ping")) == [Ping("", words="pong")]
    assert source.read(StoredRequest("line", b"else")) == [Ignored("not a ping")]

"""Reads CloudFormation's tags, and brings policies into one form, so that two ways to write them can be compared."""

from __future__ import annotations

from typing import Any

import yaml


class TemplateLoader(yaml.SafeLoader):
    """Reads `!Sub text`, `!If […]` and their like as what they are given."""


def _given(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Any:
    match node:
        case yaml.ScalarNode():
            return loader.construct_scalar(node)
        case yaml.SequenceNode():
            return loader.construct_sequence(node, deep=True)
        case _:
            raise AssertionError(node)


TemplateLoader.add_multi_constructor("!", _given)


def listed(value: Any) -> Any:
    """Give a policy in which everything that may be one or many is many."""
    match value:
        case dict():
            return {key: listed(one) if key not in ("Sid", "Effect") else one for key, one in value.items()}
        case list():
            return value
        case _:
            return [value]

"""The configuration, `mergeport.yaml`: what is deployed where and how, read and checked as a whole.

`load` gives a Configuration or raises ConfigError with every fault. Pure: text in, values out.
"""

from service.core.config.configuration import Configuration
from service.core.config.explain import Explanation
from service.core.config.loading import load
from service.core.config.options import Kinds
from service.core.config.schema import json_schema
from service.core.config.targets import (
    Deadlines,
    ImageTarget,
    OrderPolicy,
    PullRequestPolicy,
    Target,
    ValuesTarget,
    WritingPolicy,
)

__all__ = [
    "Configuration",
    "Deadlines",
    "Explanation",
    "ImageTarget",
    "Kinds",
    "OrderPolicy",
    "PullRequestPolicy",
    "Target",
    "ValuesTarget",
    "WritingPolicy",
    "json_schema",
    "load",
]

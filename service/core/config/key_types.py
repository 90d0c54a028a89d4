"""Types of the keys of `mergeport.yaml`: mappings that report unknown keys, and types with one fault each.

Used by the keys, and by those who read what is unknown or not there yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import (
    BaseModel,
    ConfigDict,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from service.core.config.report import keys_of
from service.core.config.targets import Written
from service.core.config.tree import Located, Place

LINK = "x-definition"
"""A placeholder in a model's schema for a definition that `schema` builds from the adapters' options."""
LATER = frozenset({"mergeport.d"})
"""Known keys that do not work yet: they are reported, never ignored. Keys without any kind are added to them."""


class UnknownKey(NamedTuple):
    """A key that is unknown in its place, or does not work yet."""

    place: Place
    name: str
    keys: type[Keys]
    """The mapping that it stands in."""


class Unknown(NamedTuple):
    """The context of a validation: keys that do not work yet, and the unknown ones that were found."""

    later: frozenset[str]
    found: list[UnknownKey]


class Keys(BaseModel):
    """A mapping with known keys. Unknown ones are left out, and go to the `Unknown` that is given as context."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)
    elsewhere: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _tell_unknown_keys(cls, data: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 - pydantic's signature
        if not isinstance(data, Located) or not isinstance(info.context, Unknown):
            return data
        known = keys_of(cls) - info.context.later
        for name in data.table.entries.keys() - known:
            info.context.found.append(UnknownKey(data.table.keys[name], name, cls))
        return Located(data.table, {name: value for name, value in data.items() if name in known})


def either(
    fits: Callable[[object], bool], *, words: str, schema: dict[str, Any]
) -> tuple[PlainValidator, WithJsonSchema]:
    """Let valid values through as they are; anything else is one fault, not one for each alternative."""

    def check(value: object) -> object:
        if fits(value):
            return value
        raise PydanticCustomError("wrong_type", "expected {words}", {"words": words})

    return PlainValidator(check), WithJsonSchema(schema)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_choice(value: object) -> bool:
    """Tell whether a value is `{any: [NAME, …]}` or `{all: [NAME, …]}`."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    ((how, names),) = value.items()
    return how in {"any", "all"} and isinstance(names, list) and bool(names) and all(map(_is_name, names))


Entry = Annotated[
    Written,
    *either(
        lambda value: isinstance(value, str | int | float | bool),
        words="text, a number or a boolean",
        schema={"type": ["string", "number", "boolean"]},
    ),
]
DurationKey = Annotated[
    str, *either(lambda value: isinstance(value, str), words="a duration", schema={"type": "string"})
]
RegistryKey = Annotated[
    str | dict[str, object],
    *either(lambda value: isinstance(value, str | dict), words="text or a mapping", schema={LINK: "Registry"}),
]
PullFromKey = Annotated[
    str | dict[str, object],
    *either(lambda value: isinstance(value, str | dict), words="text or a mapping", schema={LINK: "PullFrom"}),
]
ModelRegistryKey = Annotated[
    dict[str, object],
    *either(lambda value: isinstance(value, dict), words="a mapping", schema={LINK: "ModelRegistry"}),
]
BuildKey = Annotated[
    dict[str, object],
    *either(lambda value: isinstance(value, dict), words="a mapping", schema={LINK: "Build"}),
]
FromKey = Annotated[
    str | dict[str, list[str]] | None,
    *either(
        lambda value: _is_name(value) or _is_choice(value),
        words="an environment, {any: [...]} or {all: [...]}",
        schema={
            "anyOf": [
                {"type": "string", "minLength": 1},
                *(
                    {
                        "type": "object",
                        "properties": {how: {"type": "array", "items": {"type": "string"}, "minItems": 1}},
                        "required": [how],
                        "additionalProperties": False,
                    }
                    for how in ("any", "all")
                ),
            ]
        },
    ),
]
GatesKey = Annotated[
    dict[str, object],
    *either(lambda value: isinstance(value, dict), words="a mapping", schema={LINK: "Gates"}),
]
NotifyKey = Annotated[
    dict[str, object],
    *either(lambda value: isinstance(value, dict), words="a mapping", schema={LINK: "Notify"}),
]
Overrides = Annotated[
    dict[str, object],
    *either(
        lambda value: isinstance(value, dict),
        words="a mapping",
        schema={
            "type": "object",
            "additionalProperties": {"anyOf": [{LINK: "TargetKeys"}, {"const": False}]},
        },
    ),
]
Create = Annotated[
    bool | Literal["file"],
    *either(
        lambda value: isinstance(value, bool) or value == "file",
        words="true, false or file",
        schema={"enum": [True, False, "file"]},
    ),
]
TextOrFalse = Annotated[
    str | Literal[False],
    *either(
        lambda value: isinstance(value, str) or value is False,
        words="text or false",
        schema={"anyOf": [{"type": "string", "minLength": 1}, {"const": False}]},
    ),
]

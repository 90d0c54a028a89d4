"""Collects the faults of one file, so that all are reported at once. Called while a configuration is read.

It also describes what was found, finds the nearest known name, and explains pydantic's findings
in plain words. It never raises for a fault.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from typing import TypeGuard, get_args

from pydantic import BaseModel, RootModel, ValidationError
from pydantic_core import ErrorDetails

from service.core.config.texts import TextError
from service.core.config.tree import Broken, Node, Place, Scalar, Series, Table, below, find_reported
from service.errors import Fault

_WANTED = {
    "string": "text",
    "dict": "a mapping",
    "mapping": "a mapping",
    "model": "a mapping",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen": "a list",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
}

_LIMITS = {
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "greater_than": "more than {gt}",
    "less_than": "less than {lt}",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
}


class Report:
    """The faults of one file, each reported once, however often it is met."""

    def __init__(self, file: str) -> None:
        """Begin with no faults."""
        self.file = file
        self._faults: dict[Fault, None] = {}
        self._unread: dict[str, Fault] = {}

    def add(self, place: Place | None, message: str, hint: str = "") -> None:
        """Add a fault at a place, or of the file as a whole."""
        self._faults[self._fault(place, message, hint)] = None

    def _fault(self, place: Place | None, message: str, hint: str) -> Fault:
        line, column, key = (place.line, place.column, place.key) if place else (None, None, "")
        return Fault(self.file, printable(message), printable(hint), line, column, printable(key))

    @property
    def faults(self) -> list[Fault]:
        """All faults in the order of the file. For a key that is not read, only the key itself is reported."""
        told = [fault for fault in self._faults if not self._is_unread(fault)]
        return sorted(told, key=lambda fault: (fault.line or 0, fault.column or 0))

    def _is_unread(self, fault: Fault) -> bool:
        return any(
            fault != whole and (fault.key == key or fault.key.startswith((f"{key}.", f"{key}[")))
            for key, whole in self._unread.items()
        )

    def add_unread(self, place: Place, message: str, hint: str) -> None:
        """Report a key that is not read; faults of its value are dropped."""
        self.add(place, message, hint)
        self._unread[printable(place.key)] = self._fault(place, message, hint)

    def add_unknown(self, place: Place, name: str, known: Collection[str]) -> None:
        """Report an unknown key with the nearest known one, and check its value as that key's."""
        add = self.add if nearest_name(name, known) else self.add_unread
        add(place, f'"{name}" is not a key here', nearest(name, known))

    def add_invalid(self, error: ValidationError, tree: Node, model: type[BaseModel]) -> frozenset[Place]:
        """Report what a model found wrong, at the places in the tree from which its data came; give those places."""
        wanted: dict[Place, tuple[Node, list[str]]] = {}
        told: list[str] = []
        faulty: set[Place] = set()
        for detail in error.errors(include_url=False):
            node, left = find_reported(tree, detail["loc"])
            if isinstance(node, Broken):
                continue
            if detail["type"] != "missing":
                faulty.add(node.place)
            if type_wanted := _wanted(detail):
                wanted.setdefault(node.place, (node, []))[1].append(type_wanted)
            else:
                self._add_detail(detail, node, left, model)
                told.append(node.place.key)
        for place, (node, types) in wanted.items():
            if not any(key.startswith(place.key) for key in told):  # one alternative fits, and has a fault inside
                self.add_wrong_type(node, " or ".join(dict.fromkeys(types)))
        return frozenset(faulty)

    def _add_detail(
        self, detail: ErrorDetails, node: Node, left: tuple[str | int, ...], model: type[BaseModel]
    ) -> None:
        context = detail.get("ctx", {})
        match detail["type"]:
            case "missing" if isinstance(node, Table) and left and left[-1] in node.entries:
                pass  # the key exists, and its fault was reported
            case "missing":
                self.add(node.place.under(left[-1]) if left else node.place, "is missing")
            case "extra_forbidden":
                name = str(detail["loc"][-1])
                self.add(node.place, f'"{name}" is not a key here', nearest(name, _keys_at(model, detail["loc"])))
            case "literal_error" | "enum":
                self.add(node.place, f"expected {context['expected']}, found {describe(node)}", _quoting(node))
            case "value_error":
                error = context.get("error", detail["msg"])
                self.add(node.place, str(error), error.hint if isinstance(error, TextError) else "")
            case _:
                self.add(node.place, *in_words(detail, describe(node)))

    def add_wrong_type(self, node: Node, wanted: str) -> None:
        """Report that a value of another type is wanted here."""
        if not isinstance(node, Broken):
            self.add(node.place, f"expected {wanted}, found {describe(node)}", hint_for(wanted, node))

    def add_missing(self, table: Table, key: str, hint: str = "") -> None:
        """Report that a table lacks a key."""
        place = table.place
        self.add(Place(place.line, place.column, below(place.key, key)), "is missing", hint)


def _wanted(detail: ErrorDetails) -> str | None:
    """Give the type that a finding asks for, if it is about the type."""
    kind = detail["type"]
    if kind == "wrong_type":
        return str(detail.get("ctx", {})["words"])
    stem = kind.partition("_")[0]
    return _WANTED.get(stem) if kind.endswith(("_type", "_parsing", "_from_float")) else None


def in_words(detail: ErrorDetails, found: str) -> tuple[str, str]:
    """Say what one of pydantic's findings means, and its hint; `found` describes what is there."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "string_too_short" and context["min_length"] == 1:
        return "is empty", ""
    if kind == "string_pattern_mismatch":
        return f"expected another form of text, found {found}", f"the form is {context['pattern']}"
    if limit := _LIMITS.get(kind):
        return f"expected {limit.format(**context)}, found {context.get('actual_length', found)}", ""
    return detail["msg"][:1].lower() + detail["msg"][1:], str(context.get("hint", ""))


def describe(node: Node) -> str:
    """Describe briefly what is there."""
    match node:
        case Table():
            return "a mapping"
        case Series():
            return "a list"
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=bool() as value):
            return "true" if value else "false"
        case Scalar(value=str() as value):
            return f'the text "{shortened(value)}"'
        case Scalar(value=value):
            return f"the number {value}"
        case _:
            return "something broken"


def printable(text: str) -> str:
    """Give a text on one line, with escapes for what is not printable."""
    return (
        text
        if text.isprintable()
        else "".join(
            character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
            for character in text
        )
    )


def shortened(text: str, length: int = 60) -> str:
    """Give a text on one line, cut where it is long."""
    line = printable(text)
    return line if len(line) <= length else f"{line[: length - 1]}…"


def hint_for(wanted: str, node: Node) -> str:
    """Give the hint for a value of the wrong type."""
    if wanted == "text" or ("text" in wanted and isinstance(node, Table)):
        return _quoting(node)
    if wanted == "a duration":
        return f"write it with its unit: {node.value}s, {node.value}m" if _is_number(node) else "write 90s, 30m or 12h"
    if wanted == "a mapping":
        return _mapping(node)
    if wanted == "a list" and isinstance(node, Table):
        return "begin each item with -"
    if wanted == "a list" and isinstance(node, Scalar) and isinstance(node.value, str):
        return "put it in brackets: [ … ]"
    return ""


def _is_number(node: Node) -> TypeGuard[Scalar]:
    return isinstance(node, Scalar) and isinstance(node.value, int) and not isinstance(node.value, bool)


def _mapping(node: Node) -> str:
    match node:
        case Series():
            return "write NAME: in the place of each -"
        case Scalar(value=None):
            return "its keys belong below it, each indented further"
        case Scalar(value=str() as text) if ":" in text:
            return "a key needs a space after its colon"
        case _:
            return ""


def _quoting(node: Node) -> str:
    match node:
        case Table(entries=entries) if len(entries) == 1:
            return "a text that begins with { needs quotes around it"
        case Series(items=items) if len(items) == 1:
            return "a text that begins with [ needs quotes around it"
        case Series():
            return "only one text is allowed here"
        case Scalar(value=bool() | int() | float()):
            return "put quotes around it"
        case _:
            return ""


def nearest_names(name: str, known: Iterable[str]) -> list[str]:
    """Give the known names that are similar enough to be meant, at most three, the nearest first."""
    import difflib  # noqa: PLC0415 - only a fault needs it, and the command starts without

    return difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.6)


def nearest_name(name: str, known: Iterable[str]) -> str:
    """Give the known name that is similar enough to be meant, or nothing."""
    return next(iter(nearest_names(name, known)), "")


def nearest(name: str, known: Iterable[str]) -> str:
    """Give the hint that names the nearest known name, or all of them if they are few."""
    names = sorted(known)
    if close := nearest_name(name, names):
        return f"did you mean {close}?"
    few = 18
    return f"known: {', '.join(names)}" if 0 < len(names) <= few else ""


def _keys_at(model: type[BaseModel], where: tuple[str | int, ...]) -> frozenset[str]:
    """Give the keys that are known beside the last step of a finding's way through a model.

    Steps that name no field are an item of a list, a key of a mapping, or one of several types.
    """
    models = _models_in(model)
    for step in where[:-1]:
        taken = [
            field.annotation
            for one in models
            for name, field in one.model_fields.items()
            if step == (field.alias or name)
        ]
        models = frozenset().union(*map(_models_in, taken)) or models
    return frozenset().union(*map(keys_of, models))


def _models_in(annotation: object) -> frozenset[type[BaseModel]]:
    """Give the models that a type is or is made of."""
    if isinstance(annotation, type) and issubclass(annotation, RootModel):
        return _models_in(annotation.model_fields["root"].annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return frozenset({annotation})
    return frozenset().union(*map(_models_in, get_args(annotation)))


@cache
def keys_of(model: type[BaseModel]) -> frozenset[str]:
    """Give the keys that a model takes, by the names people write."""
    return frozenset(field.alias or name for name, field in model.model_fields.items())

"""What a command asks for is read as people type it, and what is no command is told and not guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.comments import FORMS, MOST_COMMANDS, Aim, Command, Misread, Verb, aimed, help_text, read_commands

APPLICATIONS, ENVIRONMENTS = ("checkout", "search", "prod"), ("dev", "stage", "prod")


def one(text: str) -> Command:
    (found,) = read_commands(f"/mergeport {text}")
    assert isinstance(found, Command), found
    return found


def misread(text: str) -> str:
    (found,) = read_commands(f"/mergeport {text}")
    assert isinstance(found, Misread), found
    return found.words


@pytest.mark.parametrize(
    "text",
    [
        'hold checkout prod --reason "until \\"v2\\" is out"',
        'hold checkout prod --reason="until \\"v2\\" is out"',
        'HOLD checkout prod \u2014reason \u201cuntil \\"v2\\" is out\u201d',
        'hold\u00a0checkout  prod --reason "until \\"v2\\" is out"   ',
    ],
)
def test_words_and_options_are_read_as_on_any_keyboard(text: str) -> None:
    read = one(text)
    assert (read.verb, read.words, read.value("reason")) == (Verb.HOLD, ("checkout", "prod"), 'until "v2" is out')


def test_gates_are_overridden_one_by_one_and_flags_take_nothing() -> None:
    read = one("promote --to prod --override soak --override=checks --plan --reason hotfix")
    assert (read.overrides, read.flags, read.value("to")) == (("soak", "checks"), frozenset({"plan"}), "prod")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("deploy", "there is no command deploy"),
        ("promot", "did you mean promote?"),
        ("hold --reason", "--reason wants a value"),
        ("hold --reason --until 3d", "--reason wants a value"),
        ("hold --force", "hold has no option --force"),
        ("lock --all=yes", "lock has no option --all=yes"),
        ('hold --reason "no end', "a quote has no end"),
        ("hold --reason a --reason b", "--reason is there twice"),
        ("hold a b because I say so", "quotes keep a reason together"),
        ("hold a\u202eb", "cannot be seen"),
        ("hold a\x1b[31mb", "cannot be seen"),
        ("hold a\x00b", "cannot be seen"),
        ("st\u0430tus", "there is no command"),
    ],
)
def test_what_cannot_be_obeyed_is_told(text: str, told: str) -> None:
    assert told in misread(text)


def test_only_a_first_word_that_nobody_knows_is_unknown() -> None:
    (unknown,), (known,) = read_commands("/mergeport deploy"), read_commands("/mergeport hold --force")
    assert isinstance(unknown, Misread)
    assert isinstance(known, Misread)
    assert (unknown.unknown, known.unknown) == (True, False)


def test_too_many_commands_are_none() -> None:
    assert len(read_commands("/mergeport status\n" * MOST_COMMANDS)) == MOST_COMMANDS
    (found,) = read_commands("/mergeport status\n" * (MOST_COMMANDS + 1))
    assert isinstance(found, Misread)
    assert "none was obeyed" in found.words


def test_bare_mark_asks_for_help_which_tells_of_every_command() -> None:
    (read,) = read_commands("/mergeport")
    assert isinstance(read, Command)
    assert read.verb is Verb.HELP
    assert all(f"/mergeport {verb}" in help_text() for verb in Verb)
    assert set(FORMS) == set(Verb)


@pytest.mark.parametrize(
    ("text", "aim"),
    [
        ("hold", Aim()),
        ("hold prod", Aim("prod")),  # it names both: the order of the command decides
        ("lock prod", Aim("", "prod")),
        ("lock stage checkout", Aim("checkout", "stage")),
        ("hold stage checkout", Aim("checkout", "stage")),
        ("hold prod prod", Aim("prod", "prod")),
        ("hold --env prod --app search", Aim("search", "prod")),
        ("promote checkout --to prod", Aim("checkout", "prod")),
        ("rollback checkout stage --to 4f2c1e9", Aim("checkout", "stage")),
        ("approve 4F2C1E9 checkout", Aim("checkout", "", "4f2c1e9")),
    ],
)
def test_words_are_applications_and_environments_by_their_names(text: str, aim: Aim) -> None:
    assert aimed(one(text), APPLICATIONS, ENVIRONMENTS) == aim


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hold chekout", "did you mean checkout?"),
        ("hold stage dev", "dev is neither"),
        ("promote --to producton", "there is no environment producton"),
        ("hold 4f2c1e9", "4f2c1e9 is neither"),
        ("hold che\u0441kout", "neither an application"),
    ],
)
def test_name_that_is_none_is_told(text: str, told: str) -> None:
    assert told in aimed(one(text), APPLICATIONS, ENVIRONMENTS).fault


@given(st.text(max_size=400))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for found in read_commands(f"/mergeport {text}\n/mergeport hold {text}"):
        assert found.text

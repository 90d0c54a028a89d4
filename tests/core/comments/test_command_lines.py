"""A command is a line that a person wrote to Mergeport, and nothing that they quote or show."""

from __future__ import annotations

import pytest

from service.core.comments import command_lines


@pytest.mark.parametrize(
    "body",
    [
        "/mergeport status",
        "Please:\n\n/mergeport status\n\nThanks!",
        "Please:\r\n/mergeport status\r\n",
        "/mergeport status  \t",
        "> a quote\n\n/mergeport status",
        "- a\n- b\n/mergeport status",
        "- ```\n  /mergeport hold\n  ```\n\n/mergeport status",
        "1.  ```\n    /mergeport hold\n    ```\n/mergeport status",
        "```\nmake\n```\n/mergeport status",
        "> /mergeport promote --to prod\n\n/mergeport status",
        "<details>\n\n/mergeport status\n</details>",
        "<!-- a note -->\n/mergeport status",
        "a `b` c\n/mergeport status",
        "x" * 60_000 + "\n/mergeport status",
    ],
)
def test_line_that_a_person_wrote_is_a_command(body: str) -> None:
    assert command_lines(body) == ["/mergeport status"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "mergeport status",
        "Write /mergeport status to see it",
        "`/mergeport status`",
        "> /mergeport status",
        "> a quote\n>> /mergeport status",
        "> a quote\n/mergeport status",
        "> ```\n/mergeport status\n```",
        "- /mergeport status",
        "- so:\n  /mergeport status",
        "- ```\n  /mergeport status\n  ```",
        "   /mergeport status",
        "    /mergeport status",
        "\t/mergeport status",
        "```\n/mergeport status\n```",
        "```sh\r\n/mergeport status\r\n```\r\n",
        "~~~~\n/mergeport status\n~~~\n/mergeport status\n~~~~",
        "```\n/mergeport status",
        "````\n```\n/mergeport status\n````",
        "<!--\n/mergeport status\n-->",
        "<!-- one --><!--\n/mergeport status\n-->",
        "<pre>\n/mergeport status\n</pre>",
        "<PRE lang=sh>\n/mergeport status\n</PRE>",
        "<blockquote>\n/mergeport status\n</blockquote>",
        "/mergeportstatus",
        "/mergeport-status",
        "/Mergeport status",
        "/merge\u0440ort status",  # a Cyrillic letter
        "\uff0fmergeport status",  # a full-width slash
        "\u200b/mergeport status",
        "/mergeport " + "x" * 60_000,
    ],
)
def test_what_is_quoted_shown_or_written_otherwise_is_no_command(body: str) -> None:
    assert command_lines(body) == []


def test_commands_keep_their_order_and_a_bare_mark_asks_for_help() -> None:
    assert command_lines("/mergeport\r/mergeport hold\n/mergeport status") == [
        "/mergeport",
        "/mergeport hold",
        "/mergeport status",
    ]


def test_hostile_comments_are_read_in_a_moment() -> None:
    for body in ("<!--" * 15_000, "<pre>" * 12_000, "`" * 60_000, "/mergeport\n" * 5_000, "> " * 30_000):
        command_lines(body + "\n/mergeport x")

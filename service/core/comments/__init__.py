"""Commands in comments on pull requests: what is one, what it asks for, and where it is aimed at. Pure.

Called by the source, which tells whether a comment has a command at all, and by the pipeline, which obeys it.
"""

from service.core.comments.aim import Aim, aimed
from service.core.comments.command_lines import MARK, command_lines
from service.core.comments.command_words import MOST_COMMANDS, Command, Misread, read_commands
from service.core.comments.verbs import FORMS, Verb, help_text

__all__ = [
    "FORMS",
    "MARK",
    "MOST_COMMANDS",
    "Aim",
    "Command",
    "Misread",
    "Verb",
    "aimed",
    "command_lines",
    "help_text",
    "read_commands",
]

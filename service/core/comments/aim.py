"""Says which applications and environments a command is aimed at: what it names, within what the pull request is about.

Pure. A word of a command is an application, an environment, or for `approve` the beginning of a commit.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from service.core.comments.command_words import Command
from service.core.comments.verbs import Verb
from service.core.config.report import nearest
from service.core.foreign_text import cut, line

_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_ENVIRONMENT_FIRST = frozenset({Verb.LOCK, Verb.UNLOCK})


@dataclass(frozen=True, slots=True)
class Aim:
    """What a command names. Empty parts are for the pull request to say. `fault` is set if a name is none."""

    application: str = ""
    environment: str = ""
    commit: str = ""
    fault: str = ""


def aimed(command: Command, applications: Collection[str], environments: Collection[str]) -> Aim:
    """Read the names of a command; those of options go before its words.

    A word that names both an application and an environment is taken in the order in which the command is written.
    """
    application, environment, commit = command.value("app"), command.value("env"), ""
    if command.verb is Verb.PROMOTE:
        environment = environment or command.value("to")
    order = ("env", "app") if command.verb in _ENVIRONMENT_FIRST else ("app", "env")
    for word in command.words:
        kinds = [kind for kind in order if word in (applications if kind == "app" else environments)]
        kinds = [kind for kind in kinds if not (application if kind == "app" else environment)]
        if kinds:
            application, environment = (word, environment) if kinds[0] == "app" else (application, word)
        elif command.verb is Verb.APPROVE and not commit and _COMMIT.fullmatch(word.lower()):
            commit = word.lower()
        else:
            return Aim(fault=_no_name(word, [*applications, *environments]))
    for what, name, known in (("application", application, applications), ("environment", environment, environments)):
        if name and name not in known:
            hint = nearest(name, known)
            return Aim(fault=f"there is no {what} {cut(line(name), 60)}" + (f"; {hint}" if hint else ""))
    return Aim(application, environment, commit)


def _no_name(word: str, known: Sequence[str]) -> str:
    hint = nearest(word, known)
    shown = cut(line(word), 60)
    return f"{shown} is neither an application nor an environment that is left to name" + (f"; {hint}" if hint else "")

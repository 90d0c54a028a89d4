"""The forge's web hook: whether one leads to us, and how its newest deliveries were answered.

Called by the examination.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from service.core.doctor.finding import Finding, Verdict, good
from service.core.words import Repository
from service.ports import Forge
from service.ports.forge_setup import OF_THE_APP, Attempt, Hook

PART = "webhook"
PATH = "/webhooks/github"
_UNAUTHORIZED, _BAD_REQUEST = 401, 400


def examine(forge: Forge, repositories: Iterable[Repository]) -> Iterator[Finding]:
    """Look at the hooks that may lead to us: the App's, which is for all, or that of each source repository."""
    for repository in repositories:
        hooks = forge.hooks(repository)
        yield from _of(repository, hooks)
        if hooks and any(hook.of == OF_THE_APP for hook in hooks):
            return


def _of(repository: Repository, hooks: tuple[Hook, ...] | None) -> Iterator[Finding]:
    if hooks is None:
        words = "our login may not read the web hooks there"
        hint = "look at Recent deliveries on the web hook's page; an App with a web hook of its own is looked at here"
        yield Finding(PART, str(repository), Verdict.UNKNOWN, words, hint)
        return
    ours = [hook for hook in hooks if hook.address.rstrip("/").endswith(PATH)]
    if not ours:
        words = f"no web hook leads to an address that ends with {PATH}"
        yield Finding(PART, str(repository), Verdict.FAULT, words, f"set the web hook to https://YOUR-HOST{PATH}")
    for hook in ours:
        yield _one(hook)


def _one(hook: Hook) -> Finding:
    subject = f"{hook.of}: {hook.address}"
    if not hook.active:
        return Finding(PART, subject, Verdict.FAULT, "it is switched off", "tick Active on its page")
    if not hook.is_json:
        hint = "set its content type to application/json"
        return Finding(PART, subject, Verdict.FAULT, "it does not send JSON", hint)
    if hook.events is not None and not hook.events & {"push", "pull_request", "*"}:
        words = "it sends neither push nor pull_request, so no merge starts anything"
        return Finding(PART, subject, Verdict.FAULT, words, "tick Pushes and Pull requests on its page")
    if not hook.attempts:
        words = "it has delivered nothing yet"
        return Finding(PART, subject, Verdict.UNKNOWN, words, "push a commit, or redeliver its ping")
    return _answered(subject, hook.attempts)


def _answered(subject: str, attempts: tuple[Attempt, ...]) -> Finding:
    newest, failed = attempts[0], [one for one in attempts if not 0 < one.status < _BAD_REQUEST]
    at = f"{newest.at:%Y-%m-%d %H:%M} UTC"
    if newest in failed:
        words = f"the newest delivery ({newest.event}, {at}) ended with {newest.status or newest.words}"
        hint = (
            "give both sides the same secret"
            if newest.status == _UNAUTHORIZED
            else "look at the way from GitHub to the public listener: tunnel, ingress, certificate"
        )
        return Finding(PART, subject, Verdict.FAULT, words, hint)
    if failed:
        words = f"{len(failed)} of the {len(attempts)} newest deliveries failed; the newest ({at}) did not"
        return Finding(PART, subject, Verdict.WARNING, words, "redeliver them: docs/operate.md, Missed deliveries")
    return good(PART, subject, f"the {len(attempts)} newest deliveries were answered; the newest {at}")

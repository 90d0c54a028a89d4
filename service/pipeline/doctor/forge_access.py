"""Our login at the forge: whether it may do in each repository what the configuration needs, and hears of it.

Called by the examination.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from service.core.doctor.finding import Finding, Verdict, good
from service.core.doctor.needs import Needs, lacking
from service.core.words import Repository
from service.ports import Forge
from service.ports.forge_setup import Access

PART = "github"


def examine(forge: Forge, repository: Repository, needs: Needs) -> Iterator[Finding]:
    """Compare what our login may do in a repository with what it needs there."""
    access = forge.access(repository)
    if access.suspended:
        hint = "lift the suspension in the settings of the organisation, under GitHub Apps"
        yield Finding(PART, str(repository), Verdict.FAULT, "the App's installation is suspended", hint)
    elif access.permissions is None:
        yield _by_token(access, repository, needs)
    else:
        yield _by_app(access.permissions, repository, needs)
        if access.events is not None:
            yield from _events(access.events, repository, needs)


def _by_token(access: Access, repository: Repository, needs: Needs) -> Finding:
    if needs.permissions.get("contents") == "write" and not access.can_push:
        hint = "give the token contents: write there, or use an App"
        return Finding(PART, str(repository), Verdict.FAULT, "the token may not push", hint)
    wanted = ", ".join(f"{name}: {level}" for name, level in sorted(needs.permissions.items()))
    words = f"the token reaches it{' and may push' if access.can_push else ''}; GitHub does not tell the rest"
    return Finding(PART, str(repository), Verdict.UNKNOWN, words, f"it needs {wanted}")


def _by_app(permissions: Mapping[str, str], repository: Repository, needs: Needs) -> Finding:
    missing = list(lacking(needs.permissions, permissions))
    if not missing:
        return good(PART, str(repository), "the App has every permission that the configuration needs")
    hint = "add it in the App's settings under Permissions & events, and have an owner accept it"
    return Finding(PART, str(repository), Verdict.FAULT, f"the App lacks {', '.join(missing)}", hint)


def _events(events: frozenset[str], repository: Repository, needs: Needs) -> Iterator[Finding]:
    subject = f"events of {repository}"
    missing, slow = sorted(needs.events - events - {"pull_request"}), sorted(needs.helpful - events)
    if missing and "pull_request" not in events:
        words = f"neither {' nor '.join(missing)} nor pull_request is sent, so no merge starts anything"
        yield Finding(PART, subject, Verdict.FAULT, words, "tick Push and Pull request in the App's settings")
    elif slow:
        words = f"{', '.join(slow)} are not sent: what they tell is seen minutes later"
        yield Finding(
            PART, subject, Verdict.WARNING, words, "tick them in the App's settings under Permissions & events"
        )
    else:
        yield good(PART, subject, "every event that the configuration needs is sent")

"""The rules of a manifest branch against the way in which the configuration writes there. Called by the examination."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from service.core.config import Target
from service.core.doctor.finding import Finding, Verdict, good
from service.core.words import Protected, Publish, Repository
from service.ports import Forge
from service.ports.forge_setup import BranchRules

PART = "branch"


def examine(
    forge: Forge, repository: Repository, branch: str, targets: Sequence[Target], *, signs: bool
) -> Iterator[Finding]:
    """Compare the rules of one branch with the targets that are written there."""
    rules, subject = forge.rules(repository, branch), f"{repository} {branch}"
    found = [*_commits(rules, subject, targets, signs=signs), *_pull_requests(rules, subject, targets)]
    yield from found or [good(PART, subject, "its rules fit the way in which it is written")]


def _commits(rules: BranchRules, subject: str, targets: Sequence[Target], *, signs: bool) -> Iterator[Finding]:
    direct = [one for one in targets if one.publish is Publish.COMMIT]
    stuck = sorted({one.environment for one in direct if one.writing.protected is Protected.ERROR})
    if stuck and (rules.pull_request or rules.queue):
        words = f"{', '.join(stuck)} commit at once, but the branch takes only pull requests"
        hint = "let the App bypass the rule, or set `publish: pull-request` or `manifest.protected: pull-request`"
        yield Finding(PART, subject, Verdict.WARNING, words, hint)
    elif stuck and rules.checks:
        words = f"{', '.join(stuck)} commit at once, but the branch asks for checks: {', '.join(sorted(rules.checks))}"
        yield Finding(PART, subject, Verdict.WARNING, words, "let the App bypass the rule")
    if not rules.whole and direct:
        words = "classic protection is on, and GitHub tells only its required checks"
        yield Finding(PART, subject, Verdict.UNKNOWN, words, "see that it lets the App push, or use a ruleset")
    if rules.signatures and not signs:
        words = "the branch takes signed commits alone, and ours are not signed"
        yield Finding(PART, subject, Verdict.FAULT, words, "set MERGEPORT_SIGNING_KEY_FILE")


def _pull_requests(rules: BranchRules, subject: str, targets: Sequence[Target]) -> Iterator[Finding]:
    proposed = [one for one in targets if one.publish is Publish.PULL_REQUEST]
    if not proposed:
        return
    if not (rules.pull_request or rules.queue or not rules.whole):
        names = ", ".join(sorted({one.environment for one in proposed}))
        words = f"{names} are promoted by pull request, but anybody who may push can go around it"
        yield Finding(PART, subject, Verdict.WARNING, words, "require a pull request before merging, by a ruleset")
    gates = {f"mergeport/gate/{kind}" for one in proposed for kind, _ in one.gates}
    missing = sorted(gates - rules.checks)
    if missing:
        words = f"a pull request can be merged while a gate is closed: {', '.join(missing)} are not required"
        yield Finding(PART, subject, Verdict.WARNING, words, "add them to the required status checks of the branch")

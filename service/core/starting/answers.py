"""The answers that a set-up is made of, checked when they are given. Asked by `mergeport init`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from service.core.config.texts import TextError, branch_name, repository
from service.core.words import Repository

BUILDERS = ("github-actions", "external", "docker")
DOCKERFILES = ("own", "python-web", "python-model", "r-model")
ENVIRONMENTS = (("dev", "develop"), ("stage", "staging"), ("prod", "main"))
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")
_ADDRESS = re.compile(r"https://[^\s/?#]+")
_ACCOUNT = re.compile(r"([0-9]{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?")
MOST_ENVIRONMENTS = len(ENVIRONMENTS)


@dataclass(frozen=True, slots=True)
class StartedApplication:
    """An application, the repository with its code, and whether it has a Dockerfile of its own or a template."""

    name: str
    source: Repository
    dockerfile: str = "own"


@dataclass(frozen=True, slots=True)
class StartedEnvironment:
    """An environment and the branch that feeds it."""

    name: str
    branch: str


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person has answered. The last environment is promoted by pull request, which `reviewers` review.

    `hooks` is the address at which GitHub reaches the public listener, `url` the one at which people reach the pages.
    `workflow` is `owner/name` of the copy of Mergeport whose reusable workflow builds, and `version` a commit of it.
    """

    manifests: Repository
    applications: tuple[StartedApplication, ...]
    registry: str
    environments: tuple[StartedEnvironment, ...] = tuple(StartedEnvironment(*one) for one in ENVIRONMENTS)
    builder: str = BUILDERS[0]
    reviewers: str = ""
    hooks: str = "https://hooks.example.com"
    url: str = "https://mergeport.example.com"
    argocd: str = ""
    workflow: str = "acme/mergeport"
    version: str = "COMMIT"
    oidc_provider: str = ""

    @property
    def owner(self) -> str:
        """The organisation that the manifests belong to."""
        return self.manifests.partition("/")[0]

    @property
    def account(self) -> str:
        """The AWS account of the registry; empty where it is not Amazon ECR."""
        found = _ACCOUNT.fullmatch(self.registry)
        return found[1] if found else ""


def application(text: str) -> StartedApplication:
    """Read `NAME=OWNER/REPOSITORY[:DOCKERFILE]`; the name is the repository's if it is left out. Raises TextError."""
    name, equals, rest = text.partition("=")
    source, _, dockerfile = (rest if equals else name).partition(":")
    found = repository(source)
    name = name if equals else found.rpartition("/")[2].lower()
    if not _NAME.fullmatch(name):
        raise TextError(f'"{name}" is no name of an application', "use at most 40 of a-z, 0-9 and -: checkout")
    if (dockerfile or "own") not in DOCKERFILES:
        raise TextError(f'"{dockerfile}" is no way to build', f"write one of {', '.join(DOCKERFILES)} after the colon")
    return StartedApplication(name, found, dockerfile or "own")


def environment(text: str) -> StartedEnvironment:
    """Read `NAME=BRANCH`. Raises TextError."""
    name, _, branch = text.partition("=")
    if not _NAME.fullmatch(name) or not branch:
        raise TextError(f'"{text}" is no environment with its branch', "write dev=develop")
    return StartedEnvironment(name, branch_name(branch))


def address(text: str) -> str:
    """Read an `https://` address without a path. Raises TextError."""
    if not _ADDRESS.fullmatch(text.rstrip("/")):
        raise TextError(f'"{text}" is no address', "write https://HOST, without a path")
    return text.rstrip("/")


def check(environments: Sequence[StartedEnvironment], applications: Sequence[StartedApplication]) -> None:
    """Refuse names that stand twice, and more environments than the template has. Raises TextError."""
    for what, names in (
        ("environment", [one.name for one in environments]),
        ("application", [one.name for one in applications]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise TextError(f"the {what} {twice[0]} is named twice", "give each a name of its own")
        if not names:
            raise TextError(f"no {what} is named", f"name at least one {what}")
    if len(environments) > MOST_ENVIRONMENTS:
        raise TextError(
            f"there are {len(environments)} environments, and the template has {MOST_ENVIRONMENTS}",
            "begin with three, and copy one for each of the others",
        )

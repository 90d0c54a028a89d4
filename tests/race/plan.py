"""What a race is about: its size, its applications and environments, their files, and the configuration.

Pure. Values files come in several shapes, so that each byte of each has to be left alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.race.registry import TAG_LENGTH

MANIFESTS, PRODUCTION = "acme/manifests", "acme/manifests-prod"
BRANCHES = {"dev": "develop", "stage": "staging", "prod": "main"}
"""The source branch that feeds each environment."""
LIVE, UPSTREAM = "live", "stage"
"""The environment that another one feeds; only some applications come there by themselves."""
ENVIRONMENTS = (*BRANCHES, LIVE)


@dataclass(frozen=True, slots=True)
class Plan:
    """How large a race is, and what happens in it.

    `limit` ends the sending, in seconds. `settle` is how long runs may take to end after the trouble is over. `pause`
    is the average time between two acts of people, `haste` between two of a release manager, `havoc` between two kills
    or stops of workers.
    """

    edits: int = 10_000
    seed: int = 1
    sources: int = 5
    applications: int = 4
    workers: int = 2
    limit: float = 3600.0
    settle: float = 150.0
    backlog: int = 60
    pause: float = 4.0
    haste: float = 3.0
    havoc: float = 20.0
    managers: int = 2
    people: bool = True
    weather: bool = True
    kills: bool = True
    long_stops: bool = True
    disorder: bool = True

    def names(self, source: int) -> list[str]:
        """Name the applications of a source repository."""
        return [f"app-{source}-{number}" for number in range(self.applications)]

    def all_names(self) -> list[str]:
        """Name all applications."""
        return [name for source in range(self.sources) for name in self.names(source)]

    def line_length(self) -> int:
        """Give how many commits each source branch may need."""
        return 8 + 3 * self.edits // (self.sources * self.applications * len(BRANCHES))


def repository_of(environment: str) -> str:
    """Give the manifest repository of an environment."""
    return PRODUCTION if environment == "prod" else MANIFESTS


def source_of(number: int) -> str:
    """Give the name of a source repository."""
    return f"acme/source-{number}"


def wanted(application: str, environment: str, commit: str, image: str) -> dict[str, dict[str, str]]:
    """Give what an edit should write into which file."""
    tag, digest = commit[:TAG_LENGTH], image.rpartition("@")[2]
    return {
        f"apps/{application}/values-{environment}.yaml": {"image.tag": tag, "image.digest": digest},
        f"apps/{application}/release-{environment}.yaml": {"release.commit": commit},
    }


def configuration(plan: Plan, registry: str) -> str:
    """Write mergeport.yaml."""
    applications = "".join(
        f"  {name}: {{source: {source_of(source)}{_BY_ITSELF if number % 3 == 0 else ''}}}\n"
        for source in range(plan.sources)
        for number, name in enumerate(plan.names(source))
    )
    return f"""\
defaults:
  registry: {{kind: oci, host: "{registry}"}}
  tag: "{{short_sha}}"
  build: {{kind: external}}
  values:
    - file: "apps/{{application}}/values-{{environment}}.yaml"
      set: {{image.tag: "{{tag}}", image.digest: "{{digest}}"}}
    - file: "apps/{{application}}/release-{{environment}}.yaml"
      set: {{release.commit: "{{sha}}"}}
  argocd: false
environments:
  dev: {{branch: {BRANCHES["dev"]}}}
  stage: {{branch: {BRANCHES["stage"]}}}
  prod: {{branch: {BRANCHES["prod"]}, manifest: {{repository: {PRODUCTION}, branch: main}}}}
  {LIVE}: {{from: {UPSTREAM}, automatic: false}}
applications:
{applications}"""


def files_of(repository: str, plan: Plan) -> dict[str, bytes]:
    """Give the values files that a manifest repository begins with."""
    found: dict[str, bytes] = {}
    for number, name in enumerate(plan.all_names()):
        for environment in ENVIRONMENTS:
            if repository_of(environment) == repository:
                shape = SHAPES[(number + len(found)) % len(SHAPES)]
                found[f"apps/{name}/values-{environment}.yaml"] = shape.replace("NAME", name).encode()
                release = f"release:\n  commit: none-yet  # of {name}\n  notes: ''\nreplicas: 1\n"
                found[f"apps/{name}/release-{environment}.yaml"] = release.encode()
    return found


_BY_ITSELF = f", environments: {{{LIVE}: {{automatic: true}}}}"
_PLAIN = """\
# Values of NAME in this environment.
replicas: 2  # people change this

image:
  repository: registry.invalid/NAME
  tag: tag-before   # written by Mergeport
  digest: digest-before
sidecar:
  image: {tag: tag-before, digest: digest-before}  # not ours: tag-before
notes: "größer 🚀"
"""
_QUOTED = _PLAIN.replace("tag: tag-before   #", 'tag: "tag-before"   #').replace("digest-before\n", "'digest-before'\n")
_FLOW = """\
replicas: 2
image: {tag: tag-before, digest: 'digest-before'}  # digest-before
other:
    - image: {tag: '1'}
"""
_REVERSED = """\
# ---
other:
  tag: tag-before
image:
    digest:   "digest-before"
    tag:   'tag-before'

replicas: 2


"""
SHAPES = (
    _PLAIN,
    _QUOTED,
    _PLAIN.replace("\n", "\r\n"),
    "\ufeff" + _PLAIN,
    _PLAIN.rstrip("\n"),
    _FLOW,
    _REVERSED,
)

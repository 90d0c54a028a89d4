"""Values files of any length, as teams write them: comments, quotes of every kind, lists, and an image in each part.

Used by the benchmarks that edit. The same arguments give the same text.
"""

from __future__ import annotations

_PART = """\
# -- {name}: owned by team-{team}; ask there before raising limits
{name}:
  enabled: true
  replicas: {replicas}  # see the runbook
  image:
    repository: registry.example/teams/{name}  # written by the pipeline
    tag: "{tag}"
    digest: 'sha256:{digest}'
  resources:
    requests: {{cpu: 100m, memory: 128Mi}}
    limits:
      cpu: "1"
      memory: 512Mi
  env:
    - name: LOG_LEVEL
      value: info
    - name: GREETING
      value: "Grüße, {name}"

"""
_LINES = _PART.count("\n")


def part_name(number: int) -> str:
    """Name the part of a values file with this number, counted from 0."""
    return f"app{number:05}"


def values_file(lines: int, *, seed: int = 0) -> str:
    """Write a values file of so many lines, at least one part; the rest is a comment."""
    parts = max(1, lines // _LINES)
    text = "".join(_part(number, seed) for number in range(parts))
    return text + "".join(f"# line {line}\n" for line in range(text.count("\n"), lines))


def _part(number: int, seed: int) -> str:
    mark = number * 7919 + seed
    return _PART.format(
        name=part_name(number), team=number % 17, replicas=number % 5 + 1, tag=f"{mark:012x}", digest=f"{mark:064x}"
    )

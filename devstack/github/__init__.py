"""A stateful double of GitHub: REST API, web hooks, pull requests, statuses, App tokens.

Commits, branches and files are those of real bare repositories; the rest is in memory. `GitHub` in
`devstack.github.server` is the entry.
"""

from devstack.github.actions import Sending
from devstack.github.server import GitHub

__all__ = ["GitHub", "Sending"]

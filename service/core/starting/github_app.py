"""The GitHub App's manifest: the least permissions that a configuration needs, its events, and its web hook. Pure.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

from collections.abc import Iterable

from service.core.doctor.needs import Needs

LONGEST_NAME = 34
"""GitHub takes no longer name of an App."""


def app_manifest(needs: Iterable[Needs], *, owner: str, hooks: str, url: str) -> dict[str, object]:
    """Give the manifest, but for `redirect_url`, which is added when the page is open.

    An App has its permissions in all repositories, so each has the highest level that any of them needs.
    """
    together = Needs()
    for one in needs:
        for name, level in one.permissions.items():
            together.permit(name, level)
        together.events |= one.events | one.helpful
    return {
        "name": f"Mergeport of {owner}"[:LONGEST_NAME].rstrip(),
        "url": url,
        "hook_attributes": {"url": f"{hooks}/webhooks/github", "active": True},
        "public": False,
        "default_permissions": dict(sorted(together.permissions.items())),
        "default_events": sorted(together.events | {"pull_request"}),
    }

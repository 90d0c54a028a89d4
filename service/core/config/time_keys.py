"""The keys that say how long is waited for what, and how long something must last."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from service.core.config.key_types import DurationKey, Keys


class DeadlineKeys(Keys):
    """How long a run waits for each thing before it fails: 90s, 30m, 12h, 30d, 1h30m."""

    build: DurationKey = Field(default="30m", description="A build on this machine.")
    image: DurationKey = Field(default="60m", description="An image that another pipeline builds and pushes.")
    sync: DurationKey = Field(default="15m", description="Argo CD having the commit live and healthy.")
    pull_request: DurationKey = Field(default="30d", description="A person merging the pull request.")


class HealthKeys(Keys):
    """What Argo CD shows counts as live and healthy only if it lasts, and as failed only if it lasts."""

    grace: DurationKey = Field(
        default="60s",
        description="How long a run waits while Degraded, a failed comparison and the like last: they often pass.",
    )
    stable: DurationKey = Field(
        default="", description="How long live and healthy must last before the run succeeds; at once if absent."
    )
    out_of_sync: Literal["wait", "accept"] = Field(
        default="wait",
        description="accept: objects without our images may be OutOfSync after our sync succeeded.",
    )

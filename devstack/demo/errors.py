"""The demo's one error: something is not as the demo claims."""

from __future__ import annotations


class DemoError(Exception):
    """What went wrong, for people. It ends the demo with exit status 1."""

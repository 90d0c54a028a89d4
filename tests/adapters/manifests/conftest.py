"""The fixtures of this folder."""

from tests.adapters.git.served import served

__all__ = ["served"]

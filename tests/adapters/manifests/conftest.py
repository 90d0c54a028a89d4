"""The fixtures of this folder."""

from tests.adapters.git.served import served
from tests.fixtures.disks import small_disk

__all__ = ["served", "small_disk"]

"""The chart tests' one fixture comes from the plugin beside the others."""

from tests.fixtures.charts import render

__all__ = ["render"]

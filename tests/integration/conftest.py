"""The integration tests render charts with the fixture of the chart tests."""

from tests.fixtures.charts import render

__all__ = ["render"]

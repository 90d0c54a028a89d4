"""The integration tests render charts with the fixture of the chart tests, and share a pair of workers."""

from tests.fixtures.charts import render
from tests.integration.pairs import pair

__all__ = ["pair", "render"]

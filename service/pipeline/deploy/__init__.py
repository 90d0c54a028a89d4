"""Asks Argo CD to refresh, and follows the run's revision until it is live and healthy."""

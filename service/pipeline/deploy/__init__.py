"""Argo CD is told, and the run's revision is followed until it is live and healthy."""

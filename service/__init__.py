"""Mergeport: a merge on GitHub becomes a traceable change of what Argo CD runs."""

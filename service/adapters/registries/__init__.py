"""Registries: where images are, and where digests are read."""

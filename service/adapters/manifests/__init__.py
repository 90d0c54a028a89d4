"""Manifests: how desired state is read and written."""

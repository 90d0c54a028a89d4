"""Builders: each one has an image made of a source commit."""

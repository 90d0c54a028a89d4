"""Builders: who has an image made of a source commit."""

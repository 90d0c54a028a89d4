"""Forges: GitHub and its like."""

"""The REST routes of the GitHub double, one module a chapter of GitHub's reference."""

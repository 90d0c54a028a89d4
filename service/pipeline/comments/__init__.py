"""Obeys commands in comments on pull requests, for people whose role allows it, and answers each once."""

"""The one way into a manifest repository: what should stand there, in which order, and how it gets onto a branch."""

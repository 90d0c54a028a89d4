"""Deployers: each one makes desired state live and reports its state."""

"""Deployers: who makes desired state live, and tells how it fares."""

"""Notifiers: each one reports the end of a run. One file is one kind, which `notify` in the configuration names."""

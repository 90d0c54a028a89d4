"""Notifiers: who is told what became of a run. One file is one kind, which `notify` in the configuration names."""

"""Model registries: one file is one kind, which `model_registries` in the configuration names."""

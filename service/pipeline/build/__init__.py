"""A run's images are in the registry: found, made here, or awaited from elsewhere."""

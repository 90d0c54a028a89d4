"""A run's images go into the environment's desired state, by a commit or a pull request."""

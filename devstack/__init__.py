"""An offline GitHub, ECR and Argo CD, for `make demo` and the tests. Never in the runtime image."""

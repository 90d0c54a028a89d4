"""What `mergeport init` writes: texts from the templates that we bring and a person's answers. Pure."""

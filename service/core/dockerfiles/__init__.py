"""Dockerfiles for projects that have none: read the project's files, describe it, write the Dockerfile. Pure.

`wishes` has the keys of `build`, and is light; `describe` goes through `python_app`, `mlflow_model`, `r_app` and
`dependencies`; `render` writes. Reading the files is the adapters' work.
"""

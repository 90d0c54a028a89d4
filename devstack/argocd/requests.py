"""Reads requests to the Argo CD double, and refuses wrong ones. Called by `server`."""

from __future__ import annotations

from flask import Response, jsonify, request

from devstack.argocd.application import Application

VERSION = {
    "Version": "v3.5.7+devstack",
    "BuildDate": "1970-01-01T00:00:00Z",
    "GitCommit": "devstack",
    "GitTreeState": "clean",
    "GoVersion": "go1.26.8",
    "Compiler": "gc",
    "Platform": "linux/amd64",
    "KustomizeVersion": "",
    "HelmVersion": "v4.2",
    "JsonnetVersion": "v0.22.0",
}


def is_listed(app: Application) -> bool:
    """Tell whether the parameters of a list call include an application; `projects` may be given several times."""
    projects = [*request.args.getlist("projects"), *request.args.getlist("project")]
    named = request.args.get("name") in {None, "", app.name}
    return named and (not projects or app.project in projects) and _selected(app, request.args.get("selector", ""))


def _selected(app: Application, selector: str) -> bool:
    wanted = [part.partition("=") for part in selector.split(",") if part]
    return all(app.labels.get(key.strip().rstrip("=!")) == value.strip().lstrip("=") for key, _, value in wanted)


def error_answer(status: int, code: int, message: str) -> Response:
    """Write an error as Argo CD's gateway does."""
    response = jsonify({"error": message, "code": code, "message": message})
    response.status_code = status
    return response

"""`mergeport init app`: registers the GitHub App of a set-up with one click, and keeps what GitHub gives for it.

A page on this machine alone sends the App's manifest to GitHub. GitHub sends the person back here with a code, which is
exchanged for the App's id, key and web hook's secret. They are written into files that only their owner may read.
"""

from __future__ import annotations

import html
import json
import os
import secrets
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import click

from service.cli.printing import say

if TYPE_CHECKING:
    from service.adapters.github_api.app_registration import NewApp

LONGEST_WAIT_SECONDS = 3600
_PAGE = """<!doctype html><meta charset="utf-8"><title>Mergeport</title>
<h1>Register the GitHub App</h1>
<p>GitHub shows it, and you give it a name. It asks for these permissions: {permissions}.</p>
<form action="{action}" method="post"><input type="hidden" name="manifest" value="{manifest}">
<button>Register it on GitHub</button></form>"""
_DONE = """<!doctype html><meta charset="utf-8"><title>Mergeport</title>
<h1>Registered</h1><p>Its key and its secret are in {folder}. Now <a href="{install}">install it</a>.</p>"""


@click.command("app")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--organization", default="", help="Whose App it is; your own if absent.")
@click.option("--github", default="https://github.com", help="GitHub's pages, for GitHub Enterprise Server.")
@click.option("--api-url", default="https://api.github.com", help="GitHub's API: https://HOST/api/v3 of such a server.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="The port of the page; any free one if absent.")
@click.option("--browser/--no-browser", default=True, help="Whether to open the page.")
def app(folder: Path, organization: str, github: str, api_url: str, port: int, browser: bool) -> None:
    """Register the GitHub App that FOLDER describes, and keep its key and secret in FOLDER/secrets."""
    from service.bootstrap import register_app  # noqa: PLC0415 - heavy

    manifest = json.loads((folder / "github-app.json").read_text(encoding="utf-8"))
    place = f"{github.rstrip('/')}/" + (f"organizations/{organization}/settings" if organization else "settings")
    server = _Server(("127.0.0.1", port), _Handler)
    server.registration = registration = _Registration(
        manifest, f"{place}/apps/new", folder, lambda code: register_app(api_url, code), server.server_address[1]
    )
    say(f"Open {registration.page} on this machine.")
    if browser:
        webbrowser.open(registration.page)
    threading.Thread(target=server.serve_forever, name="registration", daemon=True).start()
    came = registration.done.wait(LONGEST_WAIT_SECONDS)
    server.shutdown()
    server.server_close()
    if not came or registration.made is None:
        raise click.ClickException("nobody has registered the App within an hour: begin again")
    say(f"Registered: {registration.made.address}. Install it: {registration.made.address}/installations/new")


class _Registration:
    """One registration: what is sent, what came back."""

    def __init__(
        self, manifest: dict[str, object], action: str, folder: Path, exchange: Callable[[str], NewApp], port: int
    ) -> None:
        self.page = f"http://127.0.0.1:{port}/"
        self.state = secrets.token_urlsafe(24)
        self.action = f"{action}?state={self.state}"
        self.manifest = {**manifest, "redirect_url": f"{self.page}registered"}
        self.folder = folder / "secrets"
        self.exchange = exchange
        self.made: NewApp | None = None
        self.done = threading.Event()

    def form(self) -> str:
        permissions = self.manifest.get("default_permissions")
        told = (
            ", ".join(f"{name}: {level}" for name, level in permissions.items())
            if isinstance(permissions, dict)
            else ""
        )
        return _PAGE.format(
            permissions=html.escape(told),
            action=html.escape(self.action),
            manifest=html.escape(json.dumps(self.manifest)),
        )

    def came_back(self, code: str) -> str:
        made = self.exchange(code)
        keep(self.folder / "github-app.pem", made.private_key)
        if made.webhook_secret:
            keep(self.folder / "webhook", made.webhook_secret)
        name_app(self.folder.parent / "settings.env", made.id)
        self.made = made
        self.done.set()
        install = f"{made.address}/installations/new"
        return _DONE.format(folder=html.escape(str(self.folder)), install=html.escape(install))


def keep(file: Path, secret: str) -> None:
    """Write a secret for its owner alone; one that is there is kept beside it, because it may be in use."""
    file.parent.mkdir(mode=0o700, exist_ok=True)
    if file.exists() and file.read_text(encoding="utf-8") != secret:
        file.replace(file.with_name(f"{file.name}.before"))
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600)  # a file that was there keeps its mode otherwise
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(secret)


def name_app(file: Path, number: int) -> None:
    """Put the App's id into the settings, where none is named yet."""
    if not file.is_file():
        return
    text = file.read_text(encoding="utf-8")
    line = "MERGEPORT_GITHUB_APP_ID="
    file.write_text(text.replace(f"{line}\n", f"{line}{number}\n", 1), encoding="utf-8")


@dataclass
class _Answer:
    status: HTTPStatus
    text: str


class _Server(ThreadingTCPServer):
    """Not http.server's own, which asks DNS for this machine's name before it listens."""

    allow_reuse_address = True
    registration: _Registration


class _Handler(BaseHTTPRequestHandler):
    timeout = 5
    """Seconds. Browsers open connections that they may never use."""
    server: _Server

    def do_GET(self) -> None:
        """Show the form, or take the code."""
        answer = self._answer()
        body = answer.text.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(body)

    def _answer(self) -> _Answer:
        from service.errors import MergeportError  # noqa: PLC0415 - beside the others

        asked, registration = urlsplit(self.path), self.server.registration
        if self.headers.get("Host") != urlsplit(registration.page).netloc:
            return _Answer(HTTPStatus.MISDIRECTED_REQUEST, "open it under its own address")
        if asked.path == "/":
            return _Answer(HTTPStatus.OK, registration.form())
        if asked.path != "/registered":
            return _Answer(HTTPStatus.NOT_FOUND, "there is nothing here")
        given = {name: values[0] for name, values in parse_qs(asked.query).items()}
        if not secrets.compare_digest(given.get("state", ""), registration.state) or not given.get("code"):
            return _Answer(HTTPStatus.FORBIDDEN, "this answer belongs to another registration: begin again at /")
        try:
            return _Answer(HTTPStatus.OK, registration.came_back(given["code"]))
        except MergeportError as error:
            say(str(error), err=True)
            return _Answer(HTTPStatus.BAD_GATEWAY, html.escape(str(error)))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Log nothing: the code is in the address."""

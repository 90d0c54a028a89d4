"""A private package index on loopback: files of a folder, for those who know the password."""

from __future__ import annotations

import re
import threading
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

USER, PASSWORD = "ci", "a-password-of-the-index"


@dataclass(slots=True)
class PackageIndex:
    """Where it is, and what was asked of it with the password and without."""

    url: str
    let_in: list[str] = field(default_factory=list)
    turned_away: list[str] = field(default_factory=list)


@contextmanager
def serve_index(folder: Path) -> Iterator[PackageIndex]:
    """Serve a simple index (PEP 503) of the wheels in a folder."""
    wanted = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != wanted:
                index.turned_away.append(self.path)
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="packages"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            index.let_in.append(self.path)
            body, kind = self.answer()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def answer(self) -> tuple[bytes, str]:
            name = self.path.rstrip("/").rpartition("/")[2]
            if self.path.startswith("/files/"):
                return (folder / name).read_bytes(), "application/octet-stream"
            found = [file.name for file in folder.glob("*.whl") if project(file.name) == name]
            links = "".join(f'<a href="/files/{one}">{one}</a>' for one in found)
            return f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), "text/html"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    index = PackageIndex(f"http://127.0.0.1:{server.server_port}/simple")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def project(wheel: str) -> str:
    return re.sub(r"[-_.]+", "-", wheel.partition("-")[0]).lower()


_MLFLOW = """\
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/ping" else 404)
        self.end_headers()


def main():
    options = dict(word.removeprefix("--").partition("=")[::2] for word in sys.argv[3:])
    assert sys.argv[1:3] == ["models", "serve"], sys.argv
    assert options["env-manager"] == "local", sys.argv
    open(options["model-uri"] + "/MLmodel").read()
    HTTPServer((options["host"], int(options["port"])), Handler).serve_forever()
"""


def write_mlflow(folder: Path) -> None:
    """Write a wheel with the one command of MLflow that serves a model; the real one has 850 MB with what it needs."""
    info = "mlflow-2.16.0.dist-info"
    with zipfile.ZipFile(folder / "mlflow-2.16.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("mlflow_stub.py", _MLFLOW)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: mlflow\nVersion: 2.16.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\nmlflow = mlflow_stub:main\n")
        names = ["mlflow_stub.py", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/entry_points.txt", f"{info}/RECORD"]
        wheel.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in names))

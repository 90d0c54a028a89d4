"""An ECR on loopback: `ministack` as a child process, with a front that asks for passwords and can be disturbed.

The front closes gaps of the real part behind it: `/v2` wants a token that the API gave out and that has not run out,
an image that was deleted is not there by its digest either, and a tag that does not exist is an error of
DescribeImages, as at AWS. Both planes are on one port.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from devstack.ecr_process import free_port, listens, watch
from devstack.ecr_scans import Scans
from devstack.ecr_untagging import remove_tags
from devstack.faults import FaultLayer
from devstack.serving import LoopbackServer
from devstack.showing import HEADERS, HTML, show

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

REGION = "ap-northeast-2"
ACCOUNT = "123456789012"
TARGET_PREFIX = "AmazonEC2ContainerRegistry_V20150921."
TOKEN_LIFE = 12 * 3600
"""Seconds for which ECR's login tokens are good."""
START_ATTEMPTS = 3
_CORRECTED = {"GetAuthorizationToken", "DescribeImages"}
"""The answers of the API that differ from those of AWS."""
_JSON = ("Content-Type", "application/x-amz-json-1.1")
HOP_HEADERS = {"connection", "keep-alive", "transfer-encoding", "upgrade", "content-length", "date", "server"}


class EcrMissingError(Exception):
    """`ministack` is not installed, or does not start."""


def ministack_binary() -> Path:
    """Return where `make install` puts the part; raise EcrMissingError when it is not there."""
    path = Path(sys.prefix) / "ministack" / "bin" / "ministack"
    if not path.exists():
        raise EcrMissingError(f"{path} is missing: make install puts it there")
    return path


class Ecr:
    """A running ECR: `endpoint` for boto3, `host` for `/v2`, `faults` to plant faults and read requests.

    `process` is the child; `stop` ends it.
    """

    def __init__(self, directory: Path, *, port: int = 0) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self.tokens: dict[str, float] = {}
        self._deleted: set[str] = set()
        self.scans = Scans()
        self.process, self._backend = self._start()
        self._watcher = watch(self.process.pid)
        self.faults = FaultLayer(self._forward)
        self._server = LoopbackServer(self.faults, port=port)

    @property
    def endpoint(self) -> str:
        """The address of the API, for boto3's `endpoint_url`."""
        return self._server.url

    @property
    def host(self) -> str:
        """Host and port of the registry, spoken to in plain HTTP."""
        return f"127.0.0.1:{self._server.port}"

    def environment(self) -> dict[str, str]:
        """Return the settings under which boto3 and Mergeport find this registry."""
        return {
            "MERGEPORT_ECR_ENDPOINT": self.endpoint,
            "MERGEPORT_ECR_HOST": self.host,
            "AWS_ACCESS_KEY_ID": "devstack",
            "AWS_SECRET_ACCESS_KEY": "devstack",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def expire_tokens(self) -> None:
        """Let every login token given out so far expire now."""
        self.tokens.clear()

    def reset(self) -> None:
        """Forget all repositories, tokens and faults."""
        self.faults.clear()
        self.faults.log.clear()
        self.tokens.clear()
        self._deleted.clear()
        self.scans.known.clear()
        self._call("POST", "/_ministack/reset", b"", {})

    def stop(self) -> None:
        """End the front and the child; calling this again is harmless."""
        self.faults.clear()
        self._server.stop()
        self._watcher.terminate()
        self._watcher.communicate()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def _start(self) -> tuple[subprocess.Popen[bytes], int]:
        for _attempt in range(START_ATTEMPTS):
            port = free_port()
            with (self._directory / "ministack.log").open("ab") as log:
                process = subprocess.Popen(
                    [str(ministack_binary())],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=self._child_environment(port),
                )
            if listens(process, port):
                return process, port
            process.kill()
            process.wait()
        log_text = (self._directory / "ministack.log").read_text(encoding="utf-8", errors="replace")
        raise EcrMissingError(f"ministack does not start: {log_text[-500:]}")

    def _child_environment(self, port: int) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._directory),
            "TMPDIR": str(self._directory),
            "MINISTACK_HOST": "127.0.0.1",
            "HOST": "127.0.0.1",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "SERVICES": "ecr,sts,sqs,codebuild,events,cloudformation,iam",
            "LOG_LEVEL": "WARNING",
            "DOCKER_HOST": "unix:///nonexistent",
            "IOT_MTLS_ENABLED": "0",
        }

    def _forward(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith("/v2") and not self._logged_in(environ):
            headers = [
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Docker-Distribution-Api-Version", "registry/2.0"),
                ("WWW-Authenticate", f'Basic realm="{self.endpoint}/",service="ecr.amazonaws.com"'),
            ]
            start_response("401 Unauthorized", headers)
            return [b"" if environ["REQUEST_METHOD"] == "HEAD" else b"Not Authorized\n"]
        if path == "/" and environ["REQUEST_METHOD"] in {"GET", "HEAD"}:
            page = show("ecr.html", double="Amazon ECR", repositories=self._images()).encode()
            start_response("200 OK", [("Content-Type", HTML), *HEADERS.items()])
            return [page if environ["REQUEST_METHOD"] == "GET" else b""]
        if path in self._deleted and environ["REQUEST_METHOD"] in {"GET", "HEAD"}:
            start_response("404 Not Found", [("Content-Type", "application/json")])
            return [b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "Requested image not found"}]}']
        body = environ["wsgi.input"].read()
        query = environ.get("QUERY_STRING", "")
        address = quote(path, safe="/:@") + (f"?{query}" if query else "")
        target = environ.get("HTTP_X_AMZ_TARGET", "").removeprefix(TARGET_PREFIX)
        if target == "DescribeImageScanFindings":
            status, answer = self.scans.answer(body)
            start_response(f"{status} {http.client.responses[status]}", [_JSON, _length(answer)])
            return [answer]
        removed: list[dict[str, str]] = []
        if target == "BatchDeleteImage":
            removed, body = self._untagged(body, _headers(environ))
        status, headers, answer = self._call(environ["REQUEST_METHOD"], address, body, _headers(environ))
        if removed:
            told = json.loads(answer)
            answer = json.dumps({**told, "imageIds": [*told.get("imageIds", []), *removed]}).encode()
        status, answer = self._correct(target, status, body, answer)
        self._remember_deleted(target, body)
        if environ["REQUEST_METHOD"] == "PUT":
            digest = dict(headers).get("Docker-Content-Digest", "")
            self._deleted.discard(f"{path.rpartition('/')[0]}/{digest}")
        if environ["REQUEST_METHOD"] != "HEAD":
            headers = [*(pair for pair in headers if pair[0].lower() != "content-length"), _length(answer)]
        start_response(f"{status} {http.client.responses.get(status, 'Unknown')}", headers)
        return [answer]

    def _images(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """Give what the page for people shows: each repository's URI, and its images."""
        found = []
        for one in self._ask("DescribeRepositories", {}).get("repositories", []):
            images = self._ask("DescribeImages", {"repositoryName": one["repositoryName"]}).get("imageDetails", [])
            found.append((one["repositoryUri"], images))
        return found

    def _untagged(self, body: bytes, headers: dict[str, str]) -> tuple[list[dict[str, str]], bytes]:
        """Remove tags of images that keep others; give them, and the request for what is left to be deleted."""
        asked = json.loads(body)
        signed = {name: value for name, value in headers.items() if name.lower() == "authorization"}
        removed, left = remove_tags(
            lambda action, wanted: self._ask(action, wanted, signed),
            self._put_manifest,
            asked,
        )
        return removed, json.dumps({**asked, "imageIds": left}).encode()

    def _put_manifest(self, address: str, content: bytes) -> None:
        self._call("PUT", address, content, {"Content-Type": "application/vnd.oci.image.manifest.v1+json"})

    def _ask(self, action: str, body: dict[str, Any], signed: dict[str, str] | None = None) -> dict[str, Any]:
        headers = {"X-Amz-Target": f"{TARGET_PREFIX}{action}", "Content-Type": "application/x-amz-json-1.1"}
        headers |= signed or {}
        _, _, answer = self._call("POST", "/", json.dumps(body).encode(), headers)
        told: dict[str, Any] = json.loads(answer)
        return told

    def _logged_in(self, environ: WSGIEnvironment) -> bool:
        scheme, _, text = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return user == "AWS" and self.tokens.get(password, 0.0) > time.time()

    def _correct(self, target: str, status: int, request: bytes, answer: bytes) -> tuple[int, bytes]:
        """Correct the answers of the API where `ministack` differs from AWS."""
        if status != http.HTTPStatus.OK or target not in _CORRECTED:
            return status, answer
        body: dict[str, Any] = json.loads(answer)
        if target == "GetAuthorizationToken":
            password = secrets.token_urlsafe(24)
            self.tokens[password] = time.time() + TOKEN_LIFE
            for one in body["authorizationData"]:
                one["authorizationToken"] = base64.b64encode(f"AWS:{password}".encode()).decode()
                one["expiresAt"] = self.tokens[password]
            return status, json.dumps(body).encode()
        asked = json.loads(request)
        wanted = asked.get("imageIds") or []
        if len(body["imageDetails"]) < len(wanted):
            message = (
                f"The image with imageId {wanted[0]} does not exist within the repository {asked['repositoryName']}"
            )
            return 400, json.dumps({"__type": "ImageNotFoundException", "message": message}).encode()
        return status, answer

    def _remember_deleted(self, target: str, request: bytes) -> None:
        """Note what is deleted by digest: `ministack` itself goes on giving it on `/v2`."""
        if target != "BatchDeleteImage":
            return
        asked = json.loads(request)
        for one in asked.get("imageIds", []):
            if one.get("imageDigest"):
                self._deleted.add(f"/v2/{asked['repositoryName']}/manifests/{one['imageDigest']}")

    def _call(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._backend, timeout=60)
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP_HEADERS]
            if method == "HEAD" and answer.headers.get("Content-Length"):
                kept.append(("Content-Length", answer.headers["Content-Length"]))
            return answer.status, kept, content
        finally:
            connection.close()


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    found = {key[5:].replace("_", "-"): value for key, value in environ.items() if key.startswith("HTTP_")}
    found = {name: value for name, value in found.items() if name.lower() not in HOP_HEADERS}
    if environ.get("CONTENT_TYPE"):
        found["Content-Type"] = environ["CONTENT_TYPE"]
    return found


def _length(answer: bytes) -> tuple[str, str]:
    return ("Content-Length", str(len(answer)))

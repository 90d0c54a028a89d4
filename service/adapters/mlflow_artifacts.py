"""The files of a model's version: whether they are there, stay as they are, and what they are recognised by.

Called by MLflow's adapter. Files behind the server's own proxy (`mlflow-artifacts:`) are listed. Of other stores we
have no credentials, so of those only the address is judged.
"""

from __future__ import annotations

import hashlib
import re
from io import StringIO
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, urlsplit

from service.core.models import LONGEST_URI
from service.errors import PermanentError, RetryableError
from service.ports import Artifact

if TYPE_CHECKING:
    from service.adapters.model_http import ModelHttp

_LIST = "/api/2.0/mlflow-artifacts/artifacts"
MOST_FILES, MOST_FOLDERS = 500, 100
MOST_BYTES = 32_000_000
"""The most bytes of a version that are read for its checksum.

That is of what `sha256sum` says of its sorted files, as the application chart's load-model.sh computes it.
"""
_LONGEST_SIGNATURE = 4_000
_PINNED = {
    "hf": re.compile(r"hf://[^/]+/[^/:@]+[:@][0-9a-f]{40}(?:/.*)?"),
    "oci": re.compile(r"oci://[^@]+@sha256:[0-9a-f]{64}"),
    "models": re.compile(r"models:/+(?:m-[0-9a-z-]+|[^/@:]+/[0-9]+)/?"),
}
"""Where an address of this scheme stays what it is: by commit, by digest, by version."""


def find_artifact(http: ModelHttp, uri: str, what: str) -> Artifact:
    """Look for the files at an address; see the port."""
    parts = _checked(uri, what)
    if parts.scheme != "mlflow-artifacts":
        return Artifact(words=f"the files are not looked at: Mergeport has no access to {parts.scheme or 'the disk'}")
    root = parts.path.strip("/")
    files = _listed(http, root)
    if not files:
        raise PermanentError(
            f"there are no files of {what} at {uri}",
            code="model-artifact-missing",
            hint="log the model again, or move the alias to a version that has its files",
        )
    told = _read(http, root, "MLmodel") if "MLmodel" in files else b""
    size = sum(files.values())
    if size > MOST_BYTES:
        words = f"the files have {size / 1e6:.0f} MB, which is too much to read"
        return Artifact("", _signature(told), words)
    sums = [f"{hashlib.sha256(_read(http, root, path)).hexdigest()}  ./{path}\n" for path in sorted(files)]
    return Artifact(f"sha256:{hashlib.sha256(''.join(sums).encode()).hexdigest()}", _signature(told))


def _read(http: ModelHttp, root: str, path: str) -> bytes:
    data = http.read(f"{_LIST}/{quote(f'{root}/{path}')}", most=MOST_BYTES)
    if data is None:
        raise RetryableError(f"{path} of {root} was listed and is not there", code="model-registry-strange")
    return data


def _checked(uri: str, what: str) -> SplitResult:
    if not uri or len(uri) > LONGEST_URI or not uri.isprintable() or " " in uri:
        raise PermanentError(
            f"the address of the files of {what} cannot be written",
            code="model-uri-invalid",
            hint="it has no spaces and at most 2,000 characters",
        )
    parts = urlsplit(uri)
    pattern = _PINNED.get(parts.scheme)
    if parts.username or parts.password:
        raise PermanentError(
            f"the address of the files of {what} has a credential in it", code="model-uri-invalid",
            hint="give the store's login to who loads the model, not to the address",
        )  # fmt: skip
    if pattern is not None and not pattern.fullmatch(uri):
        raise PermanentError(
            f"{uri} of {what} may be something else tomorrow",
            code="model-uri-moves",
            hint="register the model by an address with a version, a commit or a digest",
        )
    return parts


def _listed(http: ModelHttp, root: str) -> dict[str, int]:
    """Give the files under a folder with their sizes."""
    files: dict[str, int] = {}
    folders, seen = [""], 0
    while folders:
        folder = folders.pop()
        seen += 1
        path = f"{root}/{folder}".rstrip("/")
        answer = http.ask("GET", _LIST, query={"path": path}) or {}
        listed = answer.get("files") or []
        for one in listed if isinstance(listed, list) else []:
            name = str(one.get("path") or "").rpartition("/")[2]
            inner = f"{folder}/{name}".lstrip("/")
            if one.get("is_dir"):
                folders.append(inner)
            else:
                files[inner] = int(one.get("file_size") or 0)
        if len(files) > MOST_FILES or seen > MOST_FOLDERS:
            raise PermanentError(
                f"{root} has more files than a model has", code="model-artifact-missing",
                hint="register the folder of the model itself",
            )  # fmt: skip
    return files


def _signature(mlmodel: bytes) -> str:
    """Read the signature, which is text of people; empty if there is none that can be read."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - needed for models only
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415 - the same

    try:
        found = YAML(typ="safe", pure=True).load(StringIO(mlmodel.decode("utf-8", "replace")))
    except (YAMLError, ValueError, RecursionError):
        return ""
    signature = found.get("signature") if isinstance(found, dict) else None
    if not isinstance(signature, dict):
        return ""
    told = [f"{key}: {signature[key]}" for key in ("inputs", "outputs", "params") if signature.get(key)]
    return "; ".join(told)[:_LONGEST_SIGNATURE]

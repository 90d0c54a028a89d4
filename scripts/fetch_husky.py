"""Put Husky into a folder, out of its npm package. `make prove` calls it; nothing of it is run here.

The package is downloaded by npm and must have the one SHA-512 written here.
"""

from __future__ import annotations

import base64
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

NAME = "husky@9.1.7"
SHA512 = "5gs5ytaNjBrh5Ow3zrvdUUY+0VxIuWVL4i9irt6friV+BqdCfmV11CQTWMiBYWHbXhco+J1kHfTOUkePhCDvMA=="


def main(target: Path) -> None:
    """Write the package's files into the target's folder, unless they are there."""
    if target.exists():
        target.touch()
        return
    with tempfile.TemporaryDirectory() as folder:
        argv = ["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", folder, NAME]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        content = next(Path(folder).glob("*.tgz")).read_bytes()
    found = base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != SHA512:
        raise SystemExit(f"{NAME} has SHA-512 {found}, expected {SHA512}.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(content)) as package:
        for member in package.getmembers():
            file = package.extractfile(member)
            if file is not None and member.name.count("/") == 1:
                (target.parent / Path(member.name).name).write_bytes(file.read())
    target.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

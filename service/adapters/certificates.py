"""Certificate authorities of one's own, beside those that are trusted anyway.

Bootstrap calls it where the settings name a file. Clients take one file instead of their own, so what they
would have trusted is put into it as well: github.com is still reached where only Argo CD's certificate is private.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from pathlib import Path


def trusted_with(own: Path, directory: Path) -> Path:
    """Write a file with our own certificate authorities and the usual ones into a directory; give its path.

    The usual ones are git's, OpenSSL's and those of requests, as the environment names them.
    """
    from requests.utils import DEFAULT_CA_BUNDLE_PATH  # noqa: PLC0415 - heavy, and seldom needed

    usual = [
        os.environ.get("GIT_SSL_CAINFO"),
        ssl.get_default_verify_paths().cafile,
        os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH,
    ]
    files = [own, *(Path(name) for name in dict.fromkeys(usual) if name and Path(name).is_file())]
    content = b"\n".join(file.read_bytes() for file in files)
    directory.mkdir(parents=True, exist_ok=True)
    place = directory / "certificates.pem"
    with tempfile.NamedTemporaryFile(dir=directory, prefix=".certificates-", delete=False) as file:
        file.write(content)
    Path(file.name).replace(place)
    return place

"""What ECR's scans found, as a test says it: `ministack` has no scans.

Used by the front of the ECR double. An image that was never scanned is an error, as at AWS; findings come in pages.
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
"""

from __future__ import annotations

import json
from typing import Any

_DEFAULT_PAGE = 100
_LISTS = ("findings", "enhancedFindings")


class Scans:
    """One registry's scans by the image's digest: `imageScanStatus` and `imageScanFindings` as AWS writes them."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, Any]] = {}

    def answer(self, request: bytes) -> tuple[int, bytes]:
        """Answer DescribeImageScanFindings: one page, with `nextToken` where there are more."""
        asked = json.loads(request)
        scan = self.known.get(asked.get("imageId", {}).get("imageDigest", ""))
        if scan is None:
            message = f"Image scan does not exist for the image with '{asked.get('imageId')}'"
            return 400, json.dumps({"__type": "ScanNotFoundException", "message": message}).encode()
        start, length = int(asked.get("nextToken") or 0), int(asked.get("maxResults") or _DEFAULT_PAGE)
        found = dict(scan.get("imageScanFindings") or {})
        more = any(len(found.get(name, ())) > start + length for name in _LISTS)
        page = {name: found[name][start : start + length] for name in _LISTS if name in found}
        told = {**asked, **scan} | ({"imageScanFindings": found | page} if found else {})
        told.pop("nextToken", None)
        return 200, json.dumps(told | ({"nextToken": str(start + length)} if more else {})).encode()

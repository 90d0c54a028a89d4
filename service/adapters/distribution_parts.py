"""Parts of requests to registries: what a challenge asks for, the header that answers it, a body that comes in pieces.

Used by the HTTP of registries alone.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass

import requests
from requests.auth import AuthBase

from service.ports import Credentials

_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Challenge:
    """What WWW-Authenticate asks for: `basic`, `bearer`, or the empty text if it asks for nothing."""

    scheme: str
    realm: str = ""
    service: str = ""

    @classmethod
    def parse(cls, header: str) -> Challenge:
        """Read the header; an empty one asks for nothing."""
        scheme, _, rest = header.partition(" ")
        found = dict(_PARAMETER.findall(rest))
        return cls(scheme.lower(), found.get("realm", ""), found.get("service", ""))


class Header(AuthBase):
    """Sets the Authorization header, which also keeps `requests` from reading a netrc file."""

    def __init__(self, value: str) -> None:
        """Take the header's value; an empty one sets none."""
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set it."""
        if self._value:
            request.headers["Authorization"] = self._value
        return request


class PiecedBody:
    """A body of a known size that comes in pieces, as `requests` sends it: with its length, and without keeping it."""

    def __init__(self, pieces: Iterator[bytes], size: int) -> None:
        """Take the pieces, and how long they are together."""
        self._pieces = pieces
        self._size = size
        self._left = b""

    def __len__(self) -> int:
        """Give the size, which becomes `Content-Length`."""
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        """Give the pieces: by this method `requests` knows a body that is sent as it comes."""
        return self._pieces

    def read(self, length: int = -1) -> bytes:
        """Give at most so many bytes of the current piece; nothing at the end."""
        if not self._left:
            self._left = next(self._pieces, b"")
        given, self._left = (self._left, b"") if length < 0 else (self._left[:length], self._left[length:])
        return given


def basic(credentials: Credentials | None) -> str:
    """Write the header of a user and a password; empty where there are none."""
    if credentials is None:
        return ""
    pair = f"{credentials.username}:{credentials.secret}".encode()
    return f"Basic {b64encode(pair).decode()}"

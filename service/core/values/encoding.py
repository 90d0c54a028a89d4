"""Bytes of a values file to text and back, the same bytes. Called wherever a values file is read or written.

The byte order mark stays a character of the text, and line ends stay as they are.
"""

from __future__ import annotations

from service.errors import ValuesEditError


def decode_values(data: bytes, *, file: str = "") -> str:
    """Decode UTF-8 exactly. Raises ValuesEditError with the line and column of the first wrong byte."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if (sealed := _sealed(data)) is not None:
            raise ValuesEditError(
                f"The file is encrypted by {sealed[0]}", code="values-encoding", hint=sealed[1], file=file
            ) from None
        line_start = data.rfind(b"\n", 0, error.start) + 1
        utf16 = data[:2] in {b"\xff\xfe", b"\xfe\xff"}
        raise ValuesEditError(
            "The file is UTF-16, not UTF-8" if utf16 else f"The file is not UTF-8: byte 0x{data[error.start]:02x}",
            code="values-encoding",
            hint="save it as UTF-8; nothing was changed",
            file=file,
            line=data.count(b"\n", 0, error.start) + 1,
            column=len(data[line_start : error.start].decode("utf-8")) + 1,
        ) from None


def _sealed(data: bytes) -> tuple[str, str] | None:
    """Recognise by its first bytes a file that is encrypted as a whole; give the words and the next action."""
    if data.startswith(b"\0GITCRYPT\0"):
        return "git-crypt", "keep what is set here in a file of its own, which git-crypt does not encrypt"
    if data.startswith(b"age-encryption.org/"):
        return "age", "keep what is set here in a file of its own, which is not encrypted"
    return None


def encode_values(text: str) -> bytes:
    """Encode as UTF-8; the inverse of `decode_values`."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValuesEditError(
            "The text is not Unicode: it holds half of a surrogate pair",
            code="values-value-invalid",
            hint="check how it was decoded",
        ) from None

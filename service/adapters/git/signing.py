"""Signing commits with an SSH key: which argument git gets, and whether the key is fit for it.

Used by `objects` when it makes a commit. It never reads the key itself; ssh-keygen does, as it does for git.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from service.errors import PermanentError

_TIMEOUT = 10.0


class SigningKey:
    """A private SSH key without a passphrase, in a file."""

    def __init__(self, file: Path) -> None:
        """Keep the path; nothing is read before the first commit."""
        self.file = file.absolute()
        self._proven = False

    @property
    def argument(self) -> str:
        """What `git commit-tree` is told; the driver has set `gpg.format`."""
        return f"-S{self.file}"

    def prove(self, *, again: bool = False) -> None:
        """Check the key by signing a few bytes twice: once per process, or `again` after git could not sign.

        PermanentError `signing-key-unusable` if that fails, or if the two signatures differ, as with ECDSA and hardware
        keys: then the same change would be another commit each time it is computed.
        """
        if self._proven and not again:
            return
        first, second = self._sign(), self._sign()
        if first != second:
            raise self._unusable("it gives a different signature for the same bytes each time", "use an ed25519 key")
        self._proven = True

    def _sign(self) -> bytes:
        if shutil.which("ssh-keygen") is None:
            raise self._unusable("there is no ssh-keygen on this machine", "install OpenSSH's client")
        try:
            done = subprocess.run(
                ["ssh-keygen", "-Y", "sign", "-q", "-n", "git", "-f", str(self.file)],
                input=b"mergeport",
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "SSH_ASKPASS_REQUIRE": "never"},
                capture_output=True,
                check=False,
                timeout=_TIMEOUT,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            raise self._unusable("ssh-keygen did not end", "use a key file, not a hardware key") from None
        if done.returncode != 0:
            lines = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines()]
            words = "; ".join(line for line in lines if line.strip("@ "))[-300:].rstrip(".?")
            hint = "give a private key without a passphrase that only Mergeport's user can read (mode 0600)"
            raise self._unusable(f"ssh-keygen says: {words}", hint)
        return done.stdout

    def _unusable(self, why: str, hint: str) -> PermanentError:
        return PermanentError(
            f"Commits cannot be signed with {self.file}: {why}.", code="signing-key-unusable", hint=hint
        )

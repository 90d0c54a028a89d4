"""Reads single settings from the environment and collects what is wrong with them.

Called by `service.settings` alone. A secret may also be given as a file, by its name and `_FILE`. No
fault repeats a value: a misplaced secret must not reach a log.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from service.core.words import Repository
from service.errors import Fault

PREFIX = "MERGEPORT_"

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")
_BIND = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
_QUEUE = re.compile(r"/[0-9]{12}/[A-Za-z0-9_-]{1,80}(?:\.fifo)?$")
_SSH = re.compile(
    r"(?:ssh://(?:[A-Za-z0-9_][\w.-]*@)?[A-Za-z0-9\[][\w.:\]-]*/|[A-Za-z0-9_][\w.-]*@[A-Za-z0-9][\w.-]*:)[\w./~{}-]+",
    re.ASCII,
)
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/(?!.*\.git$)[A-Za-z0-9._-]+")
_DATABASES = ("sqlite:///", "postgresql://", "postgresql+psycopg://")
_HIGHEST_PORT = 65535
SHORTEST_SECRET = 8
FEWEST_CHARACTERS = 4
_LONGEST_SECRET_FILE = 65536
_NOT_SETTINGS = re.compile(r"MERGEPORT_(?:.*_)?(?:SERVICE_HOST|SERVICE_PORT.*|PORT|PORT_[0-9].*|PARENT_PIPE)")
"""Variables that Kubernetes sets for a Service of our name, or that our own processes set for each other."""


class Reader:
    """An environment, the settings that were read from it, and its faults."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Keep the environment; nothing is read yet."""
        self._environ = environ
        self.faults: list[Fault] = []
        self.known: set[str] = set()

    def add(self, name: str, message: str, hint: str = "") -> None:
        """Keep a fault of a setting."""
        self.faults.append(Fault(PREFIX + name, message, hint))

    def faulty(self, *names: str) -> bool:
        """Tell whether a fault of one of these, or of its file, is known already."""
        every = {PREFIX + name + end for name in names for end in ("", "_FILE")}
        return any(fault.where in every for fault in self.faults)

    def faulty_at(self, setting: str) -> bool:
        """Tell whether a setting has a fault already: itself, its file, or its App."""
        name = setting.removeprefix(PREFIX)
        app = name.replace("GITHUB_TOKEN", "GITHUB_APP_")
        return self.faulty(name, f"{app}ID", f"{app}PRIVATE_KEY")

    def given(self, name: str) -> bool:
        """Tell whether a setting, or a file for it, is set."""
        return bool(self._environ.get(PREFIX + name) or self._environ.get(f"{PREFIX}{name}_FILE"))

    def text(self, name: str, default: str = "") -> str:
        """Give a setting's text without space around it; the default where it is unset or empty."""
        self.known.add(PREFIX + name)
        return self._readable(name, self._environ.get(PREFIX + name, "").strip()) or default

    def _readable(self, name: str, text: str) -> str:
        """Give a text if it is UTF-8; Python represents other bytes as lone surrogates."""
        try:
            text.encode()
        except UnicodeEncodeError:
            self.add(name, "has bytes that are not UTF-8", "write it again, in UTF-8")
            return ""
        return text

    def directory(self, name: str, default: str) -> Path:
        """Give the path of a directory; it must be usable in a database's address."""
        text = self.text(name, default)
        path = Path(text).absolute()
        wrong = [character for character in "?#%" if character in str(path)]
        if wrong or self._is_no_text(str(path)):
            self.add(name, f"names a path with {' and '.join(wrong) or 'bytes that are not UTF-8'}", "use another")
            return Path("/nowhere")
        return path

    @staticmethod
    def _is_no_text(text: str) -> bool:
        return any("\ud800" <= character <= "\udfff" for character in text)

    def weak(self, name: str, secret: str | None) -> list[Fault]:
        """Report a webhook secret so weak that it can be guessed, unnoticed, from one signed delivery."""
        if secret is None or (len(secret) >= SHORTEST_SECRET and len(set(secret)) >= FEWEST_CHARACTERS):
            return []
        short = len(secret) < SHORTEST_SECRET
        why = f"is shorter than {SHORTEST_SECRET} characters" if short else "has too few different characters"
        told = f"{why}, so it can be guessed"
        return [Fault(PREFIX + name, told, "make one with `openssl rand -hex 32`, and set it at GitHub too")]

    def line(self, name: str, default: str) -> str:
        """Give a text that git can write into a commit."""
        text = self.text(name, default)
        if not text.isprintable() or set(text) & set("<>"):
            self.add(name, "has a character that git does not allow", "use one plain line without < and >")
            return default
        return text

    def secret(self, name: str) -> str | None:
        """Give a secret, set directly or as a file; None if neither is set."""
        self.known.update({PREFIX + name, f"{PREFIX}{name}_FILE"})
        value, file = self._environ.get(PREFIX + name, ""), self._environ.get(f"{PREFIX}{name}_FILE", "")
        if value and file:
            self.add(name, f"is set, and {PREFIX}{name}_FILE as well", "set one of them")
            return None
        return self._secret_in(f"{name}_FILE", file) if file else self._readable(name, value.strip()) or None

    def webhook_secrets(self) -> tuple[str | None, str | None]:
        """Give the webhook's secret and the one before it; a weak one is a fault."""
        found = (self.secret("WEBHOOK_SECRET"), self.secret("WEBHOOK_SECRET_PREVIOUS"))
        self.faults += self.weak("WEBHOOK_SECRET", found[0])
        return found

    def secrets(self, beginning: str) -> dict[str, str]:
        """Give all secrets whose names begin so, by the rest of their names, for which `NAME` stands in the docs."""
        begins = PREFIX + beginning
        self.known.update({f"{begins}NAME", f"{begins}NAME_FILE"})
        names = {name.removesuffix("_FILE") for name in self._environ if name.startswith(begins)} - {begins}
        found = {name.removeprefix(begins): self.secret(name.removeprefix(PREFIX)) for name in sorted(names)}
        return {name: secret for name, secret in found.items() if secret}

    def _secret_in(self, name: str, file: str) -> str | None:
        try:
            content = Path(file).read_bytes()[:_LONGEST_SECRET_FILE].decode("utf-8").strip()
        except OSError as error:
            self.add(name, f"names a file that cannot be read: {error.strerror}", "check the path and its permissions")
            return None
        except UnicodeEncodeError:
            self.add(name, "names a path with bytes that are not UTF-8", "use another path")
            return None
        except UnicodeDecodeError:
            self.add(name, "names a file that is not text", "the file must contain the secret and nothing else")
            return None
        if not content:
            self.add(name, "names an empty file", "the file must contain the secret and nothing else")
        return content or None

    def file(self, name: str) -> Path | None:
        """Give the path of a file that must be there."""
        text = self.text(name)
        try:
            missing = bool(text) and not Path(text).is_file()
        except (OSError, ValueError) as error:  # the name is too long, or the directory may not be read
            why = error.strerror if isinstance(error, OSError) else "it is no path"
            self.add(name, f"names a file that cannot be read: {why}", "check the path and its permissions")
            return None
        if missing:
            self.add(name, "names no file", "check the path")
            return None
        return Path(text).absolute() if text else None

    def certificates(self, name: str) -> Path | None:
        """Give the path of a file with certificates in PEM form."""
        file = self.file(name)
        import ssl  # noqa: PLC0415 - only where it is set

        try:
            if file is not None:
                ssl.create_default_context(cafile=file)
        except OSError:
            self.add(
                name,
                "names a file without a certificate in PEM form",
                "a certificate begins with -----BEGIN CERTIFICATE-----",
            )
            return None
        return file

    def repository(self, name: str) -> Repository | None:
        """Give `owner/name`."""
        text = self.text(name)
        if text and not _REPOSITORY.fullmatch(text):
            self.add(name, "is not owner/name", "write it as GitHub does, without address and .git")
            return None
        return Repository(text) if text else None

    def url(self, name: str) -> str | None:
        """Give an HTTP address without a slash at its end."""
        text = self.text(name)
        if not text:
            return None
        try:
            parts = urlsplit(text)
            sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            sound = False
        if not sound:
            self.add(name, "is not an http or https address", "write https://host, with a path if it has one")
            return None
        if parts.username or parts.password or parts.query or parts.fragment:
            self.add(name, "has a user, a query or a fragment in it", "credentials have settings of their own")
            return None
        return text.rstrip("/")

    def queue(self, name: str) -> str | None:
        """Give the address of an SQS queue, which ends in its account and its name."""
        url = self.url(name)
        if url and not _QUEUE.search(urlsplit(url).path):
            hint = "for example https://sqs.ap-northeast-2.amazonaws.com/123456789012/mergeport-events"
            self.add(name, "is not the address of an SQS queue", hint)
            return None
        return url

    def ssh_url(self, name: str) -> str | None:
        """Give an SSH address with `{repository}` in it, as `ssh://git@host:22/…` or as `git@host:…`."""
        text = self.text(name)
        if text and not (_SSH.fullmatch(text) and text.count("{repository}") == 1):
            hint = "for example git@github.com:{repository}.git or ssh://git@git.internal:2222/{repository}.git"
            self.add(name, "is not an SSH address with {repository} in it", hint)
            return None
        return text or None

    def database(self, name: str, default: str) -> str:
        """Give a database's address; it may have a password, so it may also be given as a file."""
        text = self.secret(name) or default
        if not text.startswith(_DATABASES):
            self.add(name, "is not a supported database", f"begin with {' or '.join(_DATABASES)}")
            return default
        return text

    def bind(self, name: str, default: str) -> str:
        """Give `address:port` to listen on; port 0 lets the system choose."""
        text = self.text(name, default)
        found = _BIND.fullmatch(text)
        if not found or int(found["port"]) > _HIGHEST_PORT:
            self.add(name, "is not address:port", f"for example {default}")
            return default
        return text

    def host(self, name: str) -> str | None:
        """Give `host` or `host:port`; `http://` or `https://` in front is kept."""
        text = self.text(name)
        if text and not _HOST.fullmatch(re.sub(r"^https?://", "", text).rstrip("/")):
            self.add(name, "is not host:port", "for example 127.0.0.1:4566")
            return None
        return text.rstrip("/") or None

    def hosts(self, name: str) -> frozenset[str]:
        """Give a comma list of `host:port`."""
        hosts = [host.strip() for host in self.text(name).split(",") if host.strip()]
        if any(not _HOST.fullmatch(host) for host in hosts):
            self.add(name, "is not a comma list of host:port", "for example 127.0.0.1:5000,registry.internal:5000")
            return frozenset()
        return frozenset(hosts)

    def choice(self, name: str, default: str, choices: Collection[str]) -> str:
        """Give one of some words."""
        text = self.text(name, default).lower()
        if text not in choices:
            self.add(name, "is not a known word", f"one of {', '.join(choices)}")
            return default
        return text

    def number(self, name: str, default: float, *, low: float, high: float) -> float:
        """Give a number within bounds."""
        text = self.text(name)
        if not text:
            return default
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not low <= number <= high:
            self.add(name, f"is not a number from {low:g} to {high:g}", f"the default is {default:g}")
            return default
        return number

    def whole(self, name: str, default: int, *, low: int, high: int) -> int:
        """Give a whole number within bounds."""
        text = self.text(name)
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            self.add(
                name, f"is not a whole number from {low} to {high}", f"the default is {default}" if default else ""
            )
            return default
        return int(text)

    def unknown(self) -> list[Fault]:
        """Report names that begin like settings and are none; most are misspelt."""
        faults = []
        for name in sorted(self._environ):
            if name.startswith(PREFIX) and name not in self.known and not _NOT_SETTINGS.fullmatch(name):
                close = difflib.get_close_matches(name, sorted(self.known), n=1, cutoff=0.8)
                faults.append(Fault(name, "is not a setting", f"did you mean {close[0]}?" if close else ""))
        return faults

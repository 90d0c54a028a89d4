"""The forms of secrets, by detect-secrets: tokens of well-known services, private keys, passwords in addresses.

Called in the detector's own process, because its expressions cannot be interrupted. Of detect-secrets we take the
detectors that go by form. Its detectors of words know no YAML, and those of the first IBM clouds call any `key:` one of
theirs; the search itself judges names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from detect_secrets.plugins.artifactory import ArtifactoryDetector
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.private_key import PrivateKeyDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

_DETECTORS = (
    ArtifactoryDetector, AWSKeyDetector, AzureStorageKeyDetector, BasicAuthDetector, DiscordBotTokenDetector,
    GitHubTokenDetector, GitLabTokenDetector, JwtTokenDetector, MailchimpDetector, NpmDetector, OpenAIDetector,
    PrivateKeyDetector, PypiTokenDetector, SendGridDetector, SlackDetector, SquareOAuthDetector, StripeDetector,
    TelegramBotTokenDetector, TwilioKeyDetector,
)  # fmt: skip
_MORE = {
    "GitHub Token": re.compile(r"\bgithub_pat_[A-Za-z0-9_]{22,}"),
    "Google API Key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])"),
    "Hugging Face Token": re.compile(r"\bhf_[A-Za-z0-9]{30,}\b"),
    "npm Token": re.compile(r"\bnpm_[A-Za-z0-9]{36}\b"),
    "Anthropic API Key": re.compile(r"\bsk-ant-[A-Za-z0-9_-]{24,}"),
    "Databricks Token": re.compile(r"\bdapi[0-9a-f]{32}\b"),
    "DigitalOcean Token": re.compile(r"\bdo[opr]_v1_[0-9a-f]{64}\b"),
    "Grafana Token": re.compile(r"\bgl(?:sa|c)_[A-Za-z0-9+/=_]{32,}"),
    "Shopify Token": re.compile(r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b"),
    "Password Hash": re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}|\$apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}"),
    "age Private Key": re.compile(r"\bAGE-SECRET-KEY-1[0-9A-Z]{40,}"),
    "Infisical or Vault Token": re.compile(r"\b(?:st\.[0-9a-f]{24}\.[0-9a-f]{32}\.|hvs\.[A-Za-z0-9_-]{24,})"),
}
"""What the newest detect-secrets does not know yet."""
_DIGITS_WITH_COLON = re.compile(r"arn:aws[\w-]*:[^\s\"']*")
_ENTROPY = 4.3
"""Below detect-secrets' own 4.5, which a text of 24 characters hardly reaches; turns of kind make up for it."""


class DetectSecretsForms:
    """The detectors, made once a process."""

    def __init__(self) -> None:
        """Make the detectors."""
        self._detectors: Sequence[RegexBasedDetector] = [detector() for detector in _DETECTORS]
        self._entropy = Base64HighEntropyString()

    def known(self, line: str) -> tuple[str, str] | None:
        """Give what a line has in it and the text that shows it, or None."""
        looked_at = _DIGITS_WITH_COLON.sub("arn", line)
        for detector in self._detectors:
            for found in detector.analyze_string(looked_at):
                if found:
                    return f"{detector.secret_type}", str(found)
        for what, pattern in _MORE.items():
            if hit := pattern.search(looked_at):
                return what, hit[0]
        return None

    def random(self, text: str) -> bool:
        """Tell whether letters of both cases and digits follow each other as by lot, in one word of 24 to 128."""
        if not 24 <= len(text) <= 128 or not re.fullmatch(r"[A-Za-z0-9+/_=-]+", text):  # noqa: PLR2004 - as told above
            return False
        kinds = ["d" if one.isdigit() else "u" if one.isupper() else "l" if one.islower() else "s" for one in text]
        turns = sum(a != b for a, b in pairwise(kinds))
        mixed = {"d", "u", "l"} <= set(kinds) and turns >= len(text) * 0.4
        return mixed and self._entropy.calculate_shannon_entropy(text) >= _ENTROPY

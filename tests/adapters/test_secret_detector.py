"""The search for plain secrets runs in a process of its own, and never ends in silence."""

from __future__ import annotations

import pytest

from service.adapters.secret_detector import ProcessSecretDetector
from service.core.plain_secrets import Finding
from service.errors import PermanentError


def test_secret_is_found_in_another_process() -> None:
    files = {"apps/a/values.yaml": b"a: 1\npassword: hunter2\n", "apps/b/values.yaml": b"a: \xff\n"}
    assert ProcessSecretDetector().search(files) == [
        Finding("apps/a/values.yaml", 2, "password", "a secret, by its name")
    ]


def test_search_that_takes_too_long_is_ended_and_told() -> None:
    with pytest.raises(PermanentError, match=r"were not looked for: the detector took longer than 0\.01 s") as caught:
        ProcessSecretDetector(seconds=0.01).search({"apps/a.yaml": b"a: 1"})
    assert caught.value.code == "secrets-not-searched"

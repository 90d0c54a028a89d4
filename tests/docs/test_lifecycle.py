"""The lifecycle rule that people copy spares what Mergeport tags, and is the one that Mergeport puts itself."""

from __future__ import annotations

import json
import re
from typing import Any

from service.core.lifecycle import keep_tag, policy
from service.core.words import Digest
from tests.docs.pages import page
from tests.fixtures.ecr_lifecycle import Stored, expired

SECTION = page("docs/configuration.md").text.partition("\n### Images in use\n")[2]


def documented() -> dict[str, Any]:
    found = re.search(r"^```json\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE)
    assert found is not None
    rule: dict[str, Any] = json.loads(found[1])
    return rule


def test_documented_rule_selects_as_ours_does() -> None:
    assert documented()["selection"] == policy()["rules"][0]["selection"]


def test_documented_rule_spares_images_in_use_from_any_other_rule() -> None:
    harsh = {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1}
    rules = [documented(), {"rulePriority": 2, "selection": harsh, "action": {"type": "expire"}}]
    used = Stored("used", ("v1", keep_tag("prod", Digest(f"sha256:{'0a' * 32}"))), 400)
    assert expired({"rules": rules}, [used, Stored("old", ("v0",), 2)]) == {"old"}

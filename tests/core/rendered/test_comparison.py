"""core.rendered shows what changes in rendered manifests, object by object, and never a secret of either side."""

from __future__ import annotations

import re

import pytest

from service.core.rendered.comparison import Rendered, compare, may_be_random, rendered_section
from service.core.rendered.secret_names import concealed, is_secret

ROOM = 20_000
HOW = "rendered from `charts/checkout` with `values.yaml`"
DEPLOYMENT = """\
---
# Source: checkout/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: checkout
  namespace: shop
spec:
  replicas: 2
  template:
    spec:
      containers:
        - name: web
          image: "reg.example/checkout:1"
"""
SERVICE = "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: checkout\n"
SECRET = "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: keys\ndata:\n  one: {}\n  two: Y29uc3RhbnQ=\n"


def section(before: str, after: str, room: int = ROOM) -> str:
    return rendered_section(compare(before, after, how=HOW), room, "[The run](http://mergeport.test/runs/1)")


def test_changed_object_is_shown_as_a_diff_and_others_are_not() -> None:
    text = section(DEPLOYMENT + SERVICE, SERVICE + DEPLOYMENT.replace("checkout:1", "checkout:2"))
    assert "What changes in the rendered manifests: 1 of 2 objects" in text
    assert "`Deployment.apps shop/checkout` changes:\n\n```diff\n@@ " in text
    assert '-          image: "reg.example/checkout:1"\n+          image: "reg.example/checkout:2"\n```' in text
    assert "Service" not in text


def test_what_comes_and_what_goes_is_said_and_what_stays_is_said() -> None:
    assert "`Service checkout` is new:" in section(DEPLOYMENT, DEPLOYMENT + SERVICE)
    assert "`Service checkout` goes away:" in section(DEPLOYMENT + SERVICE, DEPLOYMENT)
    assert section(DEPLOYMENT, f"\n# other words\n{DEPLOYMENT}") == f"The rendered manifests stay the same, {HOW}."


def test_no_value_of_a_secret_is_shown_and_a_changed_one_says_so() -> None:
    text = section(SECRET.format("b2xk"), SECRET.format("bmV3"))
    assert "-  one: (hidden)\n+  one: (hidden, changed)\n   two: (hidden)" in text
    assert not re.search("b2xk|bmV3|Y29u", text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{name: DB_PASSWORD, value: SECRETA}", "{name: DB_PASSWORD, value: SECRETB}"),
        ("{apiToken: SECRETA}", "{apiToken: SECRETB}"),
        ("{clientSecret: {prod: SECRETA}}", "{clientSecret: {prod: SECRETB}}"),
        ('{url: "postgres://shop:SECRETA@db/shop"}', '{url: "postgres://shop:SECRETB@db/shop"}'),
        ('{args: [--db-password, SECRETA, "--token=SECRETA"]}', '{args: [--db-password, SECRETB, "--token=SECRETB"]}'),
        ('{command: "run --db-password SECRETA now"}', '{command: "run --db-password SECRETB now"}'),
        ('{a.properties: "db.password = SECRETA\\nx=1\\n"}', '{a.properties: "db.password = SECRETB\\nx=1\\n"}'),
        ('{json: "{\\"api_key\\": \\"SECRETA x\\"}"}', '{json: "{\\"api_key\\": \\"SECRETB x\\"}"}'),
        ('{header: "Authorization: Bearer SECRETA1"}', '{header: "Authorization: Bearer SECRETB1"}'),
        ('{pem: "-----BEGIN PRIVATE KEY-----\\nSECRETA\\n-----END"}', '{pem: "-----BEGIN PRIVATE KEY-----\\nSECRETB"}'),
        ("{kind: Secret, stringData: {plain: SECRETA}}", "{kind: Secret, stringData: {plain: SECRETB}}"),
        ("{annotations: {checksum/secret: SECRETA}}", "{annotations: {checksum/secret: SECRETB}}"),
    ],
)  # fmt: skip
def test_secret_is_hidden_by_its_name_or_its_form_on_both_sides(one: str, other: str) -> None:
    head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  - "
    text = section(head + one, head + other)
    assert ("SECRET" in text, "(hidden, changed)" in text) == (False, True)


def test_harmless_neighbours_of_secrets_are_shown() -> None:
    head = "apiVersion: v1\nkind: Pod\nmetadata: {name: c}\nspec:\n"
    before = f"{head}  secretName: tls\n  secretKeyRef: {{name: db, key: one}}\n  automountServiceAccountToken: false\n"
    text = section(before, before.replace("tls", "tls2").replace("one", "two").replace("false", "true"))
    assert [word in text for word in ("secretName: tls2", "key: two", "Token: true")] == [True] * 3


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("password", True), ("dbPasswd", True), ("SECRET_KEY", True), ("AWS_ACCESS_KEY_ID", True), ("tls.key", True),
        ("pwd", True), ("passwordFile", False), ("TOKEN_URL", False), ("existingSecretName", False), ("bypass", False),
        ("compass", False), ("monkey", False), ("author", False), ("", False),
    ],
)  # fmt: skip
def test_name_of_a_secret_is_known(name: str, secret: bool) -> None:
    assert is_secret(name) is secret


def test_what_is_made_by_chance_is_no_change() -> None:
    text = "kind: A\nmetadata: {{name: c}}\nspec: {{rollme: {}, tag: {}}}\n---\nkind: Secret\ndata: {{p: {}}}\n"
    before, after, again = (
        text.format(*one) for one in (("x1", "one", "a1"), ("x2", "two", "a2"), ("x3", "two", "a3"))
    )
    told = rendered_section(compare(before, after, again=again, how=HOW), ROOM)
    assert "   rollme: (random)\n-  tag: one\n+  tag: two\n" in told
    assert ("Secret" in told, "1 of 2 objects" in told) == (False, True)


@pytest.mark.parametrize(
    ("template", "random"),
    [("{{ randAlphaNum 5 }}", True), ("{{ now | date }}", True), ("{{ genCA }}", True), ("random: know", False)],
)
def test_chart_that_calls_chance_is_known(template: str, random: bool) -> None:
    assert may_be_random({"templates/a.yaml": template.encode()}) is random
    assert may_be_random({"charts/a-1.0.0.tgz": b""})


def test_words_of_tools_lose_their_secrets() -> None:
    token = "ghp_" + "a" * 36
    assert concealed(f"bad password=hunter2, and {token}") == "bad password=(hidden), and (hidden)"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kind: ConfigMap\ndata: &a {x: SECRET}\nmore: *a\n", "YAML aliases"),
        ("kind: [SECRET\n", "cannot be read as YAML"),
        ("[" * 100_000 + "SECRET", "cannot be read as YAML"),
        ("a: " + "[" * 100 + "SECRET" + "]" * 100, "nested too deep"),
        ("a: " + "SECRET" * 100_000, "too long"),
        ("- SECRET\n", "no mapping"),
        ("? [SECRET]\n: 1\n", "a key of it is no text"),
    ],
)
def test_what_cannot_be_read_is_not_shown_and_that_is_said(text: str, why: str) -> None:
    told = section(DEPLOYMENT, f"{DEPLOYMENT}---\n{text}")
    assert f"is new and is not shown, because it {why}".replace("it a key", "a key") in told or why in told
    assert "SECRET" not in told


def test_text_of_a_chart_does_nothing_on_github() -> None:
    evil = (
        'kind: A\nmetadata: {name: "x`@al #1"}\ndata:\n  a: |\n    ```\n    @bob </details><!-- mergeport gates -->\n'
        '  b: "\\u202eabc"\n'
    )
    text = section("", evil)
    before, _, diff = text.partition("````diff\n")
    assert ("@bob" in diff.partition("\n````")[0], "\\u202eabc" in diff) == (True, True)
    assert not re.search(r"@al|#1", before)
    assert "<!--" not in text


@pytest.mark.parametrize("room", [3_000, 20_000])
def test_long_diff_keeps_to_its_room_and_says_what_is_left_out(room: int) -> None:
    many = "".join(f"---\nkind: ConfigMap\nmetadata: {{name: c{n}}}\ndata: {{a: '{'x' * 900}'}}\n" for n in range(300))
    text = section(DEPLOYMENT, many, room)
    assert len(text.encode()) <= room
    assert re.search(r"\d+ more objects change\. \[The run\]\(http://mergeport\.test/runs/1\)\n\n</details>$", text)
    assert text.count("```diff") == text.count("\n```\n")


def test_one_very_long_object_is_cut_and_the_fence_is_closed() -> None:
    lines = "".join(f"  k{n}: v\n" for n in range(3_000))
    text = section("", f"kind: ConfigMap\nmetadata: {{name: c}}\ndata:\n{lines}", 8_000)
    assert text.endswith("(the rest is left out)\n```\n\n</details>")


def test_reason_is_one_line_and_harmless() -> None:
    told = rendered_section(Rendered(reason="no\nchart <b> @alice " + "x" * 999), ROOM)
    assert told.startswith("The manifests are not rendered: no chart \\<b\\> @\u200balice x")
    assert (told.count("\n"), len(told) < 500) == (0, True)

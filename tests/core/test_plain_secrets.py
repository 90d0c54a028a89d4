"""Plain secrets are found with file, line and key; what only looks like one passes."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from service.adapters.secret_forms import DetectSecretsForms
from service.core.plain_secrets import Finding, allowed_words, chosen, faults_of, find_plain_secrets, tell_in_short

FORMS = DetectSecretsForms()
# Put together here, so that nobody's scanner takes this file for a leak.
GITHUB = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
AWS = "AKIA" + "Z3MHQ5VUPWJDEXRT"
BCRYPT = "$2y$10$" + ("9L4Tc0DJbFFMB6RdSCunr" * 3)[:53]
RANDOM = "kJ8sQ2vX9" + "bN4mR7tY1wE5zA3cD6fG"
KEY = "MIIEowIBAAKCAQEAu1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gun"
PEM = f"-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----\n"
PULL = '{"auths": {"registry.example.com": {"auth": "eDp5"}}}'
SEALED = "AgBy3i4OJSWK+PiTySYZZA9rO43cGDEq"
LONG_SEALED = SEALED + "Qx7/" * 160


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def find(text: str, file: str = "apps/checkout/values-dev.yaml") -> list[Finding]:
    return find_plain_secrets(file, text, FORMS)


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("env:\n  DATABASE_PASSWORD: hunter2\n", 2, "env.DATABASE_PASSWORD"),
        ("env: {dbPass: hunter2}\n", 1, "env.dbPass"),
        ("extraEnv:\n  - name: API_TOKEN\n    value: s3cr3t-value\n", 3, "extraEnv[0].value"),
        ("auth:\n  clientSecret: plain-name\n", 2, "auth.clientSecret"),
        ("existingSecret: x7f9a2b4c6d8e0f1a3b5\n", 1, "existingSecret"),
        (f"note: {GITHUB}\n", 1, "note"),
        (f"a: 1\n# was {GITHUB}\n", 2, ""),
        (f"args: ['--key-id={AWS}']\n", 1, "args[0]"),
        ("args: [--db-password, hunter2]\n", 1, "args[1]"),
        ("args: ['--db-password=hunter2']\n", 1, "args[0]"),
        ("config:\n  files:\n    app.properties: |\n      user=shop\n      db.password=hunter2\n", 5,
         'config.files."app.properties"'),
        ("url: postgres://shop:hunter2@db/shop\n", 1, "url"),
        (f"some: {RANDOM}\n", 1, "some"),
        (f"tls: |\n  -----BEGIN PRIVATE KEY-----\n  {KEY}\n  -----END PRIVATE KEY-----\n", 2, "tls"),
        (f"tls: {in_base64(PEM)}\n", 1, "tls"),
        (f"pull: {in_base64(PULL)}\n", 1, "pull"),
        ("secrets:\n  sealed:\n    API: hunter2\n", 3, "secrets.sealed.API"),
        ("extraObjects:\n  - apiVersion: v1\n    kind: Secret\n    data: {user: c2hvcA==}\n", 4,
         "extraObjects[0].data.user"),
        ("a: 1\n---\napiVersion: v1\nkind: Secret\nstringData:\n  any: thing\n", 6, "stringData.any"),
        ("password: 'a b c'\r\nx: 1\r\n", 1, "password"),
        ("a: &it hunter2\npassword: *it\n", 2, "password"),
        ("password: {value: hunter2}\n", 1, "password.value"),
        ("passwords: [hunter2]\n", 1, "passwords[0]"),
        ("env:\n  secret: hunter\n", 2, "env.secret"),
        ("secret: hunter2\n", 1, "secret"),
        ("SESSION_SECRET: swordfish\n", 1, "SESSION_SECRET"),
        ("smtpPass: hunter2\n", 1, "smtpPass"),
        ("config: '{\"user\": \"a\", \"password\": \"hunter2\"}'\n", 1, "config"),
        ("command: [sh, -c, 'run --password hunter2 now']\n", 1, "command[2]"),
        ("args: ['curl -H \"Authorization: Bearer hunter2hunter2\" x']\n", 1, "args[0]"),
        (f"a: {'b ' * 5000}{GITHUB}\n", 1, "a"),
        ("env: ['DB_PASSWORD=hunter2']\n", 1, "env[0]"),
        (f"users: 'ann:{BCRYPT}'\n", 1, "users"),
        ("headers: {Authorization: Basic YW5uOmh1bnRlcjI=}\n", 1, "headers.Authorization"),
        ("password: $hunter!\n", 1, "password"),
        ("credentials: hunter2\n", 1, "credentials"),
        ("{{ broken }}: [\nadmin_password: hunter2\n", 2, ""),
    ],
)  # fmt: skip
def test_plain_secret_is_found_at_its_line_and_key(text: str, line: int, key: str) -> None:
    (found,) = find(text)
    assert (found.line, found.key, found.allowed) == (line, key, False)
    assert "hunter2" not in str(faults_of([found])[0])


@pytest.mark.parametrize(
    "text",
    [
        "image:\n  repository: 123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/checkout\n  tag: d5491e7e7124\n",
        "digest: sha256:c7761e58969f7edd498186641b2021e8477e1bcd230de4cf3435242da4a40d14\n",
        "commit: 4f2c1e9ab0124f2c1e9ab0124f2c1e9ab0124f2c\nid: 6ad1c4a2-3f0e-4a4f-9d55-0d0f7c1e2b3a\n",
        "url: https://registry.example.com/v2/token?service=x\nhost: redis://cache:6379/0\n",
        f"ca: |\n  -----BEGIN CERTIFICATE-----\n  {KEY}\n  -----END CERTIFICATE-----\n",
        f"caBundle: {in_base64(PEM.replace('PRIVATE KEY', 'CERTIFICATE'))}\n",
        f"secrets:\n  provider: sealed-secrets\n  sealed:\n    API_KEY: {SEALED}\n",
        f"kind: SealedSecret\napiVersion: x\nspec:\n  encryptedData:\n    API_KEY: {LONG_SEALED}\n",
        f"anything: {LONG_SEALED}\npassword: {LONG_SEALED}\n",
        "password: ENC[AES256_GCM,data:Tr7o=,iv:1=,tag:k=,type:str]\n",
        "password: ''\ntoken: ~\nautomountToken: false\nsecret: ''\n",
        "env:\n  DATABASE_PASSWORD:\n    valueFrom: {secretKeyRef: {name: database, key: password}}\n",
        "existingSecret: checkout-database\ntlsSecret: shop-tls\nimagePullSecrets: [registry]\nenvFromSecrets: [a-b]\n",
        "external:\n  keys:\n    DATABASE_PASSWORD: {key: shop/checkout, property: database-password}\n",
        "password: $(DB_PASSWORD)\ntoken: '{{ .Values.token }}'\nsecret: ${SECRET}\napiKey: <your key>\n",
        "url: postgres://shop:$(DB_PASSWORD)@db/shop\nother: postgresql://USER:PASSWORD@HOST/NAME\n",
        "tokenFile: /run/secrets/token\npassword: /run/secrets/db/password\nsecretKey: password\n",
        "role: arn:aws:iam::123456789012:role/checkout\ntoken: arn:aws:secretsmanager:eu-west-1:1:secret:x\n",
        "## -----BEGIN RSA PRIVATE KEY----- is how it begins\n# password: something\na: 1\n",
        "sshKey: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3 shop@example\n",
        "model:\n  uri: models:/scorer/7\n  sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a\n",
        "integrity: sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==\n",
        "maxTokens: 512\nmax_tokens: '4096'\nbypass: all\ncompass: north\ntokenizer: bert\n",
        "args: ['curl -H \"Authorization: Bearer $TOKEN\" x', --token-file, /run/token, '--password-file=/x/y']\n",
        "authorization: rbac\ncookie: session\ncredentials: gcp-credentials\nencryptionKey: alias/shop/disks\n",
        "a: &it hunter2\nb: *it\nimagePullSecrets: [{name: regcred1}]\n",
        "name: kubernetesServiceAccountTokenAudience2\nclass: org.example.AbstractSingletonProxyFactoryBean\n",
    ],
)
def test_what_only_looks_like_a_secret_passes(text: str) -> None:
    assert find(text) == []


@pytest.mark.parametrize(
    ("file", "text", "lines"),
    [
        ("apps/checkout/.env", "USER=shop\nDB_PASSWORD=hunter2\n", [2]),
        ("apps/checkout/README.md", "Set password: hunter2 there\n", []),
        ("apps/checkout/README.md", f"Use {GITHUB}\n", [1]),
        ("apps/checkout/secret.txt", "password=hunter2\n", []),
        ("apps/checkout/values.json", '{"a": 1,\n "password": "hunter2"}', [2]),
    ],
)
def test_files_of_other_kinds_are_searched_too(file: str, text: str, lines: list[int]) -> None:
    assert [one.line for one in find(text, file)] == lines


@pytest.mark.parametrize(
    "text",
    [
        "password: demo  # pragma: allowlist secret - the sandbox is public\n",
        "# pragma: allowlist nextline secret: the sandbox is public\npassword: demo\n",
        "password: |  # pragma: allowlist secret the sandbox is public\n  demo\n  demo\n",
    ],
)
def test_comment_with_a_reason_allows_and_is_shown(text: str) -> None:
    found = find(text)
    assert faults_of(found) == []
    (words,) = allowed_words(found)
    assert words.endswith("password: the sandbox is public")
    assert tell_in_short([], [words], ()) == f"no plain secrets; allowed: {words}"


def test_comment_without_a_reason_is_a_fault_of_its_own() -> None:
    (fault,) = faults_of(find("password: demo  # pragma: allowlist secret\n"))
    assert (fault.line, fault.key, fault.message) == (
        1, "password", "allowed without a reason: a secret, by its name",
    )  # fmt: skip


def test_comment_allows_its_own_line_alone() -> None:
    found = find("password: demo  # pragma: allowlist secret - public\ntoken: demo\n")
    assert [(one.line, one.allowed) for one in found] == [(1, True), (2, False)]


KNOWN = {
    "initialClusterToken",
    "persistence.imageChartStorage.azure.accountkey",
    "postgresql.auth.postgresPassword",
    "registry.credentials.htpasswd",
    "registry.credentials.password",
    "smtp.password",
}
"""Plain values of 23 charts with 25,000 lines: passwords all, but for the name of a cluster."""


def test_values_of_public_charts_have_nothing_but_what_their_names_say() -> None:
    folder = Path(__file__).parents[1] / "data" / "public-values"
    found = {one.key for path in folder.glob("*.yaml") for one in find(path.read_text(), f"apps/x/{path.name}")}
    assert found <= KNOWN


def test_what_is_too_large_is_told_and_not_searched() -> None:
    given = {"apps/a.yaml": b"a: 1", "apps/b.yaml": b"x" * 1_048_577, "apps/c.png": b"\x89P\0", "apps/d": None}
    scope = chosen({**given, "apps/e.yaml": "a: 1".encode("utf-16")})
    assert list(scope.files) == ["apps/a.yaml"]
    assert scope.left == ("apps/b.yaml is larger than 1 MiB", "apps/e.yaml is not UTF-8 text")
    assert tell_in_short([], [], scope.left) == "not searched: apps/b.yaml is larger than 1 MiB"

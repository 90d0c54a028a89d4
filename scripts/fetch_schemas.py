"""Make tests/charts/data/schemas.json.gz: what rendered manifests are held against. A person runs it by hand.

It reads released packages only: Kubernetes' definitions and KServe's models out of Python wheels, the other
controllers' types out of `@kubernetes-models/*` (needs Node). Each is pinned here; the same pins make the same
bytes. It never runs in the tests, which read the file alone.

    python scripts/fetch_schemas.py tests/charts/data/schemas.json.gz
"""

from __future__ import annotations

import ast
import gzip
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

KUBERNETES = "kubernetes-validate==1.37.0"
KSERVE = "kserve==0.21.0"
VERSIONS = ("1.31", "1.32", "1.33", "1.34", "1.35")
KINDS = (
    "apps/v1 Deployment",
    "apps/v1 StatefulSet",
    "autoscaling/v2 HorizontalPodAutoscaler",
    "batch/v1 CronJob",
    "batch/v1 Job",
    "networking.k8s.io/v1 Ingress",
    "networking.k8s.io/v1 NetworkPolicy",
    "policy/v1 PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1 Role",
    "rbac.authorization.k8s.io/v1 RoleBinding",
    "v1 ConfigMap",
    "v1 PersistentVolumeClaim",
    "v1 Pod",
    "v1 Secret",
    "v1 Service",
    "v1 ServiceAccount",
)
GENERATOR = "ts-json-schema-generator@2.4.0"
MODELS: dict[str, dict[str, tuple[str, ...]]] = {
    "argo-rollouts@2.0.0": {
        "argoproj.io/v1alpha1": ("Rollout", "AnalysisTemplate"),
    },
    "external-secrets@2.0.0": {
        "external-secrets.io/v1": ("ExternalSecret", "SecretStore"),
    },
    "gateway-api@2.0.0": {
        "gateway.networking.k8s.io/v1": ("HTTPRoute",),
    },
    "istio@3.0.1": {
        "networking.istio.io/v1": ("VirtualService", "DestinationRule"),
    },
    "keda@2.0.0": {
        "keda.sh/v1alpha1": ("ScaledObject", "ScaledJob", "TriggerAuthentication"),
    },
    "prometheus-operator@6.0.0": {
        "monitoring.coreos.com/v1": ("ServiceMonitor", "PodMonitor", "PrometheusRule"),
    },
    "sealed-secrets@6.0.0": {
        "bitnami.com/v1alpha1": ("SealedSecret",),
    },
}
INFERENCE_SERVICE = "serving.kserve.io/v1beta1 InferenceService"


def wheel(package: str, folder: Path) -> zipfile.ZipFile:
    """Download one wheel, without what it depends on, and open it."""
    name = package.partition("==")[0].replace("-", "_")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*pip, "--dest", str(folder), package], check=True)
    return zipfile.ZipFile(next(folder.glob(f"{name}-*.whl")))


def strict(schema: Schema) -> Schema:
    """Take descriptions and defaults out, and close every object whose fields are named."""
    dropped = ("description", "default", "$schema", "format")
    closed: Schema = {}
    for key, value in schema.items():
        if key == "properties":
            closed[key] = {name: strict(inner) for name, inner in value.items() if name != "status"}
        elif isinstance(value, dict):
            closed[key] = strict(value)
        elif isinstance(value, list):
            closed[key] = [strict(part) if isinstance(part, dict) else part for part in value]
        elif key not in dropped and not key.startswith("x-"):
            closed[key] = value
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if "properties" in closed and not open_ended:
        closed["additionalProperties"] = False
    return closed


def references(schema: object) -> Iterator[str]:
    """Give the name of every definition that a schema refers to."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix("#/$defs/")
        schema = list(schema.values())
    if isinstance(schema, list):
        for inner in schema:
            yield from references(inner)


def reachable(names: Iterable[str], definitions: Schema) -> Schema:
    """Keep the definitions that the names lead to."""
    kept: Schema = {}
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in kept and name in definitions:
            kept[name] = strict(definitions[name])
            todo += references(kept[name])
    return dict(sorted(kept.items()))


def kubernetes(archive: zipfile.ZipFile, more: set[str]) -> Schema:
    """Give each version's definitions, from the second on as what changed, and the definition of each kind."""
    made: Schema = {}
    kinds: dict[str, str] = {}
    before: Schema = {}
    for version in VERSIONS:
        path = f"kubernetes_validate/kubernetes-json-schema/v{version}.0-local/_definitions.json"
        definitions = json.loads(archive.read(path))["$defs"]
        for name, schema in definitions.items():
            for known in schema.get("x-kubernetes-group-version-kind", ()):
                kind = f"{known['group']}/{known['version']} {known['kind']}".removeprefix("/")
                if kind in KINDS:
                    kinds[kind] = name
        now = reachable([*kinds.values(), *more], definitions)
        made[version] = {
            "changed": {name: schema for name, schema in now.items() if before.get(name) != schema},
            "gone": sorted(before.keys() - now.keys()),
        }
        before = now
    return {"versions": made, "kinds": dict(sorted(kinds.items()))}


def models(folder: Path) -> Schema:
    """Give the definitions and kinds of the other controllers, from the types of their npm packages."""
    options = {"moduleResolution": "bundler", "module": "esnext", "target": "es2022", "strict": True}
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "files": ["entry.ts"]}))
    (folder / "package.json").write_text("{}")
    packages = [GENERATOR, *(f"@kubernetes-models/{package}" for package in MODELS)]
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", *packages], cwd=folder, check=True)
    definitions: Schema = {}
    kinds: dict[str, str] = {}
    for package, groups in MODELS.items():
        # One package at a time: several of them have types of the same name.
        prefix = package.partition("@")[0]
        roots = {f"{group} {kind}": f"I{kind}" for group, names in groups.items() for kind in names}
        exports = [
            f'export type {{ I{kind} }} from "@kubernetes-models/{prefix}/{group}/{kind}";'
            for group, names in groups.items()
            for kind in names
        ]
        (folder / "entry.ts").write_text("\n".join(exports))
        generate = ["npx", "ts-json-schema-generator", "--path", "entry.ts", "--tsconfig", "tsconfig.json"]
        told = subprocess.run([*generate, "--no-type-check"], cwd=folder, check=True, capture_output=True, text=True)
        text = re.sub(r'"#/definitions/([^"]+)"', rf'"#/$defs/{prefix}.\1"', told.stdout)
        found = {f"{prefix}.{name}": schema for name, schema in json.loads(text)["definitions"].items()}
        definitions |= reachable((f"{prefix}.{root}" for root in roots.values()), found)
        kinds |= {kind: f"{prefix}.{root}" for kind, root in roots.items()}
    return {"definitions": definitions, "kinds": kinds}


def kserve(archive: zipfile.ZipFile, kubernetes_names: Iterable[str]) -> Schema:
    """Give KServe's definitions; what it takes from Kubernetes refers to Kubernetes' own definitions."""
    short = {name.rpartition(".")[2]: name for name in kubernetes_names if ".core.v1." in name or ".meta.v1." in name}
    classes = _kserve_classes(archive)

    def schema_of(kind: str) -> Schema:
        if inner := re.fullmatch(r"list\[(.+)]", kind):
            return {"type": "array", "items": schema_of(inner[1])}
        if inner := re.fullmatch(r"dict\(str, (.+)\)", kind):
            return {"type": "object", "additionalProperties": schema_of(inner[1])}
        plain = {"str": "string", "int": "integer", "bool": "boolean", "float": "number"}
        if kind in plain:
            return {"type": plain[kind]}
        if kind in classes:
            return {"$ref": f"#/$defs/kserve.{kind}"}
        known = short.get(kind.removeprefix("V1"))
        return {"$ref": f"#/$defs/{known}"} if known else {}

    definitions = {}
    for name, (types, keys, required) in classes.items():
        definitions[f"kserve.{name}"] = {
            "type": "object",
            "properties": {keys[field]: schema_of(kind) for field, kind in types.items()},
            "required": sorted(keys[field] for field in required),
        }
    root = "kserve.V1beta1InferenceService"
    return {"definitions": reachable([root], definitions), "kinds": {INFERENCE_SERVICE: root}}


def _kserve_classes(archive: zipfile.ZipFile) -> dict[str, tuple[dict[str, str], dict[str, str], set[str]]]:
    """Read each generated class: the types of its fields, their names in JSON, and which must be there."""
    found = {}
    for member in archive.namelist():
        if not re.fullmatch(r"kserve/models/v1beta1_\w+\.py", member):
            continue
        text = archive.read(member).decode()
        (made,) = (node for node in ast.parse(text).body if isinstance(node, ast.ClassDef))
        literals = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in made.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Dict)
        }
        required = set(re.findall(r"Invalid value for `(\w+)`, must not be `None`", text))
        found[made.name] = (literals["openapi_types"], literals["attribute_map"], required)
    return found


def main(target: Path) -> None:
    """Write the bundle."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        serving, native = wheel(KSERVE, place), wheel(KUBERNETES, place)
        newest = f"kubernetes_validate/kubernetes-json-schema/v{VERSIONS[-1]}.0-local/_definitions.json"
        inference = kserve(serving, json.loads(native.read(newest))["$defs"])
        shared = {name for name in references(inference) if not name.startswith("kserve.")}
        custom = models(place)
        bundle = {
            "made_of": [KUBERNETES, KSERVE, *(f"@kubernetes-models/{package}" for package in MODELS)],
            "kubernetes": kubernetes(native, shared),
            "custom": {
                "definitions": custom["definitions"] | inference["definitions"],
                "kinds": custom["kinds"] | inference["kinds"],
            },
        }
    text = json.dumps(bundle, sort_keys=True, separators=(",", ":"))
    target.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{target}: {target.stat().st_size} bytes, {len(text)} unpacked")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""What the pods of the chart may do, and what the program in them is given."""

from pathlib import Path

import yaml

from tests.ship.helm import Manifest, configuration
from tidegate.settings.reading.names import ANY_NAME, CONFIG_FILE

IN_A_CLUSTER = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
FIELDS = {"spec.nodeName": "node-7", "metadata.labels['topology.kubernetes.io/zone']": ""}
SECRET = "correct-horse-battery"
SECRETS = {("admin_token",), ("health", "password"), ("pools", ANY_NAME, "health", "password")}
MAY_BE_SECRET = {("health", "headers"), ("pools", ANY_NAME, "health", "headers")}
SLICES = {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]}
TOKEN_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
"""The kinds of volumes that the restricted Pod Security Standard allows."""


def environment(container: Manifest, config_file: Path) -> dict[str, str]:
    """The container's variables as kubelet would set them; the mounted file is where the test has put it."""
    found = dict(IN_A_CLUSTER)
    for entry in container["env"]:
        source = entry.get("valueFrom", {})
        secret = "" if source.get("configMapKeyRef") else SECRET
        found[entry["name"]] = entry.get("value") or FIELDS.get(source.get("fieldRef", {}).get("fieldPath"), secret)
    mount = next(each for each in container["volumeMounts"] if each["name"].endswith("-config"))
    assert found[CONFIG_FILE] == f"{mount['mountPath']}/config.yaml"
    return found | {CONFIG_FILE: str(config_file)}


def mounted(manifests: list[Manifest], folder: Path) -> Path:
    """The file that the program reads."""
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(configuration(manifests)))
    return file


def roles(manifests: list[Manifest]) -> dict[str, list[Manifest]]:
    """The rules by namespace."""
    return {each["metadata"]["namespace"]: each["rules"] for each in manifests if each["kind"] == "Role"}


def not_restricted(spec: Manifest) -> list[str]:
    """What the restricted Pod Security Standard has against a pod."""
    pod = spec.get("securityContext", {})
    found = [f"{key} is true" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    found += [f"volume {each['name']}" for each in spec.get("volumes", ()) if not VOLUMES & each.keys()]
    for container in (*spec["containers"], *spec.get("initContainers", ())):
        own = container["securityContext"]
        rules = {
            "runAsNonRoot": own.get("runAsNonRoot", pod.get("runAsNonRoot")) is True,
            "runAsUser": own.get("runAsUser", pod.get("runAsUser")) != 0,
            "seccompProfile": own.get("seccompProfile", pod.get("seccompProfile", {})).get("type") == "RuntimeDefault",
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
            "capabilities": own.get("capabilities") == {"drop": ["ALL"]},
            "privileged": not own.get("privileged"),
            "hostPort": not any("hostPort" in port for port in container.get("ports", ())),
        }
        found += [f"{container['name']}: {rule}" for rule, holds in rules.items() if not holds]
    return found

"""What stands in `deploy/` fits the program: settings and commands exist, and nothing runs with more rights than it needs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from mynah.app import app
from tests.test_settings_documented import DEFAULTS

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
FILES = [
    ROOT / "Dockerfile",
    *sorted(path for path in DEPLOY.rglob("*") if path.suffix in {".yaml", ".yml", ".md", ".service"}),
]
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
OTHER_VARIABLES = {"MYNAH_HOME"}
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def documents(path: Path) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(path.read_text("utf-8")) if one is not None]


def named(path: Path) -> Iterator[tuple[str, str | None]]:
    """The commands that a file runs or tells to run, with the first word after each."""
    text = path.read_text("utf-8")
    for match in re.finditer(r"(?:`|bin/|exec (?:bot|trainer) )mynah ([a-z]+)(?: ([a-z]+))?", text):
        yield match[1], match[2]
    for match in re.finditer(r"(?:command|args): \[([a-z]+)\]", text):
        yield match[1], None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_setting_that_is_named_exists(path: Path) -> None:
    found = set(re.findall(r"MYNAH_[A-Z_]+[A-Z]", path.read_text("utf-8")))
    assert found - set(DEFAULTS) - OTHER_VARIABLES == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_command_that_is_named_exists(path: Path) -> None:
    for command, following in named(path):
        assert command in COMMANDS, command
        below = getattr(COMMANDS[command], "commands", None)
        assert below is None or following in below, f"{command} {following}"


def test_commands_are_really_looked_for() -> None:
    found = {command for path in FILES for command, _ in named(path)}
    assert {"bot", "trainer", "run", "doctor", "model"} <= found


def containers() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for path in MANIFESTS:
        for manifest in documents(path):
            if manifest["kind"] in {"Deployment", "CronJob"}:
                holding = (
                    manifest["spec"] if manifest["kind"] == "Deployment" else manifest["spec"]["jobTemplate"]["spec"]
                )
                pod = holding["template"]["spec"]
                for container in pod["containers"]:
                    yield pod, container


def test_pods_have_no_rights_to_spare() -> None:
    assert {container["name"] for _, container in containers()} == {"bot", "trainer", "backup"}
    for pod, container in containers():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        own = container["securityContext"]
        assert (own["readOnlyRootFilesystem"], own["allowPrivilegeEscalation"]) == (True, False)
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]


def test_what_a_pod_refers_to_is_there() -> None:
    everything = [manifest for path in MANIFESTS for manifest in documents(path)]
    names = {(one["kind"], one.get("metadata", {}).get("name")) for one in everything}
    [kustomization] = [one for one in everything if one["kind"] == "Kustomization"]
    assert {*kustomization["resources"], "kustomization.yaml"} == {path.name for path in MANIFESTS}
    for pod, container in containers():
        for source in container["envFrom"]:
            assert ("ConfigMap", source["configMapRef"]["name"]) in names
        claims = {one["persistentVolumeClaim"]["claimName"] for one in pod["volumes"] if "persistentVolumeClaim" in one}
        assert {("PersistentVolumeClaim", claim) for claim in claims} <= names
        assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}
        secrets = {one["valueFrom"]["secretKeyRef"]["key"] for one in container["env"]}
        told = (DEPLOY / "README.md").read_text("utf-8")
        assert all(f"--from-literal={key}=" in told for key in secrets)


def test_the_probes_ask_where_the_settings_let_them_listen() -> None:
    [settings] = [one["data"] for one in documents(DEPLOY / "kubernetes" / "data.yaml") if one["kind"] == "ConfigMap"]
    ports = {
        container["name"]: container["ports"][0]["containerPort"]
        for _, container in containers()
        if "ports" in container
    }
    assert {name: str(port) for name, port in ports.items()} == {
        "bot": settings["MYNAH_TELEMETRY__BOT_PORT"],
        "trainer": settings["MYNAH_TELEMETRY__TRAINER_PORT"],
    }
    [network] = documents(DEPLOY / "kubernetes" / "network.yaml")
    assert {one["port"] for one in network["spec"]["ingress"][0]["ports"]} == set(ports.values())


def test_secrets_are_in_no_file() -> None:
    for path in FILES:
        for value in re.findall(r"(?:TOKEN|SECRET|PASSWORD|KEY)=(\S+)", path.read_text("utf-8")):
            assert value.startswith(("…", "$")), path.name


def test_containers_have_no_rights_to_spare() -> None:
    [compose] = documents(DEPLOY / "compose.yaml")
    for name in ("bot", "trainer", "backup"):
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["depends_on"]["postgres"]["condition"] == "service_healthy"
    [gpu] = documents(DEPLOY / "compose.gpu.yaml")
    assert set(gpu["services"]) == {"bot", "trainer"}


def test_only_the_bot_holds_the_token() -> None:
    [compose] = documents(DEPLOY / "compose.yaml")
    assert "MYNAH_DISCORD__TOKEN" in compose["services"]["bot"]["environment"]
    assert "MYNAH_DISCORD__TOKEN" not in compose["services"]["trainer"]["environment"]
    holding = {container["name"] for _, container in containers() if "MYNAH_DISCORD__TOKEN" in str(container["env"])}
    assert holding == {"bot"}


def test_the_image_ends_without_root_and_has_all_that_the_package_needs() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    last_user = re.findall(r"^USER (\S+)", text, re.MULTILINE)[-1]
    assert last_user == "10001:10001"
    stages = re.findall(r"^FROM (\S+) AS (\S+)", text, re.MULTILINE)
    assert ("base", "cpu") in stages
    assert ("base", "gpu") in stages
    assert stages[-1] == ("base", "cpu")  # what is built when nobody says a target
    houses = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"benchmarks", "tests", "tools"}
    copied_houses = re.findall(r"^COPY (\w+) \w+$", text, re.MULTILINE)
    assert set(copied_houses) == houses
    assert len(copied_houses) == len(houses)  # in one stage, for both images
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    copied = {word for line in re.findall(r"^COPY (?!--)(.+) \S+$", text, re.MULTILINE) for word in line.split()}
    assert {f"!{name}" for name in copied} <= set(ignored)


def unit(name: str) -> dict[str, str]:
    lines = (DEPLOY / "systemd" / name).read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def test_the_backup_has_no_more_rights_than_the_bot() -> None:
    ours, theirs = unit("mynah-backup.service"), unit("mynah.service")
    held = {name for name in theirs if name.startswith(("Protect", "Restrict", "Private", "System", "Capab", "NoNew"))}
    assert {name: ours[name] for name in held - {"RestartPreventExitStatus"}} == {name: theirs[name] for name in held}
    assert unit("mynah-backup.timer")["Persistent"] == "yes"


def test_backups_hold_no_token() -> None:
    [compose] = documents(DEPLOY / "compose.yaml")
    assert "MYNAH_DISCORD__TOKEN" not in compose["services"]["backup"].get("environment", {})
    [backup] = [container for _, container in containers() if container["name"] == "backup"]
    assert "MYNAH_DISCORD__TOKEN" not in str(backup)


def test_the_unit_ends_gently_and_is_not_tried_again_with_wrong_settings() -> None:
    unit = (DEPLOY / "systemd" / "mynah.service").read_text("utf-8")
    told = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line and not line.startswith("#"))
    assert told["RestartPreventExitStatus"] == "2"
    assert told["User"] == "mynah"
    assert told["ProtectSystem"] == "strict"
    assert told["CapabilityBoundingSet"] == ""
    assert "Environment" in told

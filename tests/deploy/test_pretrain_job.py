"""The Job that grows a model on several machines fits itself, the base it is applied after, and the program."""

from typing import Any

import typer

from tests.deploy.test_deploy import COMMANDS, DEPLOY, documents
from trainer.spread.launching import MEETING_ANEW

FOLDER = DEPLOY / "kubernetes" / "pretrain"


def the(kind: str) -> dict[str, Any]:
    [found] = [one for one in documents(FOLDER / "job.yaml") if one["kind"] == kind]
    return found


def test_pods_meet_where_the_service_names_them() -> None:
    service, job = the("Service"), the("Job")
    pod = job["spec"]["template"]
    [container] = pod["spec"]["containers"]
    name, port = service["metadata"]["name"], service["spec"]["ports"][0]["port"]
    assert f"--rdzv-endpoint={job['metadata']['name']}-0.{name}:{port}" in container["args"]
    assert pod["spec"]["subdomain"] == name
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert service["spec"]["clusterIP"] == "None"
    machines = job["spec"]["completions"]
    assert job["spec"]["parallelism"] == machines
    assert f"--nnodes={machines}" in container["args"]
    assert f"--nproc-per-node={container['resources']['limits']['nvidia.com/gpu']}" in container["args"]
    assert MEETING_ANEW.items() <= {one["name"]: one["value"] for one in container["env"]}.items()
    policy = the("NetworkPolicy")["spec"]["podSelector"]["matchLabels"]
    assert policy == pod["metadata"]["labels"]


def test_its_options_are_those_of_the_command_and_steps_are_shared_evenly() -> None:
    [container] = the("Job")["spec"]["template"]["spec"]["containers"]
    arguments = container["args"]
    given = dict(one.split("=") for one in arguments[arguments.index("pretrain") + 2 :])
    known = {name for parameter in COMMANDS["pretrain"].params for name in parameter.opts}
    assert isinstance(COMMANDS["pretrain"], typer.core.TyperCommand)
    assert set(given) <= known
    assert int(given["--tokens-a-step"]) % int(given["--tokens-at-once"]) == 0
    assert arguments[arguments.index("mynah") - 1] == "-m"


def test_it_has_no_rights_to_spare_and_what_it_refers_to_is_there() -> None:
    pod = the("Job")["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    own = container["securityContext"]
    assert (own["readOnlyRootFilesystem"], own["allowPrivilegeEscalation"]) == (True, False)
    assert own["capabilities"] == {"drop": ["ALL"]}
    there = {(one["kind"], one["metadata"]["name"]) for one in documents(DEPLOY / "kubernetes" / "data.yaml")}
    assert ("ConfigMap", container["envFrom"][0]["configMapRef"]["name"]) in there
    assert ("PersistentVolumeClaim", pod["volumes"][0]["persistentVolumeClaim"]["claimName"]) in there
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}
    assert "TOKEN" not in str(container)
    [kustomization] = documents(FOLDER / "kustomization.yaml")
    assert kustomization["resources"] == ["job.yaml"]

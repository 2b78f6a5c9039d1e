"""The files for containers: they fit their schemas, give no rights away, and name settings that exist."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from notifier import __version__
from notifier.settings import load_settings
from notifier.settings.catalogue import find_variable
from notifier.settings.layers import is_ignored
from notifier.settings.model import DeliverySettings, Settings

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / "config/notifier.example.toml").read_text("utf-8")
IMAGE = f"dintero-notifier:{__version__}"
HEALTH = ["notifier", "status", "--health"]
SECRET = re.compile(r"xox[bp]-|whsec_|hooks\.slack\.com|postgres(ql)?://", re.IGNORECASE)
SECRETS = {
    "notifier_store__url": "postgresql://notifier:a-password@postgres/notifier",
    "notifier_store__key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "notifier_dintero__client_secret": "a-secret",
    "notifier_slack__bot_token": "xoxb-1",
}


@cache
def read_documents(path: Path) -> list[dict[str, Any]]:
    """Read the documents of a file, once: whoever changes one needs a copy."""
    return list(yaml.safe_load_all(path.read_text("utf-8")))


def read_compose() -> dict[str, Any]:
    """Read the compose file."""
    (found,) = read_documents(ROOT / "config/compose.yaml")
    return deepcopy(found)


def read_compose_schema() -> dict[str, Any]:
    """Read the compose specification's schema, which check-jsonschema brings; that itself is not imported."""
    package = find_spec("check_jsonschema")
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).parent / "builtin_schemas/vendor/compose-spec.json"
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def read_manifests() -> dict[str, dict[str, Any]]:
    """Read the manifests, by their kind; there is one of each."""
    documents = [
        document
        for path in sorted((ROOT / "config/kubernetes").glob("*.yaml"))
        for document in read_documents(path)
    ]
    found = {document["kind"]: deepcopy(document) for document in documents}
    assert len(found) == len(documents)
    return found


def read_pod() -> dict[str, Any]:
    """Read what the Deployment says of each pod."""
    pod: dict[str, Any] = read_manifests()["Deployment"]["spec"]["template"]["spec"]
    return pod


def list_texts(value: object) -> Iterator[str]:
    """Give every text of a document, keys left out."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from list_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from list_texts(inner)
    elif isinstance(value, str):
        yield value


def load(folder: Path, environ: Mapping[str, str], toml: str, secrets: Mapping[str, str]) -> Settings:
    """Load settings as a container would: its environment, its file and its secrets, each put in a folder."""
    (folder / "secrets").mkdir()
    for name, text in secrets.items():
        (folder / "secrets" / name).write_text(text, "utf-8")
    (folder / "notifier.toml").write_text(toml, "utf-8")
    placed = {**environ, "NOTIFIER_CONFIG": "notifier.toml", "NOTIFIER_SECRETS_DIR": "secrets"}
    return load_settings(config_path=None, environ=placed, cwd=folder)


def test_the_compose_file_fits_the_specification() -> None:
    """Docker must understand every key: the schema knows no others."""
    validator = jsonschema.Draft202012Validator(read_compose_schema())
    validator.validate(read_compose())
    broken = read_compose()
    broken["services"]["notifier"]["read_onlyy"] = True
    assert not validator.is_valid(broken)


@pytest.mark.parametrize("version", ["1.29", kubernetes_validate.latest_version()])
def test_the_manifests_fit_kubernetes(version: str) -> None:
    """An old and the newest Kubernetes must understand every key of every manifest."""
    for manifest in read_manifests().values():
        kubernetes_validate.validate(manifest, version, strict=True)
    broken = read_manifests()["Deployment"]
    broken["spec"]["template"]["spec"]["enableServiceLink"] = False
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, version, strict=True)


def test_every_variable_is_a_setting_and_every_secret_is_one() -> None:
    """A variable or a file that the settings do not know would stop the start."""
    compose, pod = read_compose(), read_pod()
    variables = set(compose["services"]["notifier"]["environment"])
    variables |= {one["name"] for one in pod["containers"][0]["env"]}
    assert all(is_ignored(name) or find_variable(name) for name in variables), variables
    assert set(compose["services"]["notifier"]["secrets"]) == set(SECRETS)
    for name in SECRETS:
        assert find_variable(name.upper()), name
        deployment = (ROOT / "config/kubernetes/deployment.yaml").read_text("utf-8")
        assert f"--from-file={name}" in deployment


def test_compose_gives_settings_that_work(tmp_path: Path) -> None:
    """With a file of somebody's own, the secrets as files and the rest as it stands, everything fits."""
    service = read_compose()["services"]["notifier"]
    toml = (
        '[dintero]\naccount_id = "P12345678"\nclient_id = "client"\n[slack]\nchannel = "#sales"\n' + EXAMPLE
    )
    settings = load(tmp_path, service["environment"], toml, SECRETS)
    assert settings.store.url.get_secret_value() == SECRETS["notifier_store__url"]
    target = {one["source"]: one["target"] for one in service["configs"]}["notifier"]
    assert service["environment"]["NOTIFIER_CONFIG"] == target


def test_the_manifests_give_settings_that_work(tmp_path: Path) -> None:
    """ConfigMap, Secret and variables together are whole, and each is mounted where it is read."""
    container = read_pod()["containers"][0]
    environ = {one["name"]: one["value"] for one in container["env"]}
    toml = read_manifests()["ConfigMap"]["data"]["notifier.toml"]
    settings = load(tmp_path, environ, toml, SECRETS)
    assert settings.store.url.get_secret_value() == SECRETS["notifier_store__url"]
    places = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    assert environ["NOTIFIER_CONFIG"] == f"{places['config']}/notifier.toml"
    assert environ["NOTIFIER_SECRETS_DIR"] == places["secrets"]


def test_the_image_names_a_file_that_an_empty_variable_takes_back() -> None:
    """The image's own store would win over a secret: both files must empty that variable."""
    assert "NOTIFIER_STORE__URL=sqlite:" in (ROOT / "Dockerfile").read_text("utf-8")
    assert read_compose()["services"]["notifier"]["environment"]["NOTIFIER_STORE__URL"] == ""
    assert {"name": "NOTIFIER_STORE__URL", "value": ""} in read_pod()["containers"][0]["env"]


def test_no_secret_stands_in_a_file() -> None:
    """Secrets come from files that are not part of this project."""
    for document in (read_compose(), *read_manifests().values()):
        assert not [text for text in list_texts(document) if SECRET.search(text)]
    for secret in read_compose()["secrets"].values():
        assert set(secret) == {"file"}
    assert "Secret" not in read_manifests()
    assert "password" not in tomllib.loads(read_manifests()["ConfigMap"]["data"]["notifier.toml"])
    assert "config/secrets/" in (ROOT / ".gitignore").read_text("utf-8")


def test_two_notifiers_of_this_version_run() -> None:
    """Either may be killed: there are two, tagged with this version, and they are started again."""
    compose, manifests = read_compose(), read_manifests()
    service, pod = compose["services"]["notifier"], read_pod()
    assert service["image"] == pod["containers"][0]["image"] == IMAGE
    assert service["deploy"]["replicas"] == manifests["Deployment"]["spec"]["replicas"] == 2
    assert {one["restart"] for one in compose["services"].values()} == {"unless-stopped"}
    assert re.fullmatch(r"postgres:\d+\.\d+-\w+", compose["services"]["postgres"]["image"])


@pytest.mark.parametrize("name", ["notifier", "postgres"])
def test_a_service_has_no_rights_and_no_port(name: str) -> None:
    """Each runs as a mere user on a read-only file system, and nobody outside can reach it."""
    compose = read_compose()
    service = compose["services"][name]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not {"ports", "privileged", "cap_add", "network_mode", "pid"} & set(service)
    assert compose["networks"]["database"]["internal"] is True
    assert compose["services"]["postgres"]["networks"] == ["database"]


def test_a_pod_has_no_rights() -> None:
    """Kubernetes' restricted standard: no root, no privileges, no capabilities, no writing, no token."""
    pod = read_pod()
    (container,) = pod["containers"]
    assert pod["enableServiceLinks"] is pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert str(pod["securityContext"]["runAsUser"]) in (ROOT / "Dockerfile").read_text("utf-8")
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]
    (secrets,) = (one["secret"] for one in pod["volumes"] if "secret" in one)
    assert secrets["defaultMode"] & 0o007 == 0


def test_health_is_asked_of_the_program_itself() -> None:
    """Every probe is the command that the image uses, without a shell, and with time for Python to start."""
    check = read_compose()["services"]["notifier"]["healthcheck"]
    assert check["test"] == ["CMD", *HEALTH]
    (container,) = read_pod()["containers"]
    probes = [container[name] for name in ("startupProbe", "readinessProbe", "livenessProbe")]
    assert all(probe["exec"]["command"] == HEALTH for probe in probes)
    assert min(probe["timeoutSeconds"] for probe in probes) >= 5
    # A database that is away for some minutes must not have the workers restarted.
    liveness = container["livenessProbe"]
    assert liveness["periodSeconds"] * liveness["failureThreshold"] >= 600


def test_what_is_on_its_way_is_finished() -> None:
    """Whoever ends a container must wait longer than the notifier waits for what is in flight."""
    grace_seconds = DeliverySettings().grace_seconds
    stop = read_compose()["services"]["notifier"]["stop_grace_period"]
    assert int(stop.removesuffix("s")) >= grace_seconds + 10
    assert read_pod()["terminationGracePeriodSeconds"] >= grace_seconds + 10


def test_the_manifests_mean_the_same_pods() -> None:
    """A selector that fits no pod protects nothing: one worker stays, and nobody can reach any."""
    manifests = read_manifests()
    deployment = manifests["Deployment"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    budget, network = manifests["PodDisruptionBudget"]["spec"], manifests["NetworkPolicy"]["spec"]
    spread = [one["labelSelector"] for one in read_pod()["topologySpreadConstraints"]]
    for selector in (deployment["selector"], budget["selector"], network["podSelector"], *spread):
        assert selector == {"matchLabels": labels}
    assert 0 < budget["minAvailable"] < deployment["replicas"]
    assert network["policyTypes"] == ["Ingress", "Egress"]
    assert network["ingress"] == []
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_the_image_holds_what_several_machines_need() -> None:
    """PostgreSQL and uvloop are extras; the image has them, of the same versions as everything else."""
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    assert dockerfile.count("requirements/wide.txt") == 2
    assert "runtime.txt" not in dockerfile
    pins = {
        name: set(re.findall(r"(?m)^([a-z0-9._-]+==\S+)", (ROOT / "requirements" / name).read_text("utf-8")))
        for name in ("runtime.txt", "wide.txt")
    }
    assert pins["runtime.txt"] <= pins["wide.txt"]
    added = {pin.partition("==")[0] for pin in pins["wide.txt"] - pins["runtime.txt"]}
    assert {"procrastinate", "psycopg", "psycopg-binary", "uvloop"} <= added

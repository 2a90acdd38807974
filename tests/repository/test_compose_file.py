"""docker-compose.yml and the Dockerfile, as they are read by Compose: what they promise, service by service."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.compose_stack import PROFILES, ROOT, Services, compose, read_services, write_environment

SERVERS = ("postgres", "mlflow", "dashboard")
STUDY_VOLUMES = {"/work": "studies", "/home/hpo/.cache": "cache"}
ALL = (*SERVERS, "record", "s3", "hpo", "hpo-gpu")
FROM = re.compile(r"^FROM (?P<image>\S+)(?: AS (?P<stage>\w+))?$", re.MULTILINE)
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_environment(tmp_path_factory.mktemp("environment") / ".env")


@pytest.fixture(scope="module")
def services(environment: dict[str, str]) -> Services:
    return read_services(environment, *PROFILES)


def required() -> list[str]:
    """Returns the variables without which nothing starts."""
    return sorted(set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text("utf-8"))))


def test_up_starts_the_servers_and_profiles_the_rest(environment: dict[str, str], services: Services) -> None:
    assert set(read_services(environment)) == {*SERVERS, "record"}
    assert set(read_services(environment, "s3")) == {*SERVERS, "record", "s3"}
    assert set(services) == set(ALL)


def test_nothing_starts_without_an_environment_file() -> None:
    done = compose("up", "--detach", environment={})
    assert done.returncode != 0
    assert "run `make env` first" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("name", required())
@pytest.mark.parametrize("value", [None, ""])
def test_nothing_starts_without_one_of_its_variables(name: str, value: str | None, environment: dict[str, str]) -> None:
    changed = {key: text for key, text in environment.items() if key != name} | ({} if value is None else {name: value})
    done = compose("config", environment=changed)
    assert done.returncode != 0
    assert f"required variable {name} is missing a value: run `make env` first" in done.stderr


def test_every_secret_comes_from_the_environment_file(environment: dict[str, str], services: Services) -> None:
    secrets = {name: value for name, value in environment.items() if re.search("PASSWORD|_KEY", name)}
    assert set(secrets) < set(required())
    assert len(set(secrets.values())) == len(secrets) == 6
    uses = re.findall(r"\$\{(\w+)([^}]*)\}", (ROOT / "docker-compose.yml").read_text("utf-8"))
    assert {rest for name, rest in uses if name in secrets} == {":?run `make env` first"}  # no default anywhere
    for service in services.values():
        for name, value in service["environment"].items():
            if re.search("PASSWORD|_KEY", name):
                assert set(re.findall("[0-9a-f]{48}", value)) <= set(secrets.values())
                assert re.sub('[0-9a-f]{48}|[",]', "", value) == ""


def test_no_secret_is_on_a_command_line(environment: dict[str, str], services: Services) -> None:
    for service in services.values():
        seen = json.dumps({key: value for key, value in service.items() if key != "environment"})
        assert not [name for name in required() if len(environment[name]) > 20 and environment[name] in seen]


def test_each_service_gets_the_secrets_that_it_needs(environment: dict[str, str], services: Services) -> None:
    held = {
        name: {key for key, value in environment.items() if len(value) == 48 and value in str(service["environment"])}
        for name, service in services.items()
    }
    assert held == {
        "postgres": {"POSTGRES_PASSWORD", "MLFLOW_DB_PASSWORD", "HPO_DB_PASSWORD", "DASHBOARD_DB_PASSWORD"},
        "mlflow": {"MLFLOW_DB_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY"},
        "s3": {"S3_ACCESS_KEY", "S3_SECRET_KEY"},
        "dashboard": {"DASHBOARD_DB_PASSWORD"},
        **{name: {"HPO_DB_PASSWORD"} for name in ("record", "hpo", "hpo-gpu")},
    }


def test_every_image_is_pinned_by_its_content(services: Services) -> None:
    stages = {found["stage"] for found in FROM.finditer(DOCKERFILE)}
    images = [found["image"] for found in FROM.finditer(DOCKERFILE) if found["image"] not in stages]
    images += [service["image"] for service in services.values() if "image" in service]
    assert len(images) == 3
    for image in images:
        assert re.fullmatch(r"[\w./-]+:\d+\.\d+[\w.-]*@sha256:[0-9a-f]{64}", image)
    for service in services.values():
        assert service["build"]["target"] in stages if "build" in service else service["image"]


@pytest.mark.parametrize("name", ALL)
def test_a_service_has_no_more_rights_than_it_needs(name: str, services: Services) -> None:
    service = services[name]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices", "userns_mode"} & set(service)


@pytest.mark.parametrize("name", ALL)
def test_a_service_takes_no_more_than_its_share(name: str, services: Services) -> None:
    service = services[name]
    limits = service["deploy"]["resources"]["limits"]
    assert 0 < int(limits["memory"]) <= 8 << 30
    assert 0 < limits["pids"] <= 2000
    assert limits.get("cpus", 0) <= 1  # more than a machine has is an error
    assert ("cpus" in limits) != (service.get("cpu_shares") == 512)
    assert service["logging"]["options"]["max-size"]
    assert all("size=" in mount for mount in service["tmpfs"])


def test_ports_are_open_to_this_machine_alone(services: Services, environment: dict[str, str]) -> None:
    ports = {name: service.get("ports", []) for name, service in services.items()}
    assert {name for name, opened in ports.items() if opened} == set(SERVERS)
    for opened in ports.values():
        assert all(port["host_ip"] == "127.0.0.1" for port in opened)
    moved = read_services({**environment, "POSTGRES_PORT": "1", "MLFLOW_PORT": "2", "DASHBOARD_PORT": "3"})
    assert [moved[name]["ports"][0]["published"] for name in SERVERS] == ["1", "2", "3"]


def test_what_is_kept_is_in_named_volumes(services: Services) -> None:
    kept = {}
    for name, service in services.items():
        for mount in service.get("volumes", []):
            if mount["type"] == "volume":
                kept[f"{name}:{mount['target']}"] = mount["source"]
            else:
                assert mount["read_only"], mount
                assert Path(mount["source"]).is_relative_to(ROOT), mount
                assert Path(mount["source"]).exists(), mount
    assert kept == {
        "postgres:/var/lib/postgresql": "postgres",
        "mlflow:/artifacts": "artifacts",
        "s3:/data": "objects",
        **{f"{name}:{path}": volume for name in ("hpo", "hpo-gpu") for path, volume in STUDY_VOLUMES.items()},
    }


def test_mlflow_is_called_by_the_names_that_it_answers_to(services: Services, environment: dict[str, str]) -> None:
    allowed = services["mlflow"]["environment"]["MLFLOW_SERVER_ALLOWED_HOSTS"]
    assert allowed == "mlflow:5000,localhost:5000,127.0.0.1:5000"
    moved = read_services({**environment, "MLFLOW_PORT": "5001"})["mlflow"]
    assert moved["environment"]["MLFLOW_SERVER_ALLOWED_HOSTS"] == "mlflow:5000,localhost:5001,127.0.0.1:5001"
    assert "tracking.uri=http://mlflow:5000" in services["hpo"]["entrypoint"]
    check = services["mlflow"]["healthcheck"]["test"][-1]
    assert '"Host": "mlflow:5000"' in check
    assert "/health" not in check


def test_mlflow_runs_nothing_and_tells_nobody(services: Services) -> None:
    given = services["mlflow"]["environment"]
    assert given["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert given["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
    assert given["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_servers_come_back_and_say_how_they_are(services: Services) -> None:
    for name in (*SERVERS, "s3"):
        assert services[name]["restart"] == "unless-stopped"
        assert services[name]["healthcheck"]["test"][0] == "CMD"
    for name in ("record", "hpo", "hpo-gpu"):
        assert "restart" not in services[name]
    for name in ("hpo", "hpo-gpu"):
        conditions = {on: needed["condition"] for on, needed in services[name]["depends_on"].items()}
        assert conditions == {
            "postgres": "service_healthy",
            "mlflow": "service_healthy",
            "record": "service_completed_successfully",
        }
        assert services[name]["stop_grace_period"] == "45s"
    assert services["mlflow"]["depends_on"]["s3"] == {"condition": "service_healthy", "required": False}


def test_the_record_and_mlflow_have_a_database_each(services: Services) -> None:
    mlflow = services["mlflow"]["environment"]["MLFLOW_BACKEND_STORE_URI"]
    record = services["hpo"]["environment"]["HPO_STORAGE_URL"]
    assert (mlflow, record) == ("postgresql+psycopg://mlflow@postgres/mlflow", "postgresql://hpo@postgres/hpo")
    assert services["dashboard"]["command"][-1] == "postgresql+psycopg://dashboard@postgres/hpo"


def test_artifacts_go_into_a_volume_or_a_bucket(tmp_path: Path, services: Services) -> None:
    assert services["mlflow"]["environment"]["MLFLOW_ARTIFACTS_DESTINATION"] == "/artifacts"
    environment = write_environment(tmp_path / ".env", "--s3")
    given = read_services(environment)["mlflow"]["environment"]  # COMPOSE_PROFILES is in the file
    assert set(read_services(environment)) == {*SERVERS, "record", "s3"}
    assert given["MLFLOW_ARTIFACTS_DESTINATION"] == "s3://mlflow"
    assert given["MLFLOW_S3_ENDPOINT_URL"] == "http://s3:9000"
    bought = {**environment, "S3_ENDPOINT": "https://s3.example"}
    assert read_services(bought)["mlflow"]["environment"]["MLFLOW_S3_ENDPOINT_URL"] == "https://s3.example"


def test_a_service_of_studies_is_the_command_itself(services: Services) -> None:
    for name in ("hpo", "hpo-gpu"):
        assert services[name]["entrypoint"][0] == "hpo"
        assert all("=" in word for word in services[name]["entrypoint"][1:])  # a command may stand behind them
    assert DOCKERFILE.splitlines()[-1] == 'ENTRYPOINT ["hpo"]'


def test_a_study_takes_the_gpus_only_when_asked_to(services: Services) -> None:
    assert "reservations" not in services["hpo"]["deploy"]["resources"]
    assert services["hpo"]["build"]["args"] == {"TORCH_OPTIONS": ""}
    reserved: dict[str, Any] = services["hpo-gpu"]["deploy"]["resources"]["reservations"]
    assert reserved["devices"][0] == {"driver": "nvidia", "count": -1, "capabilities": ["gpu"]}
    assert "args" not in services["hpo-gpu"]["build"]
    assert "ARG TORCH_OPTIONS=\n" in DOCKERFILE


def test_images_run_as_nobody_in_particular() -> None:
    stages = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[2:]  # after the one they begin with
    assert [re.findall(r"^USER (\S+)$", stage, re.MULTILINE) for stage in stages] == [["10001:10001"]] * 3


def test_images_get_no_secret_and_no_record() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if not line.startswith("#")]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == {word for words in copied for word in words.split()}
    ignored = subprocess.run(["git", "check-ignore", ".env"], cwd=ROOT, capture_output=True, check=False)
    assert ignored.returncode in (0, 128)  # 128: this is no repository


@pytest.mark.parametrize(("extra", "others"), [("server", ()), ("postgres", ("--with-project",))])
def test_images_install_what_was_tested(extra: str, others: tuple[str, ...]) -> None:
    script = ["python3", "docker/requirements.py", extra, *others]
    listed = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    pinned = {line.partition("==")[0].lower() for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()}
    names = {re.split(r"[\[<>=~!; ]", line)[0].lower() for line in listed if line}
    assert names <= pinned
    assert ("torch" in names) == bool(others)
    assert f"requirements.py {' '.join((extra, *others))} >" in DOCKERFILE

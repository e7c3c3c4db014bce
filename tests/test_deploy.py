"""`Dockerfile.gpu` and `deploy/` name what is there: settings, metrics, files, commands, libraries, times to stop.

The image itself is built nowhere in these tests.
"""

import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.gpu import CELLS
from engine.command_line import parser
from engine.settings import Settings, load_settings
from engine.telemetry import METRICS
from hatch_build import SOURCES
from pipelines.commands.serve import STOP_S

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
SETTINGS = {name.upper(): field.default for name, field in Settings.model_fields.items()}
NOT_OURS = {
    *("PATH", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES"),
    "XDG_DATA_HOME",  # where `engine.vault` makes the key
    "POSTGRES_PASSWORD",
    "COMPOSE_PROFILES",
}
SLACK_S = 5.0
"""To stop in, beyond what the engine allows itself."""


# ─── the image ───────────────────────────────────────────────────────────────────────────────────────────────────────


def instructions() -> list[tuple[str, str]]:
    """(instruction, arguments) of `Dockerfile.gpu`, lines joined."""
    text = (ROOT / "Dockerfile.gpu").read_text("utf-8")
    lines = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    pairs = (line.partition(" ") for line in lines if line.strip())
    return [(name, arguments.strip()) for name, _, arguments in pairs]


def stages() -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for name, arguments in instructions():
        if name == "FROM":
            base, _, stage = arguments.partition(" AS ")
            found[stage] = [("FROM", base)]
        else:
            found[stage].append((name, arguments))
    return found


def of(name: str, stage: str | None = None) -> list[str]:
    lines = instructions() if stage is None else stages()[stage]
    return [arguments for instruction, arguments in lines if instruction == name]


def copied() -> set[str]:
    """Paths of this repository that are copied into the image's first stage."""
    return {source for line in of("COPY") if not line.startswith("--from") for source in line.split()[:-1]}


def environment_of_image() -> dict[str, str]:
    pairs = (word.partition("=") for line in of("ENV") for word in line.split())
    return {name: value for name, _, value in pairs}


def test_what_is_copied_is_there_and_nothing_is_forgotten() -> None:
    assert all((ROOT / path).exists() for path in copied())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = {f"console/{source}" for source in SOURCES} | {"console/tsconfig.json", "pyproject.toml", "hatch_build.py"}
    wanted |= set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"])
    wanted |= {project["project"]["readme"], *project["project"]["license-files"], "constraints.txt"}
    assert copied() == wanted


def test_everything_is_pinned() -> None:
    bases = [lines[0][1] for lines in stages().values()]
    assert all(re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", base) or base in stages() for base in bases)
    installs = [line for line in of("RUN") if "/bin/pip install" in line]
    assert len(installs) == 2
    for line in installs:
        assert "-c /constraints.txt" in line or re.search(r"\S==\d\S*$", line), line
    python = re.search(r"python(3\.\d+)/", environment_of_image()["LD_LIBRARY_PATH"])
    assert python
    assert all(base.startswith(f"python:{python[1]}.") for base in bases if ":" in base)


def test_the_weights_are_installed_where_they_are_looked_for() -> None:
    line = next(line for line in of("RUN", "program") if "models install" in line)
    place, _, command = line.partition(" ")
    assert place == f"WEIGHTS_DIR={environment_of_image()['WEIGHTS_DIR']}"
    assert parser().parse_args(command.split()[1:]).action == "install"


def test_it_runs_as_nobody_special_and_keeps_key_and_data_apart() -> None:
    for stage in ("cpu", "gpu"):
        assert of("USER", stage)[-1] == "welcomedly"
    environment = environment_of_image()
    assert environment["DATA_DIR"] != environment["XDG_DATA_HOME"]
    assert json.loads(of("VOLUME")[0]) == [environment["DATA_DIR"], environment["XDG_DATA_HOME"]]


def test_its_environment_is_settings() -> None:
    ours = {name: value for name, value in environment_of_image().items() if name not in NOT_OURS}
    assert set(ours) < set(SETTINGS)
    load_settings(**{name.lower(): value for name, value in ours.items()})


def test_every_port_that_a_setting_opens_is_exposed() -> None:
    ports = {port for line in of("EXPOSE") for port in line.split()}
    for name, protocols in (
        *(("HTTP_PORT", "tcp"), ("SOCKETS_PORT", "tcp"), ("SIP_TLS_PORT", "tcp"), ("RTP_PORTS", "udp")),
        *(("SIP_PORT", "tcp udp"), ("BRIDGE_SIP_PORT", "tcp udp"), ("BRIDGE_SIP_TLS_PORT", "tcp")),
        *(("BRIDGE_HTTP_PORT", "tcp"), ("BRIDGE_RTP_PORTS", "udp")),
    ):
        for protocol in protocols.split():
            ports.remove(f"{SETTINGS[name]}/{protocol}")
    assert not ports


def test_it_has_the_libraries_that_ctranslate2_opens_and_no_other() -> None:
    spec = find_spec("ctranslate2")
    assert spec
    assert spec.origin
    libraries = [*Path(spec.origin).parent.parent.joinpath("ctranslate2.libs").glob("libctranslate2*.so*")]
    if not libraries:
        pytest.skip("CTranslate2's wheel for this system has no CUDA in it")
    opened = set(re.findall(rb"lib(?:cublas|cudnn|cudart|nvrtc)\w*\.so\.\d+", libraries[0].read_bytes()))
    assert opened == {b"libcublas.so.12"}
    wheels = re.findall(r"nvidia-\S+==\S+", " ".join(of("RUN", "gpu")))
    assert [wheel.partition("==")[0] for wheel in wheels] == ["nvidia-cublas-cu12"]
    assert environment_of_image()["LD_LIBRARY_PATH"].endswith("/site-packages/nvidia/cublas/lib")


@pytest.fixture
def answering() -> Iterator[HTTPServer]:
    """An HTTP server that answers `/healthz` alone."""

    class Healthz(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Healthz) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def health_check(prefix: str) -> str:
    """By the prefix of the settings that say where it asks."""
    if prefix == "BRIDGE_HTTP":
        return str(service("bridge")["healthcheck"]["test"][-1])
    return str(json.loads("[" + of("HEALTHCHECK")[0].partition("[")[2])[-1])


@pytest.mark.parametrize("prefix", ["HTTP", "BRIDGE_HTTP"])
def test_its_health_check_knows_alive_from_dead(prefix: str, answering: HTTPServer) -> None:
    port = answering.server_address[1]
    for host, asked, expected in (("0.0.0.0", port, 0), ("127.0.0.1", port, 0), ("127.0.0.1", 9, 1)):
        environment = {**os.environ, f"{prefix}_HOST": host, f"{prefix}_PORT": str(asked)}
        command = [sys.executable, "-c", health_check(prefix)]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        assert done.returncode == expected


@pytest.mark.parametrize("prefix", ["HTTP", "BRIDGE_HTTP"])
@pytest.mark.parametrize(
    ("host", "asked"),
    [("0.0.0.0", "127.0.0.1"), ("192.0.2.10", "192.0.2.10"), ("::", "[::1]"), ("2001:db8::1", "[2001:db8::1]")],
)
def test_its_health_check_asks_where_that_setting_listens(
    prefix: str, host: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls: list[str] = []
    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: urls.append(url))
    monkeypatch.setenv(f"{prefix}_HOST", host)
    monkeypatch.setenv(f"{prefix}_PORT", "8080")
    exec(health_check(prefix), {})
    assert urls == [f"http://{asked}:8080/healthz"]


# ─── commands, and time to stop ──────────────────────────────────────────────────────────────────────────────────────


def test_every_command_is_understood() -> None:
    commands = [json.loads(of("CMD")[0]), service("engine-cpu")["command"], service("bridge")["command"]]
    assert json.loads(of("ENTRYPOINT")[0]) == ["welcomedly"]
    for unit in UNITS:
        program, *arguments = shlex.split(directives(unit)["ExecStart"][0])
        assert program == "/opt/welcomedly/bin/welcomedly"
        commands.append(arguments)
    text = (DEPLOY / "README.md").read_text("utf-8")
    commands += [
        shlex.split(line.partition(" #")[0])
        for line in re.findall(r"(?:bin/|`)welcomedly ((?:serve|bridge|models|organisation|call)[^`\n]*)", text)
    ]
    assert len(commands) > 9
    for arguments in commands:
        parser().parse_args(arguments)


def test_an_orderly_stop_is_given_its_time() -> None:
    assert of("STOPSIGNAL") == [signal.SIGTERM.name]
    for unit in UNITS:
        said = directives(unit)
        assert said["KillSignal"] == [signal.SIGTERM.name]
        assert said["KillMode"] == ["mixed"], "the engine tells its own processes, in order"
        assert float(said["TimeoutStopSec"][0]) >= STOP_S + SLACK_S
    for name in ("engine-cpu", "engine-gpu", "bridge"):
        assert float(service(name)["stop_grace_period"].removesuffix("s")) >= STOP_S + SLACK_S


# ─── compose ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


def service(name: str) -> Any:
    return compose()["services"][name]


OURS = ("engine-cpu", "engine-gpu", "bridge")


def test_services_are_chosen_by_profile_and_built_from_stages() -> None:
    services = compose()["services"]
    assert {name: one["profiles"] for name, one in services.items()} == {
        "engine-cpu": ["cpu"],
        "engine-gpu": ["gpu"],
        "bridge": ["bridge"],
        "postgres": ["postgres"],
    }
    for name in OURS:
        build = services[name]["build"]
        assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()
        assert build["target"] in stages()
        assert services[name]["image"] == f"welcomedly:{name.removeprefix('engine-')}"  # a build of another renews none
        assert services[name]["ulimits"]["core"] == 0


def test_services_are_told_what_files_say_and_little_besides() -> None:
    """`environment` beats both files: a key that stands in `engine.env` would be as if it were not set."""
    image = environment_of_image()
    own = {name: image[name] for name in ("DATA_DIR", "WEIGHTS_DIR")} | told("HTTP_HOST")
    besides: dict[str, dict[str, str]] = {
        "engine-cpu": {},
        "engine-gpu": {"EARS_DEVICE": "${EARS_DEVICE:-cuda}"},
        "bridge": told("BRIDGE_HTTP_HOST", "BRIDGE_HTTP_PORT"),
    }
    for name in OURS:
        assert service(name)["environment"] == own | besides[name]
        files = [file["path"] for file in service(name)["env_file"] if not file["required"]]
        assert files == ([".env"] if name == "bridge" else [".env", "engine.env"])
    assert {name for name in image if name in SETTINGS and image[name] != str(SETTINGS[name])} == {*own, "LOG_FORMAT"}
    page = " ".join((DEPLOY / "README.md").read_text("utf-8").split())
    assert "but `HTTP_HOST` and `EARS_DEVICE`, which count in `.env` alone" in page


def told(*settings: str) -> dict[str, str]:
    """What `.env` has, else the setting's default."""
    return {setting: f"${{{setting}:-{SETTINGS[setting]}}}" for setting in settings}


def test_every_start_names_a_profile() -> None:
    """Each service has one: without, compose selects none."""
    for name in ("README.md", "compose.yaml"):
        starts = re.findall(r"docker compose[^`#\n]* (?:up|build)\b", (DEPLOY / name).read_text("utf-8"))
        assert len(starts) >= 3
        assert all(" --profile " in start for start in starts)


def test_an_upgrade_of_the_engine_leaves_the_bridge_as_it_is() -> None:
    """Compose starts anew whatever it was not told to leave and has another image, or other settings, by now."""
    upgrade = (DEPLOY / "README.md").read_text("utf-8").partition("## Upgrade")[2]
    starts = re.findall(r"docker compose[^`#\n]* (?:up|build)\b[^`#\n]*", upgrade)
    assert [start.split()[-1] for start in starts] == ["engine-cpu"] * 2 + ["bridge"] * 2
    assert all("--no-deps" in start for start in starts if " up" in start)


def test_lines_of_settings_are_read_alike_by_compose_and_systemd() -> None:
    """systemd takes what stands behind a value for a part of it."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (DEPLOY / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.partition("=")[0] in SETTINGS]
    assert len([line for line in lines if " " not in line]) >= 7
    assert not [line for line in lines if " #" in line]


def test_no_log_fills_the_disk_that_calls_are_stored_on() -> None:
    for name, one in compose()["services"].items():
        assert one["logging"]["driver"] == "json-file", name
        options = one["logging"]["options"]
        kept_gb = int(options["max-size"].removesuffix("m")) * int(options["max-file"]) / 1000
        assert f"the newest {kept_gb:.0f} GB of each one's log" in (DEPLOY / "README.md").read_text("utf-8")


def test_only_the_engine_sees_the_key_and_volumes_are_declared() -> None:
    declared = set(compose()["volumes"])
    for name, one in compose()["services"].items():
        mounted = {volume.partition(":")[0] for volume in one["volumes"]} - {"./config"}
        assert mounted <= declared
        assert ("key" in mounted) == name.startswith("engine")
    targets = {volume.partition(":")[2] for volume in service("engine-cpu")["volumes"]}
    assert set(json.loads(of("VOLUME")[0])) < targets


def test_a_reload_is_told_from_within_and_a_drain_alone_by_docker() -> None:
    """A signal of Docker's own, whichever it is, counts as a stop: `unless-stopped` then restarts no more."""
    page = (DEPLOY / "README.md").read_text("utf-8")
    assert set(re.findall(r"docker compose kill -s (\w+)", page)) == {signal.SIGUSR1.name}
    assert "docker compose exec -T engine-cpu sh -c 'kill -HUP 1'" in page
    for name in OURS:
        assert service(name)["restart"] == "unless-stopped"
        assert service(name)["init"], "it hands the signal of pid 1 on to the program"


def test_who_drains_a_unit_signals_its_program_alone() -> None:
    """Neither what it has started, nor, where it does not run, the shell: to `kill` 0 is the group of who asks."""
    page = (DEPLOY / "README.md").read_text("utf-8")
    assert re.findall(r"^systemctl kill (.*?) welcomedly\b", page, re.MULTILINE) == ["-s SIGUSR1 --kill-who=main"]
    assert "MainPID" not in page


# ─── units ───────────────────────────────────────────────────────────────────────────────────────────────────────────

UNITS = ("welcomedly.service", "welcomedly-bridge.service")


def directives(unit: str) -> dict[str, list[str]]:
    """Values of a unit's directives, all sections together."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / unit).read_text("utf-8").splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def environment_of_unit(unit: str) -> dict[str, str]:
    pairs = (word.partition("=") for line in directives(unit)["Environment"] for word in line.split())
    return {name: value for name, _, value in pairs}


@pytest.mark.parametrize("unit", UNITS)
def test_units_set_settings_and_write_to_their_own_folders_alone(unit: str) -> None:
    said, environment = directives(unit), environment_of_unit(unit)
    assert set(environment) - NOT_OURS <= set(SETTINGS)
    written = {f"/var/lib/{folder}" for folder in said["StateDirectory"][0].split()}
    assert {environment["DATA_DIR"], environment.get("XDG_DATA_HOME", environment["DATA_DIR"])} == written
    assert said["ProtectSystem"] == ["strict"]
    assert said["CapabilityBoundingSet"] == [""]
    assert said["User"] == ["welcomedly"]
    assert said["LimitCORE"] == ["0"]


def test_commands_on_the_data_run_as_the_service_does() -> None:
    said, environment = directives("welcomedly.service"), environment_of_unit("welcomedly.service")
    text = (DEPLOY / "README.md").read_text("utf-8")
    lines = re.findall(r"^(.*bin/welcomedly (?:organisation|call) .*)$", text, re.MULTILINE)
    assert len(lines) == 3
    for line in lines:
        words = shlex.split(line)
        assert words[:5] == ["runuser", "-u", said["User"][0], "--", "env"]
        assert words[5:7] == [f"{name}={environment[name]}" for name in ("DATA_DIR", "KEY_URL")]
    key = Path(environment["KEY_URL"].removeprefix("file:"))
    folders = shlex.split(re.findall(r"^install -d -m 0700 -o welcomedly .*$", text, re.MULTILINE)[0])[-2:]
    assert folders == [environment["DATA_DIR"], str(key.parent)]
    assert str(key.parent) == environment["XDG_DATA_HOME"], "an older installation's key is found with `KEY_URL=`"
    assert "`feedback export` (which reads your `RULES`)" in text, "else its rows are made with the bundled alone"


def test_a_check_sees_what_the_service_would() -> None:
    """Also with `KEY_URL=` of an older installation in `welcomedly.env`, which is said after what the unit says."""
    text = (DEPLOY / "README.md").read_text("utf-8")
    words = shlex.split(re.findall(r"^systemd-run (?:.*\\\n)*.*$", text, re.MULTILINE)[0].replace("\\\n", ""))
    given = dict(word.removeprefix("--setenv=").split("=", 1) for word in words if word.startswith("--setenv="))
    environment = environment_of_unit("welcomedly.service")
    assert given == {name: value for name, value in environment.items() if name != "LOG_FORMAT"}
    assert f"--property=EnvironmentFile={directives('welcomedly.service')['EnvironmentFile'][0]}" in words


def test_a_database_is_copied_in_one_reading_while_it_is_written(tmp_path: Path) -> None:
    text = (DEPLOY / "README.md").read_text("utf-8")
    assert re.findall(r'sqlite3 \S+welcomedly\.db "(.*)"', text) == ["VACUUM INTO '/var/lib/welcomedly/copy.db'"]
    (command,) = re.findall(r"docker compose exec -T engine-cpu python -c .*", text)
    code = shlex.split(command)[-1].replace("/data", str(tmp_path))
    with closing(sqlite3.connect(tmp_path / "welcomedly.db")) as engine:
        engine.execute("PRAGMA journal_mode = WAL")
        engine.execute("CREATE TABLE facts (text)")
        engine.execute("INSERT INTO facts VALUES ('durable')")
        engine.commit()
        engine.execute("INSERT INTO facts VALUES ('not yet')")
        subprocess.run([sys.executable, "-c", code], check=True)
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT text FROM facts").fetchall() == [("durable",)]


def test_what_is_put_back_is_the_engines_own_and_lies_beside_nothing_older() -> None:
    text = (DEPLOY / "README.md").read_text("utf-8")
    restore = " ".join(text.partition("\nTo restore, ")[2].partition("\n```")[0].split())
    assert "the data into an empty folder" in restore
    given = shlex.split(re.findall(r"`(chown [^`]*)`", restore)[0])
    folders = [f"/var/lib/{folder}" for folder in directives("welcomedly.service")["StateDirectory"][0].split()]
    assert given == ["chown", "-R", f"{directives('welcomedly.service')['User'][0]}:", *folders]
    assert any("--uid 10001 " in line for line in of("RUN", "cpu"))
    assert "10001 in the volumes" in restore


def test_each_version_has_a_folder_that_another_does_not_change() -> None:
    """What drains still loads from its own: a venv at the path itself would be the new version's by then."""
    text = (DEPLOY / "README.md").read_text("utf-8").replace("$NEW", "/opt/welcomedly-0.1.0")
    made = set(re.findall(r"-m venv (\S+)", text))
    links = re.findall(r"ln -sfn (\S+) ([^\s`]+)", text)
    assert len(links) == 2
    assert set() < made <= {folder for folder, _ in links}
    for unit in UNITS:
        program = shlex.split(directives(unit)["ExecStart"][0])[0]
        assert {link for _, link in links} == {str(Path(program).parent.parent)}
    assert re.findall(r"WEIGHTS_DIR=(\S+) \S+ models install \S+ --from", text) == ["/opt/welcomedly-whisper"]


def test_engine_and_bridge_share_their_folder() -> None:
    folders = {environment_of_unit(unit)["DATA_DIR"] for unit in UNITS}
    assert len(folders) == 1


# ─── the page ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_names_what_there_is() -> None:
    text = (DEPLOY / "README.md").read_text("utf-8")
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (DEPLOY / link).exists(), link
    names = set(re.findall(r"\b[A-Z]{2,}(?:_[A-Z0-9]+)+\b", text))
    assert names - NOT_OURS <= set(SETTINGS)
    assert set(re.findall(r"welcomedly_\w+", text)) <= {f"welcomedly_{one.name}" for one in METRICS}
    assert {
        one.name for one in DEPLOY.iterdir() if one.is_file() and one.name not in {"README.md", ".env", "engine.env"}
    } <= set(re.findall(r"`([\w.-]+)`\]", text))
    assert "was not built on a GPU machine" in text
    assert set(re.findall(r"make bench CELL=(\S+)", text)) <= set(CELLS)


def test_every_line_of_who_did_what_is_named() -> None:
    files = (path for folder in ("engine", "pipelines") for path in (ROOT / folder).rglob("*.py"))
    written = {name for path in files for name in re.findall(r'audit\.info\(\s*"([\w.]+)"', path.read_text("utf-8"))}
    assert "call.read" in written
    assert written <= set(re.findall(r"`([a-z]+\.[a-z]+)`", (DEPLOY / "README.md").read_text("utf-8")))

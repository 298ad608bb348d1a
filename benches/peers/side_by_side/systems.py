"""What is compared: how each is started, and with which settings. Each has new, empty storage in each of its turns."""

import json
import subprocess
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import installing
from .processes import Command
from .turn import Turn

STEPS = 5
STEP_NAMES = [f"step_{number}" for number in range(1, STEPS + 1)]
# What each run begins with.
BODY = {"data": {"document": "x" * 64}}
ANSWER_SECONDS = 60
DISCOVERY, WORKER_ALONE, JOURNAL_ALONE = "discovery", "worker-alone", "journal-alone"


@dataclass(frozen=True)
class Running:
    """A system that has answered its first run."""

    url: str
    # The system's own process first, then what it needs to run steps and to keep them.
    processes: dict[str, int]
    body: dict[str, Any] = field(default_factory=lambda: BODY)
    steps: int = STEPS


@dataclass(frozen=True)
class System:
    """Something that runs workflows."""

    name: str
    start: Callable[[Turn], Running]
    settings: dict[str, str]
    install: list[Callable[[Path], None]] = field(default_factory=list)
    versions: Callable[[installing.Programs], dict[str, str]] = lambda _: {}
    uses_postgres: bool = False
    # With hundreds in flight a run takes half a minute, so that it must be measured for longer.
    is_slow: bool = False


def post(url: str, body: dict[str, Any]) -> Any:
    """Send JSON and answer what comes back, if that is good."""
    content = json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
        return json.load(answer)


def start_worker(turn: Turn) -> tuple[str, int]:
    """Start the service whose steps do nothing."""
    worker = turn.start("worker", [turn.programs.load, "worker", "--port", "0"])
    return worker.until_it_says(r"^listens on (http://\S+)"), worker.pid


def start_discovery(turn: Turn) -> Running:
    """Start Discovery on an SQLite file, and its Pioneer."""
    pioneer, worker = start_worker(turn)
    environment = {"DATABASE_URL": f"sqlite://{turn.directory}/discovery.db?mode=rwc", "PIONEER_URL": pioneer}
    server = turn.start("discovery", [turn.programs.discovery, "serve", "--port", "0"], environment)
    url = server.until_it_says(r"^Discovery listens on (http://\S+)")
    workflow = post(f"{url}/workflows", {"name": "bench", "steps": [{"name": name} for name in STEP_NAMES]})
    run = f"{url}/workflows/{workflow['id']}/execute"
    if post(run, BODY)["status"] != "completed":
        raise RuntimeError("the execution did not complete")
    return Running(run, {"discovery": server.pid, "worker": worker})


def check_restate(server: Path, configuration: Path) -> None:
    """Refuse settings with which Restate would acknowledge what is not on disk yet."""
    command: Command = [server, "--config-file", configuration, "--dump-config"]
    dumped = tomllib.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if dumped["bifrost"]["default-provider"] != "replicated" or dumped["log-server"]["rocksdb-disable-wal-fsync"]:
        raise RuntimeError("Restate does not wait for the disk")


def start_restate(turn: Turn, service: Command, port: int, more: str = "") -> Running:
    """Start Restate's server with a service that it is told of."""
    fabric, ingress, admin = turn.ports(3)
    configuration = turn.directory / "restate.toml"
    # Without the first lines it would take fixed ports, listen to everybody, and tell its makers that it runs.
    configuration.write_text(
        f'base-dir = "{turn.directory}/restate"\n'
        f'node-name = "peer"\nlisten-mode = "tcp"\nbind-ip = "127.0.0.1"\nbind-port = {fabric}\n'
        f'disable-telemetry = true\nlog-filter = "warn"\n{more}'
        f"[ingress]\nbind-port = {ingress}\n[admin]\nbind-port = {admin}\n"
    )
    check_restate(turn.programs.restate_server, configuration)
    steps = turn.start("service", service, {"RESTATE_LOGGING": "WARN", "NODE_ENV": "production"})
    steps.until_it_listens(port)
    command: Command = [turn.programs.restate_server, "--no-logo", "--config-file", configuration]
    server = turn.start("restate-server", command, {"DO_NOT_TRACK": "1"})

    def register() -> Any:
        try:
            return post(f"http://127.0.0.1:{admin}/deployments", {"uri": f"http://127.0.0.1:{port}"})
        except (urllib.error.URLError, ConnectionError):
            return None

    server.until("the service is not registered", register)
    run = f"http://127.0.0.1:{ingress}/Bench/run"
    post(run, BODY)
    return Running(run, {"restate-server": server.pid, "service": steps.pid})


def start_restate_shipped(turn: Turn) -> Running:
    """Start Restate as it is installed, with a service in Node."""
    (port,) = turn.ports(1)
    return start_restate(turn, [turn.programs.node, turn.programs.node_service, str(port)], port)


def start_restate_tuned(turn: Turn) -> Running:
    """Start Restate with few partitions, with a service in Rust."""
    (port,) = turn.ports(1)
    service: Command = [turn.programs.rust_service, f"127.0.0.1:{port}"]
    return start_restate(turn, service, port, "default-num-partitions = 4\n")


def start_python(turn: Turn, peer: str, driver: str, path: str, *more: str) -> Running:
    """Start a service in Python on a new database of PostgreSQL."""
    (port,) = turn.ports(1)
    program = installing.HERE / peer / "server.py"
    command: Command = [turn.programs.python(peer), program, str(port), turn.database(driver), *more]
    server = turn.start("service", command)
    server.until_it_listens(port)
    run = f"http://127.0.0.1:{port}{path}"
    post(run, BODY)
    return Running(run, {"service": server.pid, "postgres": turn.postgres.pid()})


def start_dbos(turn: Turn) -> Running:
    """Start DBOS in a service of its own."""
    return start_python(turn, "dbos_python", "psycopg", "/run")


def start_fastapi(turn: Turn) -> Running:
    """Start a service that keeps its workflows in tasks, and its Pioneer."""
    pioneer, worker = start_worker(turn)
    running = start_python(turn, "fastapi_tasks", "asyncpg", "/execute", pioneer)
    return Running(running.url, {**running.processes, "worker": worker})


def start_floor(turn: Turn) -> Running:
    """Start nothing but the service that all steps are asked of; one call is one step."""
    pioneer, worker = start_worker(turn)
    url = f"{pioneer}/steps/{STEP_NAMES[0]}"
    body = {"step": STEP_NAMES[0], "context": {}, "config": {}}
    post(url, body)
    return Running(url, {"worker": worker}, body, 1)


RESTATE = {
    "durability": "fsync before each acknowledgement: log-server.rocksdb-disable-wal-fsync = false, the default",
    "log": "warnings only, server and service",
    "telemetry": "off",
}
PYTHON = {"service": "one process: FastAPI, uvicorn with uvloop and httptools", "log": "warnings only"}
PYTHON_PACKAGES = ["fastapi", "uvicorn", "uvloop", "httptools", "sqlalchemy"]

SYSTEMS = [
    System(
        DISCOVERY,
        start_discovery,
        {"database": "an SQLite file", "durability": "synchronous=FULL, the default", "everything else": "default"},
        versions=lambda programs: programs.version_of_discovery(),
    ),
    System(
        "restate-shipped",
        start_restate_shipped,
        {**RESTATE, "service": "Node SDK, HTTP/2", "partitions": "24, the default", "everything else": "default"},
        install=[installing.install_restate],
        versions=lambda _: installing.versions_of_restate(),
    ),
    System(
        "restate-tuned",
        start_restate_tuned,
        {**RESTATE, "service": "Rust SDK, HTTP/2", "partitions": "4", "everything else": "default"},
        install=[installing.install_restate, installing.build_restate_rust],
        versions=lambda _: installing.versions_of_restate_rust(),
    ),
    System(
        "dbos",
        start_dbos,
        {**PYTHON, "database": "PostgreSQL", "everything else": "default"},
        install=[lambda directory: installing.install_python(directory, "dbos_python")],
        versions=lambda _: installing.pinned("dbos_python", "dbos", "psycopg", *PYTHON_PACKAGES),
        uses_postgres=True,
        is_slow=True,
    ),
    System(
        "fastapi",
        start_fastapi,
        {
            **PYTHON,
            "database": "PostgreSQL, up to 50 connections",
            "calls": "httpx, up to 100 connections, its default",
        },
        install=[lambda directory: installing.install_python(directory, "fastapi_tasks")],
        versions=lambda _: installing.pinned("fastapi_tasks", "httpx", "asyncpg", *PYTHON_PACKAGES),
        uses_postgres=True,
        is_slow=True,
    ),
    System(WORKER_ALONE, start_floor, {"what": "the same client calls the no-op worker directly; a run is one call"}),
]
NAMES = [system.name for system in SYSTEMS]

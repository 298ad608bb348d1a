"""What holds of the images and of the compose file; `check` starts it. Each check is a function that says it."""

import fcntl
import os
import pwd
import re
import shutil
import socket
import struct
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import yaml
from dockerfile import parse
from engine import CLONE_NEWNET, Builder, Container, Image, unshare

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = "/examples/workflows/procesamiento_de_documentos.yaml"
WORKFLOW = "123e4567-e89b-12d3-a456-426614174000"
NOBODY = 65532


class Checks:
    """The images, and the compose file's services as they are run here."""

    def __init__(self, program: Path, scratch: Path) -> None:
        """Reads the compose file."""
        self.program, self.scratch = program, scratch
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", (ROOT / "docker-compose.yml").read_text())
        assert "${" not in text, "a variable of the compose file has no default"
        self.services: dict[str, dict[str, Any]] = yaml.safe_load(text)["services"]
        self.containers: dict[str, Container] = {}
        self.images: dict[str, Image] = {}
        self.postgres: subprocess.Popen[bytes] | None = None

    def the_image_is_built_with_the_rust_of_this_repository(self) -> None:
        toolchain = tomllib.loads((ROOT / "rust-toolchain.toml").read_text())["toolchain"]["channel"]
        build, final = parse(ROOT / "Dockerfile")
        assert build.base == f"rust:{toolchain}-slim-trixie", build.base
        assert final.base == "gcr.io/distroless/cc-debian13:nonroot", final.base

    def what_the_program_is_built_from_is_in_the_builds_context(self) -> None:
        seen = set(Builder(ROOT, self.scratch).context)
        assert {"Cargo.toml", "Cargo.lock"} <= seen
        for source in [Path(name) for name in seen if name.endswith(".rs")]:
            text = (ROOT / source).read_text()
            for included in re.findall(r'^(?!#\[).*include_(?:str|bytes)!\("([^"]+)"\)', text, re.MULTILINE):
                path = os.path.normpath(source.parent / included)
                assert path in seen, f"{source} includes {path}, which .dockerignore leaves out"
        unneeded = [name for name in seen if name.startswith((".git/", "target/", "tests/")) or ".db" in name]
        assert not unneeded, unneeded

    def the_image_of_discovery_is_laid_out(self) -> None:
        # In the place of Cargo, which has built the program already.
        stand_ins = self.scratch / "stand-ins"
        stand_ins.mkdir()
        shutil.copy(self.program, stand_ins / "program")
        cargo = '#!/bin/sh -eu\n[ "$*" = "build --release --locked --bin discovery" ]\n[ -f Cargo.lock ]\n'
        (stand_ins / "cargo").write_text(f"{cargo}install -D /stand-ins/program target/release/discovery\n")
        (stand_ins / "cargo").chmod(0o755)
        builder = Builder(ROOT, self.scratch / "discovery-image", stand_ins)
        self.images["discovery"] = image = builder.build(self.program)
        assert image.user == (NOBODY, NOBODY)
        assert image.entrypoint + image.command == ["discovery", "serve"]

    def the_image_of_pioneer_is_built(self) -> None:
        builder = Builder(ROOT / "examples/pioneer", self.scratch / "pioneer-image")
        self.images["pioneer"] = image = builder.build()
        assert image.user == (NOBODY, NOBODY)
        assert not list((image.root / "steps").iterdir()), "the steps are there twice"

    def discovery_runs_alone_as_its_image_says(self) -> None:
        image = self.images["discovery"]
        before = image.snapshot()
        container = Container(image, self.scratch / "alone")
        assert container.run(image.health).returncode == 1, "it is healthy before it runs"
        container.start()
        container.wait_until_healthy()
        self._runs_without_rights(container)
        (self.scratch / "alone-data" / "a.yaml").write_text("name: A\nsteps: [{name: S}]\n")
        told = container.run(["discovery", "apply", "/data/a.yaml"])
        assert told.stdout.startswith("created A, "), told
        stopped = time.monotonic()
        assert container.stop() == 0, container.log.read_text()
        assert time.monotonic() - stopped < 10, "the stop took long"
        changed = image.snapshot().items() ^ before.items()
        assert not changed, f"it wrote beside /data: {changed}"
        # The base image has a home for its user.
        assert container.writable() == ["/data", "/home/nonroot", "/tmp"], container.writable()
        database = (self.scratch / "alone-data" / "discovery.db").stat()
        assert (database.st_uid, database.st_gid) == (NOBODY, NOBODY)

    def a_new_container_goes_on_with_the_volume(self) -> None:
        data = {"/data": self.scratch / "alone-data"}
        container = Container(self.images["discovery"], self.scratch / "again", volumes=data, read_only=True)
        container.start()
        container.wait_until_healthy()
        assert '"name":"A"' in get("http://localhost:8080/workflows"), get("http://localhost:8080/workflows")
        assert container.writable() == ["/data"], container.writable()
        assert container.stop() == 0, container.log.read_text()

    def postgresql_starts_as_the_compose_file_says(self) -> None:
        # The image sets a database up in this way: a superuser of that name and password, and a database.
        service = self.services["postgres"]
        environment = service["environment"]
        assert set(environment) == {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"}
        found = [shutil.which("initdb"), *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")))]
        binaries = Path(os.path.realpath(next(filter(None, found)))).parent
        user = pwd.getpwnam("postgres")
        data, password = self.scratch / "postgres-data", self.scratch / "postgres-password"
        data.mkdir()
        os.chown(data, user.pw_uid, user.pw_gid)
        password.write_text(environment["POSTGRES_PASSWORD"])
        as_postgres: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": data}
        name, database = environment["POSTGRES_USER"], environment["POSTGRES_DB"]
        initdb = [binaries / "initdb", "-D", data, "-U", name, f"--pwfile={password}", "--auth=scram-sha-256"]
        password.chmod(0o644)
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, **as_postgres)
        log = (self.scratch / "postgres.log").open("ab")
        server = [binaries / "postgres", "-D", data, "-c", f"unix_socket_directories={data}", "-c", "port=5432"]
        self.postgres = subprocess.Popen(server, stdout=log, stderr=log, **as_postgres)
        how, *probe = service["healthcheck"]["test"]
        assert how == "CMD"
        until(lambda: subprocess.run([binaries / probe[0], *probe[1:]], capture_output=True).returncode == 0)
        create = [binaries / "createdb", "-h", "127.0.0.1", "-U", name, database]
        subprocess.run(create, check=True, env={"PGPASSWORD": environment["POSTGRES_PASSWORD"]})

    def the_services_start_in_their_order_and_become_healthy(self) -> None:
        started = {"postgres"}
        while waiting := set(self.services) - started - {"workflow"}:
            ready = [name for name in waiting if set(self.services[name].get("depends_on", {})) <= started]
            assert ready, f"none of {waiting} can start"
            for name in ready:
                self._create(name).start()
                self.containers[name].wait_until_healthy()
                self._runs_without_rights(self.containers[name])
                started.add(name)
        assert set(self.services["workflow"]["depends_on"]) <= started

    def nothing_of_their_trees_can_be_written_to(self) -> None:
        assert self.containers["discovery"].writable() == ["/data"], self.containers["discovery"].writable()
        assert self.containers["pioneer"].writable() == ["/tmp"], self.containers["pioneer"].writable()

    def the_example_workflow_is_applied_by_its_service(self) -> None:
        for change in ("created", "unchanged"):
            container = self._create("workflow", f"workflow-{change}")
            container.start(self.services["workflow"]["command"])
            assert container.wait() == 0, container.log.read_text()
            assert container.log.read_text().startswith(f"{change} Procesamiento de Documentos, {WORKFLOW}, ")

    def the_published_port_is_the_one_that_it_listens_on(self) -> None:
        assert self.services["discovery"]["ports"] == ["127.0.0.1:8080:8080"]
        assert self.images["discovery"].ports == [8080]
        assert self.images["pioneer"].ports == [8000]

    def what_the_readme_has_run_completes_and_approves(self) -> None:
        readme = (ROOT / "README.md").read_text()
        (block,) = re.findall(r"<!-- containers: the example -->\n```sh\n(.*?)```", readme, re.DOTALL)
        told = subprocess.run(["sh", "-euc", block], cwd=ROOT, check=True, capture_output=True, text=True).stdout
        assert '"decision":"aprobado"' in told, told
        executions = get(f"http://localhost:8080/workflows/{WORKFLOW}/executions")
        assert '"status":"completed"' in executions, executions
        (execution,) = re.findall(r'"execution_id":"([^"]+)"', executions) or re.findall(r'"id":"([^"]+)"', executions)
        # The reports came over the address that DISCOVERY_PUBLIC_URL names.
        events = get(f"http://localhost:8080/executions/{execution}/events")
        assert '"message":"Página 4 de 4"' in events, events

    def an_execution_outlives_the_container(self) -> None:
        assert self.containers["discovery"].stop() == 0, self.containers["discovery"].log.read_text()
        again = self._create("discovery", "discovery-again")
        again.start()
        again.wait_until_healthy()
        assert '"status":"completed"' in get(f"http://localhost:8080/workflows/{WORKFLOW}/executions")

    def everything_stops_by_the_stop_signal(self) -> None:
        for name in ("discovery", "pioneer"):
            container = self.containers[name]
            assert container.stop() == 0, container.log.read_text()
        assert self.postgres is not None
        # As the image of PostgreSQL is stopped.
        self.postgres.send_signal(2)
        assert self.postgres.wait(30) == 0

    def _create(self, name: str, container: str | None = None) -> Container:
        service = self.services[name]
        image = self.images["pioneer" if name == "pioneer" else "discovery"]
        shown = {}
        for volume in service.get("volumes", []):
            source, target, mode = volume.split(":")
            assert mode == "ro", volume
            shown[target] = ROOT / source
        hosts = "".join(f"127.0.0.1 {other}\n" for other in ("localhost", *self.services))
        (image.root / "etc/hosts").write_text(hosts)
        created = Container(
            image,
            self.scratch / (container or name),
            environment=service["environment"],
            read_only=service["read_only"],
            tmpfs=service.get("tmpfs"),
            shown=shown,
        )
        self.containers[name] = created
        return created

    def _runs_without_rights(self, container: Container) -> None:
        status = Path(f"/proc/{container.pid()}/status").read_text()
        facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert facts["Uid"].split() == [str(NOBODY)] * 4, facts["Uid"]
        assert facts["Gid"].split() == [str(NOBODY)] * 4, facts["Gid"]
        assert facts["Groups"].strip() == "" and int(facts["CapEff"], 16) == 0, status
        assert facts["NSpid"].split()[-1] == "1", "it is not process 1"


def get(url: str) -> str:
    """What curl gets."""
    return subprocess.run(["curl", "-sS", url], check=True, capture_output=True, text=True).stdout


def until(condition: Any, seconds: float = 30) -> None:
    """Waits for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.1)


def network_of_its_own() -> None:
    """From here on, this process and its children have nothing but a loopback, with every port free."""
    unshare(CLONE_NEWNET)
    with socket.socket() as any_socket:
        up = struct.pack("16sh14x", b"lo", 1)
        fcntl.ioctl(any_socket, 0x8914, up)  # SIOCSIFFLAGS, IFF_UP


def main() -> None:
    """Runs the checks in the order in which they stand; the later ones build on those before."""
    program, scratch = map(Path, sys.argv[1:])
    checks = Checks(program, scratch)
    names = [name for name in vars(Checks) if not name.startswith("_")]
    for number, name in enumerate(names):
        if name == "discovery_runs_alone_as_its_image_says":
            network_of_its_own()
        try:
            getattr(checks, name)()
        except BaseException:
            print(f"FAILED: {name.replace('_', ' ')}", flush=True)
            print(f"{number} passed, 1 failed", flush=True)
            raise
        print(f"ok: {name.replace('_', ' ')}", flush=True)
    print(f"{len(names)} passed, 0 failed", flush=True)


if __name__ == "__main__":
    main()

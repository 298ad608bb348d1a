"""A real Discovery with the example workflow, and a Pioneer whose steps do as a test says."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

PATIENCE_SECONDS = 60
ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = "Procesamiento de Documentos"

Json = dict[str, Any]


class Call:
    """A call of a step."""

    def __init__(self, headers: Message, body: Json) -> None:
        self.headers = headers
        self.step = str(body["step"])
        self.context: Json = body["context"]

    def report(self, percentage: float, message: str) -> None:
        """Tells Discovery how far the step is."""
        token = self.headers.get("Discovery-Step-Token")
        httpx.post(
            f"{self.headers['Discovery-Callback-Url']}/progress",
            json={"percentage": percentage, "message": message},
            headers={"Discovery-Step-Token": token} if token else {},
        ).raise_for_status()


Step = Callable[[Call], tuple[int, Json]]


def adds_nothing(_: Call) -> tuple[int, Json]:
    return 200, {}


class Pioneer:
    """Runs the steps of the example as tests want them; one that is not told anything answers `{}`."""

    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}
        self.gate = threading.Event()
        pioneer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.answer(200, {"service": "test", "available_steps": [], "total_count": 0})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                call = Call(self.headers, body)
                self.answer(*pioneer.steps.get(call.step, adds_nothing)(call))

            def answer(self, status: int, body: Json) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A Discovery that was killed is no news."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def held(self, call: Call) -> tuple[int, Json]:
        """Reports 40 %, and waits until the gate is open."""
        call.report(40, "a medias")
        assert self.gate.wait(PATIENCE_SECONDS)
        found = {**call.context["dynamic_properties"], "mensaje": "hecho"}
        return 200, {"context": {"dynamic_properties": found}}

    def stop(self) -> None:
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


class Discovery:
    """The program, on a database of its own."""

    def __init__(self, directory: Path, pioneer: Pioneer) -> None:
        self.directory = directory
        self.pioneer = pioneer
        self.url = ""
        self.process: subprocess.Popen[str] | None = None
        self.start(0)
        workflow = ROOT / "examples/workflows/procesamiento_de_documentos.yaml"
        self.apply(workflow)

    def start(self, port: int) -> None:
        with (self.directory / "log").open("a") as log:
            self.process = subprocess.Popen(
                [os.environ["DISCOVERY_BIN"], "serve", "--port", str(port), "--pioneer-url", self.pioneer.url],
                cwd=self.directory,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout
        line = self.process.stdout.readline()
        self.process.stdout.close()
        assert line.startswith("Discovery listens on "), line + (self.directory / "log").read_text()
        self.url = line.split()[-1]

    def kill(self) -> None:
        """Kills it, as a power cut would."""
        self.end(signal.SIGKILL)

    def end(self, how: signal.Signals) -> None:
        if self.process:
            self.process.send_signal(how)
            self.process.wait(PATIENCE_SECONDS)
            self.process = None

    def start_again(self) -> None:
        """Starts it again where it was."""
        self.start(int(self.url.rsplit(":", 1)[1]))

    def apply(self, workflow: Path) -> None:
        subprocess.run(
            [os.environ["DISCOVERY_BIN"], "apply", str(workflow), "--url", self.url], check=True, capture_output=True
        )

    def fill_with_workflows(self, count: int) -> None:
        """Creates so many workflows, the last of them `Último`."""
        with httpx.Client(base_url=self.url) as client:
            for number in range(1, count + 1):
                name = "Último" if number == count else f"Otro {number}"
                body = {"name": name, "steps": [{"name": "Paso", "handler": "fetch_user"}]}
                client.post("/workflows", json=body).raise_for_status()

    def call(self, method: str, path: str, body: Json | None = None) -> Any:
        return httpx.request(method, self.url + path, json=body).raise_for_status().json()

    def begin(self, workflow: str = WORKFLOW, data: Json | None = None) -> str:
        """Starts an execution and gives its id."""
        [found] = [one["id"] for one in self.call("GET", "/workflows?limit=100") if one["name"] == workflow]
        started = self.call("POST", "/execute-async", {"workflow_id": found, "data": data or {}})
        return str(started["execution_id"])

    def executions(self) -> list[Json]:
        listed: list[Json] = self.call("GET", "/executions?limit=100")["executions"]
        return listed

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Waits until a condition holds."""
        since = time.monotonic()
        while not holds():
            assert time.monotonic() - since < PATIENCE_SECONDS, f"it did not come to be: {what}"
            time.sleep(0.02)

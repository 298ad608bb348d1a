"""The command, as it is run; and with the real server, where DISCOVERY_BIN names it."""

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx
import pytest

from .servers import EXECUTION, PATIENCE_SECONDS, FakeDiscovery

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent
GOLDEN: dict[str, Any] = json.loads((HERE / "golden.json").read_text("utf-8"))
WORKFLOW = "123e4567-e89b-12d3-a456-426614174000"

STEPS = """
import os
from pioneer import register, report_progress

@register("until_told")
def until_told(context, config):
    report_progress(context["execution_id"], "until_told", {"percentage": 1})
    with open(context["fifo"]) as fifo:
        return {"told": fifo.read()}
"""


class Program:
    """A program that says on its first line where it listens."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        line = output(process.stdout).readline()
        assert " listens on http://" in line, line
        self.url = line.split()[-1]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)


def output(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


@contextmanager
def running(*command: str, cwd: Path, **environment: str) -> Iterator[Program]:
    inherited = {key: text for key, text in os.environ.items() if not key.startswith(("PIONEER_", "DISCOVERY_"))}
    with (
        (cwd / f"{Path(command[0]).name}.log").open("w") as log,
        subprocess.Popen(
            command, cwd=cwd, env=inherited | environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            yield Program(process)
        finally:
            process.kill()


def pioneer(*arguments: str, cwd: Path, **environment: str) -> Any:
    return running(sys.executable, "-m", "pioneer", *arguments, cwd=cwd, **environment)


def test_the_command_serves_the_example_and_stops_in_order(tmp_path: Path) -> None:
    with pioneer(cwd=tmp_path, PIONEER_PORT="0") as program:
        assert httpx.get(program.url + "/steps").json()["total_count"] == 6
        assert httpx.get(program.url + "/health").json() == {"status": "healthy", "service": "pioneer-service"}
        assert program.stop() == 0


def test_a_step_that_runs_may_end_after_sigterm(tmp_path: Path, discovery: FakeDiscovery) -> None:
    (tmp_path / "my_steps.py").write_text(STEPS)
    os.mkfifo(tmp_path / "fifo")
    environment = {"PIONEER_HOST": "127.0.0.1", "DISCOVERY_URL": discovery.url}
    with pioneer("--port", "0", "--app", "my_steps", cwd=tmp_path, **environment) as program:
        listed = httpx.get(program.url + "/steps").json()["available_steps"]
        assert [step["name"] for step in listed] == ["until_told"]
        answers = []
        body = {"context": {"execution_id": EXECUTION, "fifo": str(tmp_path / "fifo")}}
        url = program.url + "/steps/until_told"
        caller = threading.Thread(target=lambda: answers.append(httpx.post(url, json=body, timeout=PATIENCE_SECONDS)))
        caller.start()
        discovery.until_received(1)
        program.process.send_signal(signal.SIGTERM)
        (tmp_path / "fifo").write_text("hola")
        caller.join(PATIENCE_SECONDS)
        assert [answer.json() for answer in answers] == [{"told": "hola"}]
        assert program.process.wait(PATIENCE_SECONDS) == 0


def test_a_port_that_is_taken_ends_it_with_an_error(tmp_path: Path) -> None:
    with pioneer("--port", "0", cwd=tmp_path) as program:
        port = program.url.rpartition(":")[2]
        command = [sys.executable, "-m", "pioneer", "--port", port]
        second = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
        assert second.returncode > 0
        assert "in use" in second.stderr


@pytest.mark.skipif("DISCOVERY_BIN" not in os.environ, reason="DISCOVERY_BIN names no server")
@pytest.mark.parametrize("name", GOLDEN)
def test_discovery_runs_the_example_with_these_steps(tmp_path: Path, name: str) -> None:
    binary = str(Path(os.environ["DISCOVERY_BIN"]).resolve())
    with (
        pioneer("--port", "0", cwd=tmp_path) as steps,
        running(binary, "serve", "--port", "0", cwd=tmp_path, PIONEER_URL=steps.url) as discovery,
        httpx.Client(base_url=discovery.url, timeout=PATIENCE_SECONDS) as client,
    ):
        definition = (EXAMPLES / "workflows" / "procesamiento_de_documentos.yaml").read_bytes()
        put = client.put(f"/workflows/{WORKFLOW}", content=definition, headers={"Content-Type": "application/yaml"})
        assert put.status_code == 201, put.text
        document = base64.b64encode((EXAMPLES / name).read_bytes()).decode()
        data = {"base64": document, "mime": "application/pdf", "nombre_documento": name}

        # Answers at the end.
        execution = client.post(f"/workflows/{WORKFLOW}/execute", json={"data": data}).json()
        status = client.get(f"/executions/{execution['id']}/status").json()
        assert status["status"] == "completed", status
        assert GOLDEN[name]["dynamic_properties"].items() <= status["context"]["dynamic_properties"].items()
        history = [step for step in status["steps_history"] if step["status"] == "success"]
        assert [step["handler"] for step in history] == GOLDEN[name]["steps"]
        pages = GOLDEN[name]["dynamic_properties"]["paginas"]
        assert history[2]["progress"]["message"] == f"Página {pages} de {pages}"

        events = client.get(f"/executions/{execution['id']}/events").json()
        [completed] = [event for event in events if event["event"] == "step_completed"]
        assert completed["step"] == "transform_data"

        # Discovery says what the service can do.
        assert client.get("/available-steps").json()["total_count"] == 6
        assert discovery.stop() == 0
        assert steps.stop() == 0
    # Discovery refused none of the reports.
    assert "report" not in (tmp_path / f"{Path(sys.executable).name}.log").read_text()

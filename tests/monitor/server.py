"""The program under test, as a process with a database of its own."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx

PATIENCE_SECONDS = 30


class Discovery:
    """A server that can be killed and started again on the same port and database."""

    def __init__(self, folder: Path, pioneer_url: str, base_path: str = "", **settings: str) -> None:
        self._folder = folder
        self._settings = settings
        self._pioneer_url = pioneer_url
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.base_path = base_path
        self.url = f"http://127.0.0.1:{self._port}"
        self.http = httpx.Client(base_url=self.url + base_path, timeout=PATIENCE_SECONDS)
        self.start()

    def start(self) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DISCOVERY_")}
        settings = {
            "DATABASE_URL": f"sqlite://{self._folder}/discovery.db?mode=rwc",
            "PIONEER_URL": self._pioneer_url,
            "DISCOVERY_PORT": str(self._port),
            "DISCOVERY_BASE_PATH": self.base_path,
            "DISCOVERY_LOG": "warn",
            "DISCOVERY_STOP_TIMEOUT_SECONDS": "1",
            **self._settings,
        }
        settings = {name: value for name, value in settings.items() if value}
        log = (self._folder / "server.log").open("ab")
        program = os.environ["DISCOVERY_BIN"]
        self._process = subprocess.Popen([program, "serve"], env=kept | settings, stdout=log, stderr=log, cwd=self._folder)
        log.close()
        until(self._is_alive, "the server answers")

    def _is_alive(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        try:
            return self.http.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    def log(self) -> str:
        return (self._folder / "server.log").read_text("utf-8")

    def kill(self) -> None:
        """As a power cut does it."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE_SECONDS)
            self._process = None

    def get(self, path: str) -> Any:
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None) -> Any:
        answer = self.http.post(path, json=body if body is not None else {})
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def workflow(self, name: str, *handlers: str, **more: Any) -> dict[str, Any]:
        """Creates a workflow whose steps have names for people."""
        steps = [{"name": handler.replace("_", " ").capitalize(), "handler": handler} for handler in handlers]
        return self.post("/workflows", {"name": name, "steps": steps, **more})

    def begin(self, workflow: dict[str, Any], **body: Any) -> str:
        return self.post(f"/workflows/{workflow['id']}/execute-async", body)["execution_id"]

    def status(self, execution_id: str) -> dict[str, Any]:
        return self.get(f"/executions/{execution_id}/status")

    def until_status(self, execution_id: str, wanted: str) -> dict[str, Any]:
        until(lambda: self.status(execution_id)["status"] == wanted, f"the execution is {wanted}")
        return self.status(execution_id)

    def events(self, execution_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while page := self.get(f"/executions/{execution_id}/events?after={len(found)}&limit=10000"):
            found += page
        return found


def until(is_so: Any, words: str) -> None:
    """Waits for a condition."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < end, f"it never came to this: {words}"
        time.sleep(0.02)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])

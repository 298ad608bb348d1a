"""The two sides of a test: a Pioneer over real HTTP, and a small server in the place of Discovery."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

PATIENCE_SECONDS = 20
EXECUTION = "0198c2f0-0000-7000-8000-000000000001"


@dataclass(frozen=True)
class Received:
    """A report that came in."""

    path: str
    token: str | None
    body: Any


class FakeDiscovery:
    """Records what is reported to it."""

    def __init__(self, statuses: list[int], hangs: bool) -> None:
        self._statuses = statuses
        self._received: list[Received] = []
        self._changed = threading.Condition()
        self._gate = threading.Event()
        if not hangs:
            self._gate.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                outer._answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that went is no news."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def callback_url(self, step: str) -> str:
        return f"{self.url}/discovery/executions/{EXECUTION}/steps/{step}"

    @property
    def received(self) -> list[Received]:
        with self._changed:
            return list(self._received)

    def until_received(self, count: int) -> list[Received]:
        """Waits until this many reports came in."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._received) >= count, PATIENCE_SECONDS), self._received
            return list(self._received)

    def let_go(self) -> None:
        """Lets held answers go, now and later."""
        self._gate.set()

    def stop(self) -> None:
        self._gate.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        with self._changed:
            self._received.append(Received(handler.path, handler.headers.get("Discovery-Step-Token"), body))
            status = self._statuses.pop(0) if self._statuses else 200
            self._changed.notify_all()
        self._gate.wait(PATIENCE_SECONDS)
        handler.send_response(status)
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"{}")


class _Server(uvicorn.Server):
    def __init__(self, app: FastAPI) -> None:
        super().__init__(uvicorn.Config(app, log_config=None, access_log=False))
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@contextmanager
def serving(app: FastAPI) -> Iterator[httpx.Client]:
    """Serves on a free port; a client for it comes out."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = _Server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        assert server.listening.wait(PATIENCE_SECONDS)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with httpx.Client(base_url=url, timeout=PATIENCE_SECONDS) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(PATIENCE_SECONDS)
        listener.close()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])

"""The service that runs the steps: those of the example, and some that do what the test says when it says so."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from app import steps_realistic  # noqa: F401, registers the example's steps
from pioneer import StepFailed, create_app, register, report_progress

PATIENCE_SECONDS = 30
GATES = ("puerta_uno", "puerta_dos", "puerta_tres")

Json = dict[str, Any]


@dataclass
class Call:
    """One call of a gate, and what it was told."""

    execution_id: str
    orders: list[tuple[str, Any]] = field(default_factory=list)
    is_taken: bool = False


class Gate:
    """A step that waits for orders. A newer call of one execution takes the place of an older one, whose caller died."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._calls: dict[str, Call] = {}
        self._changed = threading.Condition()
        self._is_closed = False

    def run(self, context: Json, _config: Json) -> Json:
        call = Call(str(context["execution_id"]))
        with self._changed:
            self._calls[call.execution_id] = call
            self._changed.notify_all()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: call.orders or self._is_gone(call))
                if not call.orders:
                    raise StepFailed("Nobody waits for this answer.", status=503)
                order, value = call.orders.pop(0)
            if order == "progress":
                report_progress(call.execution_id, self.name, value)
            elif order == "answer":
                return value
            else:
                raise StepFailed(**value)

    def _is_gone(self, call: Call) -> bool:
        return self._is_closed or self._calls.get(call.execution_id) is not call

    def _tell(self, execution_id: str, order: str, value: Any) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: execution_id in self._calls, PATIENCE_SECONDS), "it was not called"
            self._calls[execution_id].orders.append((order, value))
            self._changed.notify_all()

    def until_called(self, execution_id: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: execution_id in self._calls, PATIENCE_SECONDS), "it was not called"

    def until_called_again(self, execution_id: str) -> None:
        """Waits for a call after the one that is known now; call it before what makes it come."""
        with self._changed:
            known = self._calls.get(execution_id)
            there = self._changed.wait_for(lambda: self._calls.get(execution_id) is not known, PATIENCE_SECONDS)
            assert there, "it was not called again"

    def report(self, execution_id: str, percentage: float, **more: Any) -> None:
        self._tell(execution_id, "progress", {"percentage": percentage, **more})

    def answer(self, execution_id: str, **context: Any) -> None:
        self._tell(execution_id, "answer", {"context": context})

    def fail(self, execution_id: str, detail: str, **more: Any) -> None:
        self._tell(execution_id, "fail", {"detail": detail, **more})

    def forget(self, execution_id: str) -> None:
        """What comes next is meant for the next call."""
        with self._changed:
            self._calls.pop(execution_id, None)
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


class Service:
    """The gates, and where the service listens."""

    def __init__(self, url: str, gates: dict[str, Gate]) -> None:
        self.url = url
        self.gates = gates
        self.one, self.two, self.three = gates.values()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@register("al_instante")
async def at_once(_context: Json, _config: Json) -> Json:
    """Does nothing."""
    return {"context": {}}


@contextmanager
def serving() -> Iterator[Service]:
    """Serves on a free port of this machine."""
    gates = {name: Gate(name) for name in GATES}
    for name, gate in gates.items():
        register(name)(gate.run)
    listener = socket.create_server(("127.0.0.1", 0))
    server = _Server(uvicorn.Config(create_app(sync_steps_max=256), log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        assert server.listening.wait(PATIENCE_SECONDS)
        yield Service(f"http://127.0.0.1:{listener.getsockname()[1]}", gates)
    finally:
        for gate in gates.values():
            gate.close()
        server.should_exit = True
        thread.join(PATIENCE_SECONDS)
        listener.close()

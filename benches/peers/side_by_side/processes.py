"""Processes of this run: each is started in a session of its own, and stopped with all that it started."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
Command = Sequence[str | Path]

READY_SECONDS = 60
STOP_SECONDS = 10
LOOK_AGAIN_SECONDS = 0.05


class Child:
    """A process that runs until it is stopped."""

    def __init__(self, command: Command, log: Path, cwd: Path, environment: dict[str, str]) -> None:
        """Start it; what it prints goes to `log`."""
        self.command, self.log = command, log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                cwd=cwd,
                env={**os.environ, **environment},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Tell the process's number."""
        return self.process.pid

    def until(self, what: str, look: Callable[[], T | None]) -> T:
        """Look until there is something to be seen."""
        deadline = time.monotonic() + READY_SECONDS
        while (seen := look()) is None:
            if self.process.poll() is not None or time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{what}: not within {READY_SECONDS} s, or {self.command[0]} has ended:\n{tail}")
            time.sleep(LOOK_AGAIN_SECONDS)
        return seen

    def until_it_says(self, pattern: str) -> str:
        """Wait for a line, and answer its first group."""

        def look() -> str | None:
            found = re.search(pattern, self.log.read_text(errors="replace"), re.MULTILINE)
            return found.group(1) if found else None

        return self.until(f"no line {pattern!r}", look)

    def until_it_listens(self, port: int) -> None:
        """Wait until the port takes connections."""

        def look() -> bool | None:
            with socket.socket() as connection:
                return connection.connect_ex(("127.0.0.1", port)) == 0 or None

        self.until(f"nothing listens on {port}", look)

    def stop(self) -> None:
        """End it, at first politely."""
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()


def free_ports(count: int) -> list[int]:
    """Find ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def resident_bytes(pid: int) -> int:
    """Tell how much memory a process and its descendants have resident."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # Behind the name, which may hold anything, stand the state and the parent.
            parents[int(path.parent.name)] = int(path.read_text().rpartition(") ")[2].split()[1])
        except OSError:
            continue  # it has ended
    family, place = [pid], 0
    while place < len(family):
        family += [child for child, parent in parents.items() if parent == family[place]]
        place += 1
    return sum(map(_resident_bytes, family))


def _resident_bytes(pid: int) -> int:
    try:
        found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found.group(1)) * 1024 if found else 0

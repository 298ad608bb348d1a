"""One turn of one system: what it starts and makes is gone when the turn has ended, however it ended."""

import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from .installing import Programs
from .postgres import Postgres
from .processes import Child, Command, free_ports

# What is shown of each log where a turn fails.
LOG_CHARACTERS = 2_000


class Turn:
    """Processes, a directory and a database for one turn."""

    def __init__(self, programs: Programs, postgres: Postgres) -> None:
        """Begin with nothing."""
        self.programs, self.postgres = programs, postgres
        self.directory = Path(tempfile.mkdtemp(prefix="turn-", dir=programs.directory))
        self._undo = ExitStack()
        self._undo.callback(shutil.rmtree, self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            for log in sorted(self.directory.glob("*.log")):
                print(f"{log.name} ends with:\n{log.read_text(errors='replace')[-LOG_CHARACTERS:]}", file=sys.stderr)
        self._undo.close()

    def start(self, name: str, command: Command, environment: dict[str, str] | None = None) -> Child:
        """Start a process that is stopped with the turn."""
        child = Child(command, self.directory / f"{name}.log", self.directory, environment or {})
        self._undo.callback(child.stop)
        return child

    def database(self, driver: str) -> str:
        """Make a database that is dropped with the turn, and say where it is."""
        name = f"discovery_peers_{self.directory.name.removeprefix('turn-')}"
        self._undo.callback(self.postgres.drop, name)
        self.postgres.create(name)
        return self.postgres.url_of(name, driver)

    def ports(self, count: int) -> list[int]:
        """Find free ports."""
        return free_ports(count)

"""The PostgreSQL of this machine."""

import subprocess
from dataclasses import dataclass
from urllib.parse import urlsplit

# Acknowledged must mean on disk; the others tell what the server was given.
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
TOLD = ("server_version", "wal_sync_method", "shared_buffers", "max_connections", "data_directory")


@dataclass(frozen=True)
class Postgres:
    """A server on this machine, at which databases can be made."""

    url: str

    def ask(self, sql: str) -> str:
        """Run a statement and answer what it tells."""
        command = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", self.url, "--command", sql]
        try:
            answer = subprocess.run(command, check=True, capture_output=True, text=True)
        except FileNotFoundError as error:
            raise SystemExit(
                "psql is missing: install PostgreSQL's client, or leave its peers out with --only"
            ) from error
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"PostgreSQL at {self.url} refuses: {error.stderr.strip()}") from error
        return answer.stdout.strip()

    def settings(self) -> dict[str, str]:
        """Tell the settings that matter here; refuse a server that may lose what it has acknowledged."""
        settings = {name: self.ask(f"SHOW {name}") for name in (*TOLD, *DURABLE)}
        loose = {name: settings[name] for name, value in DURABLE.items() if settings[name] != value}
        if loose:
            raise SystemExit(f"PostgreSQL does not keep what it acknowledges: {loose}")
        return settings

    def pid(self) -> int:
        """Tell the number of the process that all of the server's processes descend from."""
        return int(self.ask("SELECT pg_read_file('postmaster.pid')").split()[0])

    def create(self, name: str) -> None:
        """Make a database."""
        self.ask(f'CREATE DATABASE "{name}"')

    def drop(self, name: str) -> None:
        """Throw a database away, whoever uses it."""
        self.ask(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def url_of(self, name: str, driver: str) -> str:
        """Say where a database is, in SQLAlchemy's words."""
        server = urlsplit(self.url)
        return f"postgresql+{driver}://{server.netloc}/{name}"

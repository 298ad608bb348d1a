"""The command ``pioneer``: serves the steps of some modules until a signal stops it."""

import argparse
import importlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence

import uvicorn

from . import limits
from .delivery import deliveries
from .server import create_app

EXAMPLE = "app.steps_realistic"


class _Server(uvicorn.Server):
    """Says on stdout where it listens, once it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            print(f"Pioneer listens on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until SIGTERM or SIGINT, which let running steps end."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # They tell each report and each warning about a document; the first is no news, the second not ours.
    for name in ("httpx", "httpcore", "pypdf"):
        logging.getLogger(name).setLevel(logging.ERROR)

    # As `python -m` does: modules of the folder that it is started in.
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    for module in options.app or _words(os.environ.get("PIONEER_APP", "")) or [EXAMPLE]:
        importlib.import_module(module)

    config = uvicorn.Config(
        create_app(),
        host=options.host,
        port=options.port,
        log_config=None,
        access_log=False,
        timeout_keep_alive=limits.KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=limits.SHUTDOWN_SECONDS,
    )
    # uvicorn stops in order and then raises the signal again, for whoever had it before: nobody.
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda *_: None)
    server = _Server(config)
    server.run(sockets=[config.bind_socket()])
    deliveries.wait(limits.EXIT_FLUSH_SECONDS)
    if not server.started:
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pioneer", description="Runs the steps of Discovery workflows.")
    parser.add_argument(
        "--host", default=os.environ.get("PIONEER_HOST", "127.0.0.1"), help="the address to listen on [PIONEER_HOST]"
    )
    parser.add_argument(
        "--port",
        type=int,
        # A text is checked like one that was given.
        default=os.environ.get("PIONEER_PORT", "8000"),
        help="the port to listen on; 0 takes one that is free [PIONEER_PORT]",
    )
    parser.add_argument(
        "--app",
        action="append",
        metavar="MODULE",
        help=f"a module that registers steps; may be given again (default: {EXAMPLE}) [PIONEER_APP, with commas]",
    )
    parser.add_argument(
        "--log-level", default="info", choices=["debug", "info", "warning", "error"], help="what is logged"
    )
    return parser


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]

#!/usr/bin/env python3
"""Prueba de los workflows asíncronos de Discovery: uno, varios en paralelo, o el estado de una ejecución.

Sin opciones pregunta qué se quiere hacer. Con ellas no pregunta nada, y el código de salida dice cómo acabó:

    python3 test_async_workflow.py --uno
    python3 test_async_workflow.py --varios 5 --websocket
    python3 test_async_workflow.py --estado 01a2058a-68aa-7073-a8bb-9b4478684cf0

Necesita Python 3.11, `pip install httpx websockets`, y un Discovery con el workflow de ejemplo (`discovery dev`).
"""

import argparse
import asyncio
import base64
import json
import mimetypes
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

DEFAULT_URL = "http://localhost:8080"
DEFAULT_WORKFLOW = "Procesamiento de Documentos"
DEFAULT_DOCUMENT = Path(__file__).parent / "documento.pdf"
PARALLEL_MAX = 100
POLL_SECONDS = 0.5
RECONNECT_SECONDS = 1.0
REQUEST_SECONDS = 30.0
EVENT_BYTES_MAX = 64 * 1024 * 1024
BAR_CHARS = 20

COMPLETED, NOT_COMPLETED, USAGE, UNREACHABLE = 0, 1, 2, 3
ENDED = ("completed", "failed", "cancelled")
STATUS_WORDS = {
    "running": "en marcha",
    "paused": "en pausa",
    "completed": "completada",
    "failed": "fallida",
    "cancelled": "cancelada",
    "success": "hecho",
    "skipped": "omitido",
}

Json = dict[str, Any]


class Refused(Exception):
    """Discovery says no; the message is its own sentence."""


class Usage(Exception):
    """What was asked for makes no sense; the message says why."""


@dataclass(frozen=True)
class Options:
    """What is to be done, whether it came from flags or from answers."""

    url: str
    workflow: str
    document: Path
    websocket: bool
    patience_seconds: float


def say(line: str = "", label: str = "") -> None:
    """Writes a line at once, so that several executions take turns."""
    prefix = f"[{label}] " if label else ""
    print(f"{prefix}{line}", flush=True)


def one_line(text: object) -> str:
    """What somebody else wrote, without what a terminal would take for a command."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def bar(percentage: float) -> str:
    """A bar of text, such as `██████────── 50 %`."""
    filled = round(max(0.0, min(100.0, percentage)) / 100 * BAR_CHARS)
    return "█" * filled + "─" * (BAR_CHARS - filled) + f" {percentage:3.0f} %"


class Discovery:
    """The calls that this example makes."""

    def __init__(self, options: Options) -> None:
        self.url = options.url.rstrip("/")
        self.http = httpx.AsyncClient(base_url=self.url, timeout=REQUEST_SECONDS)

    async def __aenter__(self) -> "Discovery":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def call(self, method: str, path: str, body: Json | None = None) -> Any:
        """The answer's JSON; a refusal raises what the server says of it."""
        answer = await self.http.request(method, path, json=body)
        if answer.is_success:
            return answer.json()
        try:
            detail = answer.json()["detail"]
        except (ValueError, KeyError, TypeError):
            detail = f"HTTP {answer.status_code}"
        raise Refused(one_line(detail))

    async def find_workflow(self, wanted: str) -> Json:
        """The workflow of this id or this name."""
        workflows: list[Json] = []
        while page := await self.call("GET", f"/workflows?limit=100&offset={len(workflows)}"):
            workflows += page
        for workflow in workflows:
            if wanted in (workflow["id"], workflow["name"]):
                return workflow
        names = ", ".join(f"«{one_line(workflow['name'])}»" for workflow in workflows) or "ninguno"
        raise Refused(f"No hay ningún workflow «{one_line(wanted)}». Los que hay: {names}.")

    async def start(self, workflow: Json, data: Json) -> str:
        """Starts an execution and gives its id."""
        started = await self.call("POST", f"/workflows/{workflow['id']}/execute-async", {"data": data})
        return str(started["execution_id"])

    async def status(self, execution: str) -> Json:
        """How an execution stands."""
        status: Json = await self.call("GET", f"/executions/{quote(execution, safe='')}/status")
        return status

    async def events_by_polling(self, execution: str) -> AsyncIterator[Json]:
        """The events of an execution until it ended, asked for again and again."""
        after = 0
        while True:
            try:
                # The status first: an end that is seen there has its events in the log already.
                status = await self.status(execution)
                while events := await self.call("GET", f"/executions/{execution}/events?after={after}"):
                    for event in events:
                        after = event["seq"]
                        yield event
            except httpx.TransportError:
                say("Se ha perdido la conexión; se vuelve a intentar.", execution[-4:])
                await asyncio.sleep(RECONNECT_SECONDS)
                continue
            if status["status"] in ENDED:
                return
            await asyncio.sleep(POLL_SECONDS)

    async def events_by_websocket(self, execution: str) -> AsyncIterator[Json]:
        """The events of an execution until it ended, as the server sends them."""
        base = self.url.replace("http", "ws", 1)
        after = 0
        while True:
            try:
                async with connect(f"{base}/ws/{execution}?after={after}", max_size=EVENT_BYTES_MAX) as socket:
                    async for message in socket:
                        event = json.loads(message)
                        if "seq" in event:
                            after = event["seq"]
                            yield event
                # Closed with 1000: the execution has ended, and this was all.
                return
            except (ConnectionClosed, InvalidHandshake, OSError):
                # The server restarts, or the network broke: come back and ask for what follows.
                say("Se ha perdido el WebSocket; se vuelve a conectar.", execution[-4:])
                await asyncio.sleep(RECONNECT_SECONDS)


def describe(event: Json) -> str | None:
    """An event as a line in Spanish; none for those that say nothing new."""
    step = one_line(event.get("step_name", ""))
    match event["event"]:
        case "workflow_started":
            return f"Empieza «{one_line(event['workflow_name'])}»: {event['total_steps']} pasos"
        case "step_started":
            attempt = f" (intento {event['attempt']})" if event["attempt"] > 1 else ""
            return f"  ▸ {step}{attempt}"
        case "step_progress":
            report = event["progress"]
            note = one_line(report.get("message") or report.get("current_task") or "")
            return f"    {bar(report['percentage'])}  {note}".rstrip()
        case "step_waiting":
            return f"  … {step} sigue en otra parte y avisará"
        case "step_error":
            seconds = event.get("retry_in_seconds")
            again = f"; otro intento en {seconds:.0f} s" if seconds is not None else ""
            return f"  ✗ {step}: {one_line(event['error']['message'])}{again}"
        case "step_finished":
            return f"  ✓ {step}, {event['duration_seconds']:.2f} s"
        case "workflow_paused":
            return "En pausa, hasta que alguien la reanude"
        case "workflow_resumed":
            return "Reanudada"
        case _:
            return None


async def follow(discovery: Discovery, execution: str, options: Options, label: str = "") -> Json:
    """Shows an execution until it ended and gives its last status."""
    source = discovery.events_by_websocket if options.websocket else discovery.events_by_polling
    async with asyncio.timeout(options.patience_seconds):
        async for event in source(execution):
            line = describe(event)
            if line:
                say(line, label)
    return await discovery.status(execution)


def tell_end(status: Json, label: str = "") -> bool:
    """Says how an execution ended, and whether it completed."""
    progress = status["progress"]
    word = STATUS_WORDS.get(status["status"], one_line(status["status"]))
    say(f"Ejecución {word}: {progress['completed_steps']} de {progress['total_steps']} pasos", label)
    if status["error"]:
        say(f"  Error: {one_line(status['error']['message'])}", label)
    properties = status["context"].get("dynamic_properties")
    if isinstance(properties, dict) and isinstance(properties.get("mensaje"), str):
        say(f"  Resultado: {one_line(properties['mensaje'])}", label)
    return bool(status["status"] == "completed")


def document_data(path: Path) -> Json:
    """A document as the steps of the example expect it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Usage(f"No se puede leer «{path}»: {error.strerror}.") from error
    mime = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return {"base64": base64.b64encode(content).decode(), "mime": mime, "nombre_documento": path.name}


async def run_one(options: Options) -> int:
    """Starts one execution and follows it."""
    data = document_data(options.document)
    async with Discovery(options) as discovery:
        workflow = await discovery.find_workflow(options.workflow)
        execution = await discovery.start(workflow, data)
        way = "por WebSocket" if options.websocket else "por sondeo"
        say(f"Ejecución {execution}, seguida {way}")
        status = await follow(discovery, execution, options)
        return COMPLETED if tell_end(status) else NOT_COMPLETED


async def run_several(options: Options, count: int) -> int:
    """Starts several executions at once and follows all of them."""
    data = document_data(options.document)
    began = time.monotonic()
    async with Discovery(options) as discovery:
        workflow = await discovery.find_workflow(options.workflow)

        async def run(number: int) -> bool:
            label = str(number)
            execution = await discovery.start(workflow, data)
            say(f"Ejecución {execution}", label)
            return tell_end(await follow(discovery, execution, options, label), label)

        completed = sum(await asyncio.gather(*(run(number) for number in range(1, count + 1))))
    say()
    say(f"{completed} de {count} completadas en {time.monotonic() - began:.1f} s")
    return COMPLETED if completed == count else NOT_COMPLETED


async def show_status(options: Options, execution: str) -> int:
    """Shows how an execution stands."""
    async with Discovery(options) as discovery:
        status = await discovery.status(execution)
    word = STATUS_WORDS.get(status["status"], one_line(status["status"]))
    say(f"«{one_line(status['workflow_name'])}», ejecución {status['execution_id']}: {word}")
    say(f"  {bar(status['progress']['overall_percentage'])}")
    for attempt in status["steps_history"]:
        word = STATUS_WORDS.get(attempt["status"], one_line(attempt["status"]))
        note = one_line((attempt["progress"] or {}).get("message") or "")
        say(f"  {one_line(attempt['step_name']):<24} {word:<10} {attempt['duration_seconds']:8.2f} s  {note}".rstrip())
    if status["error"]:
        say(f"  Error: {one_line(status['error']['message'])}")
    return COMPLETED if status["status"] != "failed" else NOT_COMPLETED


def ask(question: str, default: str = "") -> str:
    """Asks a question; an empty answer means the default."""
    try:
        answer = input(f"{question} [{default}]: " if default else f"{question}: ").strip()
    except EOFError as error:
        raise Usage("No hay más respuestas.") from error
    return answer or default


def ask_count(answer: str) -> int:
    """Reads how many executions are to run at once."""
    if not answer.isascii() or not answer.isdigit() or not 1 <= int(answer) <= PARALLEL_MAX:
        raise Usage(f"«{one_line(answer)}» no vale: tiene que ser un número de 1 a {PARALLEL_MAX}.")
    return int(answer)


async def interact(options: Options) -> int:
    """Asks what is to be done, and does it."""
    say(f"Discovery en {options.url}")
    say("  1) Ejecutar un workflow")
    say("  2) Ejecutar varios en paralelo")
    say("  3) Ver el estado de una ejecución")
    choice = ask("¿Qué se hace?", "1")
    if choice == "3":
        return await show_status(options, ask("Identificador de la ejecución"))
    if choice not in ("1", "2"):
        raise Usage(f"«{one_line(choice)}» no es ninguna de las tres opciones.")
    count = ask_count(ask("¿Cuántas a la vez?", "3")) if choice == "2" else 1
    document = Path(ask("Documento", str(options.document)))
    websocket = ask("¿Seguir por WebSocket? (s/n)", "s" if options.websocket else "n").lower().startswith("s")
    options = Options(options.url, options.workflow, document, websocket, options.patience_seconds)
    return await (run_several(options, count) if choice == "2" else run_one(options))


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the flags."""
    parser = argparse.ArgumentParser(
        description="Prueba los workflows asíncronos de Discovery. Sin --uno, --varios ni --estado, pregunta.",
        epilog="Códigos de salida: 0 todo completado, 1 algo no, 2 uso incorrecto o negativa, 3 no hay conexión.",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--uno", action="store_true", help="ejecuta un workflow")
    what.add_argument("--varios", metavar="N", help="ejecuta N a la vez")
    what.add_argument("--estado", metavar="ID", help="muestra el estado de una ejecución")
    parser.add_argument("--url", default=os.environ.get("DISCOVERY_URL") or DEFAULT_URL, help="dónde está Discovery")
    parser.add_argument("--workflow", default=DEFAULT_WORKFLOW, help="el workflow, por nombre o por id")
    parser.add_argument("--documento", type=Path, default=DEFAULT_DOCUMENT, help="el documento que se envía")
    parser.add_argument("--websocket", action="store_true", help="sigue por WebSocket en vez de preguntar")
    parser.add_argument("--espera", type=float, default=600, metavar="SEGUNDOS", help="cuánto se sigue como mucho")
    return parser.parse_args(arguments)


async def run(arguments: argparse.Namespace) -> int:
    """Does what the flags say."""
    options = Options(arguments.url, arguments.workflow, arguments.documento, arguments.websocket, arguments.espera)
    if arguments.uno:
        return await run_one(options)
    if arguments.varios is not None:
        return await run_several(options, ask_count(arguments.varios))
    if arguments.estado is not None:
        return await show_status(options, arguments.estado)
    return await interact(options)


def main() -> int:
    """Runs the example and gives its exit code."""
    arguments = parse_arguments()
    try:
        return asyncio.run(run(arguments))
    except (Refused, Usage) as error:
        print(error, file=sys.stderr)
        return USAGE
    except TimeoutError:
        print(f"No ha acabado en {arguments.espera:.0f} s; sigue en marcha sin nosotros.", file=sys.stderr)
        return NOT_COMPLETED
    except (httpx.TransportError, httpx.InvalidURL) as error:
        print(f"No se llega a Discovery en {arguments.url}: {one_line(error)}. ¿Está en marcha?", file=sys.stderr)
        return UNREACHABLE
    except KeyboardInterrupt:
        print("\nLa ejecución sigue en marcha; --estado dice cómo va.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())

"""`examples/test_async_workflow.py`, run as people run it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from servers import PATIENCE_SECONDS, ROOT, Discovery

PROGRAM = ROOT / "examples/test_async_workflow.py"


@contextmanager
def started(discovery: Discovery, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The program while it runs."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), *arguments],
        env={**os.environ, "DISCOVERY_URL": discovery.url, "PYTHONUTF8": "1"},
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
        encoding="utf-8",
    ) as program:
        try:
            yield program
        finally:
            program.kill()


def run(discovery: Discovery, *arguments: str, answers: str = "") -> tuple[int, str, str]:
    with started(discovery, *arguments) as program:
        stdout, stderr = program.communicate(answers, PATIENCE_SECONDS)
    return program.returncode, stdout, stderr


def until_says(program: subprocess.Popen[str], words: str) -> str:
    """Reads what the program says until it says `words`."""
    assert program.stdout
    seen = ""
    while words not in seen:
        line = program.stdout.readline()
        assert line, seen
        seen += line
    return seen


WAYS = pytest.mark.parametrize("way", [(), ("--websocket",)], ids=["polling", "websocket"])


@WAYS
def test_one_workflow_is_followed_to_its_end(discovery: Discovery, way: tuple[str, ...]) -> None:
    discovery.pioneer.gate.set()
    discovery.pioneer.steps["transform_data"] = discovery.pioneer.held
    code, stdout, stderr = run(discovery, "--uno", *way)
    assert (code, stderr) == (0, "")
    assert "Empieza «Procesamiento de Documentos»: 6 pasos" in stdout
    assert "▸ Transformación" in stdout
    assert "40 %  a medias" in stdout
    assert "Ejecución completada: 5 de 6 pasos" in stdout
    assert "Resultado: hecho" in stdout
    [execution] = discovery.executions()
    assert execution["context"]["nombre_documento"] == "documento.pdf"


@WAYS
def test_several_run_at_once(discovery: Discovery, way: tuple[str, ...]) -> None:
    discovery.pioneer.steps["decide"] = discovery.pioneer.held
    with started(discovery, "--varios", "3", *way) as program:
        discovery.until(
            "three executions at the same step",
            lambda: [one["status"] for one in discovery.executions()] == ["running"] * 3,
        )
        discovery.pioneer.gate.set()
        stdout, stderr = program.communicate(timeout=PATIENCE_SECONDS)
    assert (program.returncode, stderr) == (0, "")
    assert "3 de 3 completadas en " in stdout
    assert all(f"[{label}] Ejecución completada" in stdout for label in (1, 2, 3))


@WAYS
def test_a_failed_workflow_is_told(discovery: Discovery, way: tuple[str, ...]) -> None:
    discovery.pioneer.steps["validate_user"] = lambda _: (422, {"detail": "No es un PDF."})
    code, stdout, _ = run(discovery, "--uno", *way)
    assert code == 1
    assert "✗ Validación Usuario: No es un PDF." in stdout
    assert "Ejecución fallida: 1 de 6 pasos" in stdout


@WAYS
def test_a_restart_of_the_server_is_borne(discovery: Discovery, way: tuple[str, ...]) -> None:
    discovery.pioneer.steps["decide"] = discovery.pioneer.held
    with started(discovery, "--uno", *way) as program:
        seen = until_says(program, "a medias")
        discovery.kill()
        seen += until_says(program, "se vuelve a")
        discovery.start_again()
        discovery.pioneer.gate.set()
        stdout, stderr = program.communicate(timeout=PATIENCE_SECONDS)
    assert (program.returncode, stderr) == (0, "")
    assert (seen + stdout).count("Empieza «") == 1
    assert "Ejecución completada: 5 de 6 pasos" in stdout


def test_the_state_of_an_execution_is_shown(discovery: Discovery) -> None:
    execution = discovery.begin()
    discovery.until("its end", lambda: discovery.executions()[0]["status"] == "completed")
    code, stdout, stderr = run(discovery, "--estado", execution)
    assert (code, stderr) == (0, "")
    assert f"«Procesamiento de Documentos», ejecución {execution}: completada" in stdout
    assert "Rechazar Usuario         omitido" in stdout


def test_it_asks_what_to_do(discovery: Discovery) -> None:
    document = ROOT / "examples/documento_vacio.pdf"
    code, stdout, stderr = run(discovery, answers=f"2\n2\n{document}\nn\n")
    assert (code, stderr) == (0, "")
    assert "1) Ejecutar un workflow" in stdout
    assert "2 de 2 completadas" in stdout
    [execution, _] = discovery.executions()
    assert execution["context"]["nombre_documento"] == "documento_vacio.pdf"
    code, stdout, _ = run(discovery, answers=f"3\n{execution['id']}\n")
    assert code == 0
    assert "completada" in stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--estado", "0198c2f0-0000-7000-8000-000000000001"), 2, "There is no execution with this id."),
        (("--uno", "--workflow", "Nada"), 2, "Los que hay: «Procesamiento de Documentos»."),
        (("--uno", "--documento", "/no/such"), 2, "No se puede leer «/no/such»"),
        (("--varios", "mil"), 2, "un número de 1 a 100"),
        (("--uno", "--url", "http://127.0.0.1:9"), 3, "No se llega a Discovery en http://127.0.0.1:9"),
        ((), 2, "No hay más respuestas."),
    ],
)
def test_what_cannot_be_done_is_said(discovery: Discovery, arguments: tuple[str, ...], code: int, words: str) -> None:
    found, _, stderr = run(discovery, *arguments)
    assert found == code
    assert words in stderr
    assert "Traceback" not in stderr
    assert discovery.executions() == []


def test_a_workflow_is_found_behind_the_first_page_of_them(discovery: Discovery) -> None:
    discovery.fill_with_workflows(101)
    code, stdout, stderr = run(discovery, "--uno", "--workflow", "Último")
    assert (code, stderr) == (0, "")
    assert "«Último»" in stdout

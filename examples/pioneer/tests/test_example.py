"""The example's steps, on the documents that come with it; `golden.json` is what the Rust steps make of them."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import document, mi_step, steps_realistic
from pioneer import create_app, register

from .servers import EXECUTION, FakeDiscovery, serving

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent
GOLDEN: dict[str, Any] = json.loads((HERE / "golden.json").read_text("utf-8"))
DOCUMENT = (EXAMPLES / "documento.pdf").read_bytes()

MI_STEP = """\
from .steps_realistic import report_progress, report_completion

@register("mi_step")
async def mi_step(context: dict, config: dict) -> dict:
    execution_id = context.get("execution_id")
    await report_progress(execution_id, "mi_step", {"percentage": 50, "message": "Procesando datos"})
    return {"context": {"mi_resultado": 42}, "next": "siguiente_step"}
"""


@pytest.fixture(scope="module")
def example() -> Iterator[httpx.Client]:
    with serving(create_app()) as client:
        yield client


def data(pdf: bytes, name: str = "solicitud.pdf") -> dict[str, Any]:
    return {"base64": base64.b64encode(pdf).decode(), "mime": "application/pdf", "nombre_documento": name}


def call(
    example: httpx.Client, step: str, context: dict[str, Any], discovery: FakeDiscovery | None = None
) -> httpx.Response:
    headers = {} if discovery is None else {"Discovery-Callback-Url": discovery.callback_url(step)}
    return example.post(f"/steps/{step}", json={"context": context, "config": {}}, headers=headers)


@pytest.mark.parametrize("name", GOLDEN)
def test_the_same_steps_decision_and_texts_as_from_rust(
    example: httpx.Client, discovery: FakeDiscovery, name: str
) -> None:
    context = data((EXAMPLES / name).read_bytes(), name) | {"dynamic_properties": {"cliente": "ACME"}}
    way = ["fetch_user", "validate_user", "transform_data", "decide"]
    for step in way:
        answer = call(example, step, context, discovery)
        assert answer.status_code == 200, answer.text
        context |= answer.json()["context"]
        if following := answer.json().get("next"):
            way.append(following)
    assert way == GOLDEN[name]["steps"]
    assert context["dynamic_properties"] == GOLDEN[name]["dynamic_properties"] | {"cliente": "ACME"}


def test_the_transformation_reports_its_pages_and_its_result(example: httpx.Client, discovery: FakeDiscovery) -> None:
    context = data(DOCUMENT) | {"execution_id": EXECUTION}
    answer = call(example, "transform_data", context, discovery).json()
    *_, progress, completion = discovery.received
    assert progress.body == {
        "percentage": 100,
        "message": "Página 4 de 4",
        "current_task": "extraer texto",
        "custom_data": {"pagina": 4, "paginas": 4},
    }
    found = answer["context"]["dynamic_properties"]
    assert completion.body == {
        "success": True,
        "message": "Texto extraído",
        "data": {"paginas": 4, "caracteres": found["caracteres"], "palabras": found["palabras"]},
    }


@pytest.mark.parametrize(
    ("step", "context", "error_type"),
    [
        ("fetch_user", {}, "MissingField"),
        ("fetch_user", {"base64": 7}, "InvalidField"),
        ("fetch_user", {"base64": "¡esto no!"}, "NotBase64"),
        ("fetch_user", {"base64": "aG9sYR=="}, "NotBase64"),
        ("fetch_user", {"base64": "aG9sYQ"}, "NotBase64"),
        ("fetch_user", {"base64": ""}, "EmptyDocument"),
        ("fetch_user", {"base64": " \n"}, "EmptyDocument"),
        ("validate_user", data(b"GIF89a, no PDF"), "NotAPdf"),
        ("validate_user", data(DOCUMENT[:40]), "UnreadablePdf"),
        ("transform_data", data(DOCUMENT[:40]), "UnreadablePdf"),
        ("decide", {"dynamic_properties": {}}, "MissingField"),
        ("decide", {"dynamic_properties": {"paginas": True, "palabras": 1}}, "MissingField"),
        ("approve_user", {}, "MissingField"),
        ("reject_user", {"dynamic_properties": "text"}, "MissingField"),
    ],
)
def test_bad_documents_fail_for_good_and_say_why(
    example: httpx.Client, discovery: FakeDiscovery, step: str, context: dict[str, Any], error_type: str
) -> None:
    answer = call(example, step, context, discovery)
    assert (answer.status_code, answer.json()["type"]) == (422, error_type), answer.text


def test_a_document_cut_anywhere_or_with_a_wrong_byte_never_breaks_the_service(
    example: httpx.Client, discovery: FakeDiscovery
) -> None:
    for at in range(0, len(DOCUMENT), 97):
        damaged = DOCUMENT[:at] + bytes([DOCUMENT[at] ^ 0x55]) + DOCUMENT[at + 1 :]
        for pdf in (damaged, DOCUMENT[:at]):
            answer = call(example, "transform_data", data(pdf), discovery)
            assert answer.status_code in (200, 422), f"byte {at}: {answer.text}"


def test_all_six_steps_are_listed_with_their_descriptions(example: httpx.Client) -> None:
    listed = {step["name"]: step["description"] for step in example.get("/steps").json()["available_steps"]}
    assert listed["decide"] == "Decide según el texto encontrado."
    six = {"approve_user", "decide", "fetch_user", "reject_user", "transform_data", "validate_user"}
    assert six <= listed.keys()


def test_the_step_that_authors_write_today_goes_on_working(example: httpx.Client, discovery: FakeDiscovery) -> None:
    assert MI_STEP in Path(mi_step.__file__).read_text("utf-8")
    answer = call(example, "mi_step", {"execution_id": EXECUTION}, discovery)
    assert answer.json() == {"context": {"mi_resultado": 42}, "next": "siguiente_step"}
    [report] = discovery.received
    assert report.path == f"/discovery/executions/{EXECUTION}/steps/mi_step/progress"
    assert report.body == {"percentage": 50, "message": "Procesando datos"}
    # Its first line may also take `register` from there.
    assert steps_realistic.register is register


def test_text_is_normalised_by_the_rule() -> None:
    text = "\r\n  Año \t nuevo\u00a0\u2003feliz \r\r\n\u001c\n fin\u001fdel\u000btexto\u0085"
    assert document.normalise(text) == "Año nuevo feliz\nfin del texto"
    assert document.normalise(" \n\t\r ") == ""


def test_base64_may_have_line_breaks() -> None:
    assert document.decode("aG9s\r\nYQ==\n") == b"hola"
    assert document.decode("aG9s") == b"hol"

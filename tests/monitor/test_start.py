import base64
import re
from collections.abc import Callable

from conftest import Viewer
from pages import EXAMPLE, PDF, add_example, execution_of, expect_state, overall_bar, step, step_bar, until_log_is_whole
from playwright.sync_api import expect
from server import Discovery
from service import Service


def test_a_pdf_is_given_to_the_form_and_the_execution_is_seen_to_complete(
    discovery: Discovery, viewer: Viewer
) -> None:
    add_example(discovery)
    page = viewer.open("#/start")
    expect(page.get_by_label("Workflow", exact=True)).to_have_value(EXAMPLE)
    page.get_by_label("Data (optional)").fill('{"cliente": "ACME"}')
    page.locator("#drop-file").set_input_files(PDF)
    expect(page.locator("#drop-name")).to_contain_text("documento.pdf (3 KiB)")
    page.get_by_role("button", name="Start", exact=True).click()
    execution_id = execution_of(page)
    expect_state(page, "Completed")
    expect(page.get_by_role("heading", level=1)).to_have_text("Procesamiento de Documentos")
    expect(overall_bar(page)).to_have_attribute("aria-valuenow", "100")
    expect(step(page, "Rechazar Usuario").locator(".badge")).to_have_text("Skipped")
    expect(step(page, "Transformación")).to_contain_text("Página 4 de 4")
    context = discovery.get(f"/executions/{execution_id}?payloads=inline")["context"]
    assert base64.b64decode(context["base64"]) == PDF.read_bytes()
    assert (context["mime"], context["nombre_documento"], context["cliente"]) == (
        "application/pdf", "documento.pdf", "ACME",
    )  # fmt: skip
    until_log_is_whole(page, discovery, execution_id)
    expect(page.locator("#connection")).to_contain_text("the log is complete")


def test_a_file_can_be_dropped_and_taken_away_again(discovery: Discovery, viewer: Viewer) -> None:
    add_example(discovery)
    page = viewer.open("#/start")
    page.evaluate(
        """() => {
        const files = new DataTransfer();
        files.items.add(new File(["hola"], "hola.txt", { type: "text/plain" }));
        for (const kind of ["dragenter", "dragover", "drop"]) {
            document.querySelector(".drop").dispatchEvent(new DragEvent(kind, { dataTransfer: files, bubbles: true, cancelable: true }));
        }
    }"""
    )
    expect(page.locator("#drop-name")).to_have_text("hola.txt (4 B)")
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("#drop-name")).to_have_text("Drop a file here, or choose one")
    expect(page.locator("#drop-file")).to_be_focused()


def test_the_keyboard_alone_starts_an_execution(
    discovery: Discovery, viewers: Callable[..., Viewer], service: Service
) -> None:
    workflow = discovery.workflow("Alta de Cliente", "puerta_uno")
    discovery.workflow("Otro", "al_instante")
    page = viewers(discovery).open()
    page.get_by_role("heading", level=1).wait_for()

    def to(name: str) -> None:
        """Goes on by the tabulator until this has the focus."""
        for _ in range(40):
            page.keyboard.press("Tab")
            words = page.evaluate(
                "() => { const e = document.activeElement;"
                " return e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent || '' }"
            )
            if words.strip() == name:
                return
        raise AssertionError(f"the tabulator does not lead to {name}")

    page.keyboard.press("Tab")
    expect(page.locator("#skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    to("Start a workflow")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page.get_by_label("Workflow", exact=True).locator("option")).to_have_count(3)
    to("Workflow")
    page.keyboard.type("Alta")
    expect(page.get_by_label("Workflow", exact=True)).to_have_value(workflow["id"])
    to("As the workflow says")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("Manual, step by step")).to_be_checked()
    to("Data (optional)")
    page.keyboard.type('{"a": 1}')
    to("Start")
    page.keyboard.press("Enter")
    execution_id = execution_of(page)
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect_state(page, "Waiting for you")
    to("Run the next step")
    page.keyboard.press("Enter")
    service.one.until_called(execution_id)
    service.one.report(execution_id, 40, message="a medias")
    expect(step_bar(page, "Puerta uno")).to_have_attribute("aria-valuenow", "40")
    service.one.answer(execution_id)
    expect_state(page, "Completed")
    assert discovery.status(execution_id)["context"]["a"] == 1


def test_what_is_wrong_with_the_data_is_said_before_anything_is_sent(discovery: Discovery, viewer: Viewer) -> None:
    add_example(discovery)
    page = viewer.open("#/start")
    data = page.get_by_label("Data (optional)")
    for text, words in [('{"a": }', "not valid JSON"), ("[1]", "must be a JSON object")]:
        data.fill(text)
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.get_by_role("alert").filter(has_text=re.compile("."))).to_contain_text(words)
        expect(data).to_be_focused()
        expect(data).to_have_attribute("aria-invalid", "true")
    assert discovery.get("/executions")["pagination"]["total"] == 0


def test_what_the_server_refuses_is_said_in_its_words(discovery: Discovery, viewer: Viewer) -> None:
    discovery.post("/workflows", {"name": "Vacío", "steps": []})
    viewer.allow("422")
    page = viewer.open("#/start")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="steps")).to_be_visible()


def test_a_press_and_a_second_one_start_one_execution(discovery: Discovery, viewer: Viewer) -> None:
    add_example(discovery)
    page = viewer.open("#/start")
    expect(page.get_by_label("Workflow", exact=True)).to_have_value(EXAMPLE)
    page.get_by_role("button", name="Start", exact=True).dblclick()
    execution_of(page)
    assert discovery.get("/executions")["pagination"]["total"] == 1

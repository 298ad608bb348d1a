import re
from collections.abc import Callable

from conftest import Viewer
from pages import expect_state, step, until_log_is_whole
from playwright.sync_api import Page, expect
from server import Discovery
from service import Service


def press(page: Page, name: str) -> None:
    page.get_by_role("group", name="What can be done").get_by_role("button", name=name).click()


def offered(page: Page) -> list[str]:
    return page.locator(".action-buttons button").all_inner_texts()


def test_a_running_execution_is_paused_and_resumed(discovery: Discovery, viewer: Viewer, service: Service) -> None:
    execution_id = discovery.begin(discovery.workflow("Alta de Cliente", "puerta_uno", "puerta_dos"))
    service.one.until_called(execution_id)
    page = viewer.open(f"#/executions/{execution_id}")
    press(page, "Pause")
    expect(page.locator(".overall-now")).to_have_text("Pauses when 'Puerta uno' has ended")
    service.one.answer(execution_id)
    expect_state(page, "Paused")
    assert offered(page) == ["Resume", "Force completion", "Cancel the execution"]
    press(page, "Resume")
    service.two.answer(execution_id)
    expect_state(page, "Completed")
    expect(page.locator(".actions")).to_be_hidden()
    until_log_is_whole(page, discovery, execution_id)


def test_manual_mode_goes_step_by_step(discovery: Discovery, viewer: Viewer, service: Service) -> None:
    workflow = discovery.workflow("Alta de Cliente", "puerta_uno", "puerta_dos", mode="manual")
    execution_id = discovery.begin(workflow)
    page = viewer.open(f"#/executions/{execution_id}")
    for name, gate in [("Puerta uno", service.one), ("Puerta dos", service.two)]:
        expect_state(page, "Waiting for you")
        expect(step(page, name).locator(".badge")).to_have_text("Waiting for you")
        press(page, "Run the next step")
        gate.until_called(execution_id)
        expect_state(page, "Running")
        gate.answer(execution_id)
    expect_state(page, "Completed")


def test_a_running_execution_is_cancelled_with_a_reason_and_tried_again(
    discovery: Discovery, viewer: Viewer, service: Service
) -> None:
    names = {"Puerta uno": "puerta_uno", "Puerta dos": "puerta_dos"}
    steps = [{"name": name, "handler": handler, "max_visits": 2} for name, handler in names.items()]
    execution_id = discovery.begin(discovery.post("/workflows", {"name": "Alta de Cliente", "steps": steps}))
    service.one.answer(execution_id)
    service.two.until_called(execution_id)
    page = viewer.open(f"#/executions/{execution_id}")
    press(page, "Cancel the execution")
    dialog = page.get_by_role("dialog", name="Cancel this execution?")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    press(page, "Cancel the execution")
    dialog.get_by_label("Reason (optional)").fill("ya no hace falta")
    dialog.get_by_role("button", name="Cancel the execution").click()
    expect_state(page, "Cancelled")
    expect(page.locator(".log-list > li").last).to_contain_text("ya no hace falta")
    for gate in (service.one, service.two):
        gate.forget(execution_id)
    press(page, "Try again")
    page.get_by_role("dialog").get_by_label("Begin at").select_option("Puerta uno")
    page.get_by_role("dialog").get_by_role("button", name="Try again").click()
    service.one.answer(execution_id)
    service.two.answer(execution_id)
    expect_state(page, "Completed")
    until_log_is_whole(page, discovery, execution_id)
    expect(page.locator(".timeline-bar")).to_have_count(4)


def test_an_execution_is_forced_to_complete_with_data(discovery: Discovery, viewer: Viewer, service: Service) -> None:
    execution_id = discovery.begin(discovery.workflow("Alta de Cliente", "puerta_uno", "puerta_dos"))
    service.one.until_called(execution_id)
    page = viewer.open(f"#/executions/{execution_id}")
    press(page, "Force completion")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Data (optional)").fill("[1]")
    dialog.get_by_role("button", name="Force completion").click()
    expect(dialog.get_by_role("alert")).to_contain_text("must be a JSON object")
    dialog.get_by_label("Data (optional)").fill('{"resuelto": "a mano"}')
    dialog.get_by_role("button", name="Force completion").click()
    expect_state(page, "Completed")
    assert discovery.status(execution_id)["context"]["completion_data"] == {"resuelto": "a mano"}


def test_what_the_server_refuses_is_said_in_its_words(discovery: Discovery, viewer: Viewer, service: Service) -> None:
    execution_id = discovery.begin(discovery.workflow("Alta de Cliente", "puerta_uno"))
    service.one.until_called(execution_id)
    viewer.allow("409")
    page = viewer.open(f"#/executions/{execution_id}")
    press(page, "Cancel the execution")
    # Somebody else was quicker.
    service.one.answer(execution_id)
    discovery.until_status(execution_id, "completed")
    page.get_by_role("dialog").get_by_role("button", name="Cancel the execution").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_have_text(re.compile("completed"))
    page.get_by_role("dialog").get_by_role("button", name="Back").click()
    expect_state(page, "Completed")


def test_a_step_that_is_tried_again_says_when(discovery: Discovery, viewer: Viewer, service: Service) -> None:
    retry = {"max_attempts": 3, "initial_interval_seconds": 600, "max_interval_seconds": 600}
    steps = [{"name": "Puerta", "handler": "puerta_uno", "retry": retry}]
    execution_id = discovery.begin(discovery.post("/workflows", {"name": "Terco", "steps": steps}))
    page = viewer.open(f"#/executions/{execution_id}")
    service.one.fail(execution_id, "El archivo está cerrado.", status=503)
    expect_state(page, "About to retry")
    expect(step(page, "Puerta")).to_contain_text("El archivo está cerrado.")
    expect(page.locator(".log-list > li").last).to_contain_text("again in")
    why = discovery.get(f"/executions/{execution_id}/why")
    shown = page.get_by_role("region", name="Why it is not moving")
    expect(shown).to_contain_text("attempt 1 of 3")
    expect(shown).to_contain_text("Next action in")
    assert "attempt 1 of 3" in why["explanation"]
    press(page, "Cancel the execution")
    page.get_by_role("dialog").get_by_role("button", name="Cancel the execution").click()
    expect_state(page, "Cancelled")


def test_it_is_said_in_the_language_of_the_page_why_nothing_moves(
    discovery: Discovery, viewers: Callable[..., Viewer], service: Service
) -> None:
    manual = discovery.begin(discovery.workflow("A mano", "al_instante", mode="manual"))
    page = viewers(discovery, locale="es-ES").open(f"#/executions/{manual}")
    shown = page.get_by_role("region", name="Por qué no avanza")
    expect(shown).to_contain_text("La ejecución es manual y espera a que alguien pida el paso «Al instante».")
    discovery.post(f"/executions/{manual}/pause", {"reason": "Falta un documento."})
    expect(shown).to_contain_text("La ejecución está en pausa (Falta un documento) hasta que alguien la reanude.")
    discovery.post(f"/executions/{manual}/cancel", {})
    expect(shown).to_contain_text("La ejecución se canceló (así se pidió); se puede reintentar.")

    retry = {"max_attempts": 2, "initial_interval_seconds": 600, "max_interval_seconds": 600}
    steps = [{"name": "Puerta", "handler": "puerta_uno", "retry": retry}]
    stubborn = discovery.begin(discovery.post("/workflows", {"name": "Terco", "steps": steps}))
    service.one.fail(stubborn, "El archivo está cerrado.", status=503)
    page.evaluate("id => { location.hash = `#/executions/${id}`; }", stubborn)
    expect(shown).to_contain_text("El paso «Puerta», intento 1 de 2, falló (HTTP 503) y se vuelve a intentar.")
    expect(shown).to_contain_text("Próxima acción en")
    expect(shown.locator("[lang=en]")).to_have_count(0)

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from conftest import Viewer
from pages import expect_state
from playwright.sync_api import Page, expect
from server import Discovery, until
from service import Service

PAGE_ROWS = 50
NO_WEB_SOCKET = "window.WebSocket = class extends EventTarget { constructor() { super();" \
    " setTimeout(() => this.dispatchEvent(Object.assign(new Event('close'), { code: 1006, reason: '' })), 0); }" \
    " close() {} };"


def rows(page: Page) -> list[str]:
    """The executions that are shown, by their ids."""
    links = page.locator(".row-link").evaluate_all("links => links.map(link => link.hash.split('/').pop())")
    return list(links)


def test_some_thousand_executions_are_paged_through_from_end_to_end(discovery: Discovery, viewer: Viewer) -> None:
    workflow = discovery.workflow("Alta de Cliente", "al_instante")
    with ThreadPoolExecutor(16) as clients:
        begun = set(clients.map(lambda _: discovery.begin(workflow), range(1_020)))
    until(lambda: discovery.get("/executions?status=running&limit=1")["pagination"]["total"] == 0, "all have ended")
    page = viewer.open()
    expect(page.locator("#list-place")).to_have_text("1–50 of 1,020")
    seen = rows(page)
    for number in range(1, 21):
        page.get_by_role("button", name="Older").click()
        begin, end = number * PAGE_ROWS + 1, min((number + 1) * PAGE_ROWS, 1_020)
        expect(page.locator("#list-place")).to_have_text(f"{begin:,}–{end:,} of 1,020")
        seen += rows(page)
    assert len(seen) == 1_020
    assert set(seen) == begun
    expect(page.get_by_role("button", name="Older")).to_have_attribute("aria-disabled", "true")
    page.get_by_role("button", name="Newer").click()
    expect(page.locator("#list-place")).to_have_text("951–1,000 of 1,020")
    page.get_by_role("button", name="Newest").click()
    expect(page.locator("#list-place")).to_have_text("1–50 of 1,020")
    assert rows(page) == seen[:PAGE_ROWS]


def test_the_list_lives(discovery: Discovery, viewer: Viewer, service: Service) -> None:
    workflow = discovery.workflow("Alta de Cliente", "puerta_uno", "puerta_dos")
    page = viewer.open()
    expect(page.locator(".empty")).to_contain_text("Nothing has been started yet.")
    expect(page.locator("#connection")).to_have_text("Live")
    execution_id = discovery.begin(workflow, data={"nombre_documento": "carta.pdf"})
    row = page.locator(".row").filter(has_text="Alta de Cliente")
    expect(row.locator(".badge")).to_have_text("Running")
    expect(row).to_contain_text("Puerta uno")
    expect(row).to_contain_text("carta.pdf")
    service.one.answer(execution_id)
    expect(row).to_contain_text("Puerta dos")
    discovery.post(f"/executions/{execution_id}/pause")
    service.two.answer(execution_id)
    expect(row.locator(".badge")).to_have_text("Completed")
    expect(page.locator(".tab[data-status=completed]")).to_have_text("Completed1")


def test_where_sockets_are_blocked_the_list_is_asked_for_again(
    discovery: Discovery, viewer: Viewer, service: Service
) -> None:
    workflow = discovery.workflow("Alta de Cliente", "puerta_uno")
    viewer.page.add_init_script(NO_WEB_SOCKET)
    page = viewer.open()
    expect(page.locator("#connection")).to_have_text("Updates every 3 s")
    execution_id = discovery.begin(workflow)
    expect(page.locator(".row .badge")).to_have_text("Running")
    service.one.answer(execution_id)
    expect(page.locator(".row .badge")).to_have_text("Completed")


def test_the_list_comes_back_with_the_server(discovery: Discovery, viewer: Viewer, service: Service) -> None:
    viewer.allow("ERR_CONNECTION", "WebSocket connection", "ERR_EMPTY_RESPONSE", "ERR_INCOMPLETE")
    workflow = discovery.workflow("Alta de Cliente", "al_instante")
    page = viewer.open()
    expect(page.locator("#connection")).to_have_text("Live")
    discovery.kill()
    expect(page.locator("#connection")).to_contain_text("Connection lost")
    discovery.start()
    discovery.until_status(discovery.begin(workflow), "completed")
    expect(page.locator("#connection")).to_have_text("Live")
    expect(page.locator(".row .badge")).to_have_text("Completed")


def test_filters_stand_in_the_address(
    discovery: Discovery, viewers: Callable[..., Viewer], service: Service
) -> None:
    quick = discovery.workflow("Rápido", "al_instante")
    slow = discovery.workflow("Lento", "puerta_uno")
    for _ in range(2):
        discovery.until_status(discovery.begin(quick), "completed")
    execution_id = discovery.begin(slow)
    viewer = viewers(discovery)
    page = viewer.open()
    expect(page.locator(".row")).to_have_count(3)
    page.get_by_role("navigation", name="By status").get_by_role("link", name="Completed").click()
    expect(page.locator(".row")).to_have_count(2)
    assert page.url.endswith("#/executions?status=completed")
    page.get_by_label("Workflow", exact=True).select_option("Lento")
    expect(page.locator(".empty")).to_contain_text("No execution matches this filter.")
    page.get_by_role("link", name="Show all").click()
    expect(page.locator(".row")).to_have_count(3)
    page = viewer.open(f"#/executions?status=running&workflow={slow['id']}")
    page.reload()
    expect(page.locator(".row")).to_have_count(1)
    expect(page.get_by_label("Workflow", exact=True)).to_have_value(slow["id"])
    page.locator(".row-link").click()
    expect_state(page, "Running")
    page.go_back()
    expect(page.locator(".row")).to_have_count(1)
    service.one.answer(execution_id)
    expect(page.locator(".row")).to_have_count(0)


def test_the_language_follows_the_browser_and_can_be_switched(
    discovery: Discovery, viewers: Callable[..., Viewer]
) -> None:
    discovery.workflow("Alta de Cliente", "al_instante")
    spanish = viewers(discovery, locale="es-MX").open("#/start")
    expect(spanish.get_by_role("heading", level=1)).to_have_text("Iniciar un flujo")
    expect(spanish.locator("html")).to_have_attribute("lang", "es")
    spanish.get_by_label("Datos (opcional)").fill('{"a": 1}')
    spanish.get_by_role("button", name="Switch to English").click()
    expect(spanish.get_by_role("heading", level=1)).to_have_text("Start a workflow")
    expect(spanish.locator("html")).to_have_attribute("lang", "en")
    expect(spanish.get_by_label("Data (optional)")).to_have_value('{"a": 1}')
    spanish.reload()
    expect(spanish.get_by_role("heading", level=1)).to_have_text("Start a workflow")
    english = viewers(discovery, locale="fr-FR").open()
    expect(english.get_by_role("heading", level=1)).to_have_text("Executions")
    english.get_by_role("button", name="Cambiar a español").click()
    expect(english.get_by_role("heading", level=1)).to_have_text("Ejecuciones")


def test_the_colours_follow_the_system_and_can_be_switched(
    discovery: Discovery, viewers: Callable[..., Viewer]
) -> None:
    page = viewers(discovery, color_scheme="dark").open()

    def ground() -> str:
        return str(page.evaluate("() => getComputedStyle(document.body).backgroundColor"))

    assert ground() == "rgb(13, 18, 23)"
    page.get_by_role("button", name=re.compile("Colours: as the system")).click()
    assert ground() == "rgb(244, 246, 248)"
    page.reload()
    assert ground() == "rgb(244, 246, 248)"
    page.get_by_role("button", name=re.compile("Colours: light")).click()
    assert ground() == "rgb(13, 18, 23)"

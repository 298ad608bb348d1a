"""`examples/workflow_monitor.html`, opened from disk in a browser."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from servers import PATIENCE_SECONDS, ROOT, Discovery

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SCREENSHOTS = os.environ.get("SCREENSHOTS")

expect.set_options(timeout=PATIENCE_SECONDS * 1000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, discovery: Discovery) -> Iterator[Page]:
    """The page, connected to the server; no error may be left when the test ends."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto((ROOT / "examples/workflow_monitor.html").as_uri())
    connect(page, discovery.url)
    expect(page.locator("#server-state")).to_have_text("conectado")
    yield page
    assert not wrong
    page.close()


def connect(page: Page, url: str) -> None:
    page.fill("#server", url)
    page.click("#server-form button")


def picture(page: Page, name: str) -> None:
    if SCREENSHOTS:
        page.screenshot(path=f"{SCREENSHOTS}/{name}.png", full_page=True)


def step(page: Page, name: str) -> str:
    return str(page.locator("#steps li", has_text=name).get_attribute("data-state"))


def test_a_workflow_is_started_and_watched(page: Page, discovery: Discovery) -> None:
    discovery.pioneer.steps["transform_data"] = discovery.pioneer.held
    page.set_input_files("#document", ROOT / "examples/documento.pdf")
    page.fill("#data", '{"cliente": "Núñez"}')
    page.click("#start")
    row = page.locator("#steps li", has_text="Transformación")
    expect(row).to_contain_text("en marcha · 40 %")
    expect(row).to_contain_text("a medias")
    expect(page.locator("#link")).to_have_text("en directo")
    expect(page.locator("#status")).to_have_text("en marcha")
    expect(page.locator("#percentage")).to_have_text("40 %")
    assert row.locator(".track > div").get_attribute("style") == "width: 40%;"
    picture(page, "running")
    page.emulate_media(color_scheme="dark")
    picture(page, "running-dark")
    discovery.pioneer.gate.set()
    expect(page.locator("#status")).to_have_text("completada")
    expect(page.locator("#link")).to_have_text("terminada")
    expect(page.locator("#percentage")).to_have_text("100 %")
    assert (step(page, "Aprobar Usuario"), step(page, "Rechazar Usuario")) == ("success", "skipped")
    [execution] = discovery.executions()
    context = execution["context"]
    assert (context["cliente"], context["nombre_documento"]) == ("Núñez", "documento.pdf")
    assert (context["mime"], context["base64"][:8]) == ("application/pdf", "JVBERi0x")
    shown = page.locator("#log li > span:first-child").all_text_contents()
    assert shown == [str(seq) for seq in range(len(shown), 0, -1)], "each event once, the newest on top"
    assert len(shown) == discovery.call("GET", f"/executions/{execution['id']}/status")["last_seq"]
    expect(page.locator("#recent li")).to_have_count(1)
    picture(page, "completed")


def test_a_server_that_restarts_costs_no_event(page: Page, discovery: Discovery) -> None:
    discovery.pioneer.steps["decide"] = discovery.pioneer.held
    page.click("#start")
    expect(page.locator("#steps li", has_text="Decisión")).to_contain_text("a medias")
    discovery.kill()
    expect(page.locator("#link")).to_contain_text("se vuelve a intentar")
    discovery.start_again()
    discovery.pioneer.gate.set()
    expect(page.locator("#status")).to_have_text("completada")
    shown = page.locator("#log li > span:first-child").all_text_contents()
    assert shown == [str(seq) for seq in range(len(shown), 0, -1)]


def test_an_execution_is_found_by_its_id(page: Page, discovery: Discovery) -> None:
    discovery.pioneer.steps["validate_user"] = lambda _: (422, {"type": "NoEsPdf", "detail": "No es un PDF."})
    execution = discovery.begin()
    page.fill("#find", execution)
    page.click("#find-form button")
    expect(page.locator("#status")).to_have_text("fallida")
    expect(page.locator("#failure")).to_have_text("NoEsPdf: No es un PDF.")
    assert step(page, "Validación Usuario") == "failed"
    picture(page, "failed")
    page.fill("#find", "0198c2f0-0000-7000-8000-000000000001")
    page.click("#find-form button")
    expect(page.locator("#find-error")).to_have_text("No hay ninguna ejecución con ese identificador.")
    page.fill("#find", "../health")
    page.click("#find-form button")
    expect(page.locator("#find-error")).to_have_text("The id in the path is not a UUID.")


def test_what_others_wrote_is_text_and_nothing_else(page: Page, discovery: Discovery) -> None:
    evil = "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>"
    discovery.call("POST", "/workflows", {"name": evil, "steps": [{"name": evil, "handler": "evil"}]})

    def fails(_: object) -> tuple[int, dict[str, object]]:
        return 400, {"type": evil, "detail": evil}

    discovery.pioneer.steps["evil"] = fails
    connect(page, discovery.url)
    page.select_option("#workflow", label=evil)
    page.click("#start")
    expect(page.locator("#status")).to_have_text("fallida")
    expect(page.locator("#failure")).to_contain_text("onerror=")
    expect(page.locator("#name")).to_have_text(evil)
    assert page.locator("img").count() == 0
    assert page.title() == "Monitor de workflows"


def test_manual_mode_goes_step_by_step(page: Page) -> None:
    page.select_option("#mode", "manual")
    page.click("#start")
    for name in ["Carga Usuario", "Validación Usuario"]:
        page.click("#next")
        expect(page.locator("#steps li", has_text=name)).to_contain_text("hecho")
    assert step(page, "Transformación") == "pending"


def test_what_is_wrong_is_said(page: Page, discovery: Discovery) -> None:
    page.fill("#data", "{nada}")
    page.click("#start")
    expect(page.locator("#start-error")).to_contain_text("Los datos no son JSON")
    page.fill("#data", "[1]")
    page.click("#start")
    expect(page.locator("#start-error")).to_contain_text("un objeto JSON")
    assert discovery.executions() == []
    connect(page, "http://127.0.0.1:9")
    expect(page.locator("#server-state")).to_contain_text("No se llega a http://127.0.0.1:9")
    connect(page, "file:///etc")
    expect(page.locator("#server-state")).to_contain_text("debe empezar por http")


def test_a_narrow_window_has_room_for_all(page: Page) -> None:
    page.set_viewport_size({"width": 380, "height": 800})
    page.click("#start")
    expect(page.locator("#status")).to_have_text("completada")
    picture(page, "narrow")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_all_workflows_can_be_chosen_however_many_there_are(page: Page, discovery: Discovery) -> None:
    discovery.fill_with_workflows(101)
    connect(page, discovery.url)
    expect(page.locator("#workflow option")).to_have_count(102)
    page.select_option("#workflow", label="Último")
    page.click("#start")
    expect(page.locator("#name")).to_have_text("Último")
    expect(page.locator("#status")).to_have_text("completada")

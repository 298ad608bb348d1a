import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import Viewer
from playwright.sync_api import Locator, Page, expect
from server import Discovery
from service import Service

ONE_AT_A_TIME = {"DISCOVERY_CALLS_PER_HANDLER_MAX": "1", "DISCOVERY_ADMIN_INTERVAL_SECONDS": "0.1"}


@pytest.fixture
def narrow_door(tmp_path: Path, service: Service) -> Iterator[Discovery]:
    """A server that opens one call to a handler at a time."""
    discovery = Discovery(tmp_path, service.url, **ONE_AT_A_TIME)
    yield discovery
    discovery.kill()


def row(page: Page, actor: str) -> Locator:
    return page.locator(f'.actor-row[data-key="{actor}"]')


def order(page: Page) -> list[str]:
    return list(page.locator(".actor-row").evaluate_all("rows => rows.map(row => row.dataset.key)"))


def tile(page: Page, name: str) -> Locator:
    return page.locator(f'[data-tile="{name}"] .tile-value')


def test_a_running_execution_and_who_watches_are_seen_live(
    narrow_door: Discovery, viewers: Callable[..., Viewer], service: Service
) -> None:
    page = viewers(narrow_door).open("#/actors")
    expect(page.locator("#connection")).to_have_text("Live")
    expect(row(page, "registry")).to_contain_text("Running")
    expect(page.locator(".actor-row .cell-actor").last).to_contain_text("websocket-")
    expect(tile(page, "live")).to_have_text("0")
    execution_id = narrow_door.begin(narrow_door.workflow("Alta de Cliente", "puerta_uno"))
    expect(row(page, execution_id)).to_contain_text("Calling the worker")
    expect(tile(page, "live")).to_have_text("1")
    expect(tile(page, "calls")).to_have_text("1")
    expect(page.locator(".handlers").get_by_role("row", name="puerta_uno")).to_contain_text("1")
    expect(tile(page, "stuck")).to_have_text("0")
    row(page, execution_id).locator("a").click()
    detail = page.get_by_role("region", name="One actor")
    expect(detail.get_by_role("row", name="committed").first).to_contain_text(re.compile("µs|ms"))
    expect(detail.locator(".detail-facts")).to_contain_text("sent at")
    expect(detail.get_by_role("heading", name="One actor")).to_be_focused()
    page.keyboard.press("Escape")
    expect(detail).to_have_count(0)
    expect(row(page, execution_id).locator("a")).to_be_focused()
    page.keyboard.press("Enter")
    detail.get_by_role("link", name="Open the execution").click()
    page.wait_for_url(f"**/monitor#/executions/{execution_id}")
    page.go_back()
    expect(detail).to_be_visible()
    service.one.answer(execution_id)
    expect(row(page, execution_id)).to_have_count(0)


def test_a_stuck_execution_stands_out_and_says_why(
    narrow_door: Discovery, viewers: Callable[..., Viewer], service: Service
) -> None:
    patient = narrow_door.begin(narrow_door.workflow("Paciente", "puerta_uno"))
    service.one.until_called(patient)
    page = viewers(narrow_door).open("#/actors")
    expect(row(page, patient)).to_be_visible()
    step = {"name": "Puerta", "handler": "puerta_uno", "timeout_seconds": 0.2}
    hasty = narrow_door.begin(narrow_door.post("/workflows", {"name": "Impaciente", "steps": [step]}))
    stuck = page.locator(".is-stuck")
    expect(stuck).to_have_count(1)
    expect(stuck.locator(".badge-stuck")).to_have_text("Stuck")
    expect(stuck.locator(".badge-stuck .icon-stuck")).to_be_visible()
    assert order(page)[0] == hasty
    expect(tile(page, "stuck")).to_have_text("1")
    expect(page.locator("#announcements")).to_have_text("One execution is stuck.")
    page.get_by_label("Only stuck ones").check()
    expect(page.locator(".actor-row")).to_have_count(1)
    stuck.get_by_role("link").click()
    why = page.get_by_role("group", name="Why it is not moving")
    expect(why).to_contain_text("for its turn")
    expect(page.locator(".detail-facts")).to_contain_text("waits for its turn since")
    service.one.answer(patient)
    service.one.answer(hasty)
    expect(page.locator(".empty")).to_have_text("No live actor matches this filter.")
    expect(tile(page, "stuck")).to_have_text("0")


def test_an_actor_is_restarted_and_another_leaves_the_memory(
    narrow_door: Discovery, viewers: Callable[..., Viewer], service: Service
) -> None:
    calling = narrow_door.begin(narrow_door.workflow("Alta de Cliente", "puerta_uno"))
    waiting = narrow_door.begin(narrow_door.workflow("A mano", "puerta_dos", mode="manual"))
    service.one.until_called(calling)
    viewer = viewers(narrow_door)
    viewer.allow("409", "404")
    page = viewer.open(f"#/actors?actor={calling}")
    dialog = page.get_by_role("dialog")

    def press(name: str) -> None:
        page.locator(".detail").get_by_role("button", name=name).click()
        expect(dialog).to_be_visible()
        dialog.get_by_role("button", name=name).click()

    with ThreadPoolExecutor(1) as others:
        called_again = others.submit(service.one.until_called_again, calling)
        press("Restart")
        expect(page.locator(".detail .done")).to_have_text("A new actor was started from the log.")
        called_again.result()
    press("Take out of memory")
    expect(dialog.get_by_role("alert")).to_contain_text("has something to do")
    dialog.get_by_role("button", name="Back").click()
    row(page, waiting).locator("a").click()
    press("Take out of memory")
    expect(page.locator(".detail .done")).to_contain_text("The actor has left the memory.")
    expect(row(page, waiting)).to_have_count(0)
    service.one.answer(calling)
    narrow_door.until_status(calling, "completed")
    narrow_door.post(f"/executions/{waiting}/cancel")
    assert narrow_door.status(waiting)["status"] == "cancelled"


def test_filters_and_the_order_stand_in_the_address(
    narrow_door: Discovery, viewers: Callable[..., Viewer], service: Service
) -> None:
    older = narrow_door.begin(narrow_door.workflow("A mano", "puerta_dos", mode="manual"))
    newer = narrow_door.begin(narrow_door.workflow("Alta de Cliente", "puerta_uno"))
    service.one.until_called(newer)
    page = viewers(narrow_door).open("#/actors")
    page.get_by_role("navigation", name="By kind").get_by_role("link", name="Executions").click()
    expect(page.locator(".actor-row")).to_have_count(2)
    head = page.get_by_role("columnheader", name="Age", exact=True)
    for way, ids in [("descending", [older, newer]), ("ascending", [newer, older])]:
        head.get_by_role("button").click()
        expect(head).to_have_attribute("aria-sort", way)
        expect(page.locator(".actor-row").first).to_have_attribute("data-key", ids[0])
        assert order(page) == ids
    head.get_by_role("button").click()
    expect(head).not_to_have_attribute("aria-sort", re.compile("."))
    page.get_by_label("State", exact=True).select_option("Waiting for a person")
    expect(page.locator(".actor-row")).to_have_count(1)
    assert page.url.endswith("#/actors?kind=execution&state=waiting_for_next")
    page.reload()
    expect(row(page, older)).to_be_visible()
    expect(page.locator(".actor-row")).to_have_count(1)
    page.get_by_role("navigation", name="By kind").get_by_role("link", name="Sessions").click()
    expect(page.locator(".actor-row").first).to_contain_text("websocket-")
    service.one.answer(newer)


def test_without_a_websocket_the_page_asks_again_and_again_and_says_so(
    narrow_door: Discovery, viewers: Callable[..., Viewer], service: Service
) -> None:
    viewer = viewers(narrow_door, locale="es-ES")
    viewer.allow("WebSocket")
    viewer.page.add_init_script("window.WebSocket = class { constructor() { throw new Error('blocked'); } };")
    page = viewer.open("#/actors")
    expect(page.locator("#connection")).to_have_text("Se actualiza cada 2 s")
    expect(page.locator("#actors-fallback")).to_contain_text("no se puede abrir un WebSocket")
    execution_id = narrow_door.begin(narrow_door.workflow("Alta de Cliente", "puerta_uno"))
    expect(row(page, execution_id)).to_contain_text("Llama al servicio")
    page.get_by_label("Estado", exact=True).select_option("En pausa")
    expect(page.locator(".actor-row")).to_have_count(0)
    service.one.answer(execution_id)


def test_the_page_comes_back_when_the_server_does(
    narrow_door: Discovery, viewers: Callable[..., Viewer], service: Service
) -> None:
    execution_id = narrow_door.begin(narrow_door.workflow("A mano", "puerta_uno", mode="manual"))
    viewer = viewers(narrow_door, viewport={"width": 390, "height": 800})
    viewer.allow("WebSocket", "ERR_CONNECTION_REFUSED")
    page = viewer.open("#/actors")
    expect(row(page, execution_id)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    narrow_door.kill()
    expect(page.locator("#connection")).to_contain_text("Connection lost")
    narrow_door.start()
    expect(page.locator("#connection")).to_have_text("Live")
    page.get_by_label("Sort by").select_option("Age")
    assert page.url.endswith("sort=-age_seconds")

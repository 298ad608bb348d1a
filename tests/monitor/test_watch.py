import base64
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import Viewer
from pages import PDF, add_example, expect_state, overall_bar, shown_seqs, step, step_bar, until_log_is_whole
from playwright.sync_api import APIResponse, Route, WebSocketRoute, expect
from server import Discovery, until
from service import Service

NO_EVENT_SOURCE = "window.EventSource = class extends EventTarget { constructor() { super();" \
    " setTimeout(() => this.dispatchEvent(new Event('error')), 0); } close() {} };"
NO_WEB_SOCKET = "window.WebSocket = class extends EventTarget { constructor() { super();" \
    " setTimeout(() => this.dispatchEvent(Object.assign(new Event('close'), { code: 1006, reason: '' })), 0); }" \
    " close() {} };"
"""How it looks to a page when something on the way lets no upgrade, and no stream, through."""

WAYS = {
    "ws": ("", "Live"),
    "sse": (NO_WEB_SOCKET, "Live, by event stream"),
    "poll": (NO_WEB_SOCKET + NO_EVENT_SOURCE, "Updates every second"),
}


@pytest.mark.parametrize("way", WAYS)
def test_bars_move_by_each_way_that_events_can_come(
    discovery: Discovery, viewer: Viewer, service: Service, way: str
) -> None:
    script, words = WAYS[way]
    workflow = discovery.workflow("Alta de Cliente", "al_instante", "puerta_uno")
    execution_id = discovery.begin(workflow)
    service.one.until_called(execution_id)
    if script:
        viewer.page.add_init_script(script)
    page = viewer.open(f"#/executions/{execution_id}")
    expect(page.locator("#connection")).to_have_text(words)
    bar = step_bar(page, "Puerta uno")
    expect(bar).not_to_have_attribute("aria-valuenow", re.compile("."))
    for percentage, overall in [(25, "62"), (50, "75"), (80, "90")]:
        service.one.report(
            execution_id, percentage, message=f"hoja {percentage}", current_task="leer", estimated_remaining_seconds=90
        )
        expect(bar).to_have_attribute("aria-valuenow", str(percentage))
        expect(overall_bar(page)).to_have_attribute("aria-valuenow", overall)
        expect(step(page, "Puerta uno")).to_contain_text(f"hoja {percentage}")
    expect(step(page, "Puerta uno")).to_contain_text("leer")
    expect(step(page, "Puerta uno")).to_contain_text("about 1 min 30 s left")
    service.one.answer(execution_id, leido=True)
    expect_state(page, "Completed")
    until_log_is_whole(page, discovery, execution_id)
    expect(page.locator("#connection")).to_contain_text("the log is complete")
    assert page.locator(".timeline-bar").count() == 2


@pytest.mark.parametrize("way", WAYS)
def test_after_a_kill_and_a_restart_of_the_server_nothing_is_missing(
    discovery: Discovery, viewer: Viewer, service: Service, way: str
) -> None:
    script, words = WAYS[way]
    viewer.allow("ERR_CONNECTION", "ERR_INCOMPLETE", "WebSocket connection", "ERR_EMPTY_RESPONSE", "ERR_SOCKET")
    execution_id = discovery.begin(discovery.workflow("Alta de Cliente", "puerta_uno", "puerta_dos"))
    if script:
        viewer.page.add_init_script(script)
    page = viewer.open(f"#/executions/{execution_id}")
    expect(page.locator("#connection")).to_have_text(words)
    service.one.until_called(execution_id)
    service.one.report(execution_id, 30, message="antes")
    expect(step_bar(page, "Puerta uno")).to_have_attribute("aria-valuenow", "30")
    discovery.kill()
    service.one.forget(execution_id)
    expect(page.locator("#connection")).to_contain_text("Connection lost")
    expect(page.locator("#announcements")).to_contain_text("connection to the server is lost")
    discovery.start()
    expect(page.locator("#connection")).to_have_text(words)
    # The call that was open is delivered again.
    service.one.until_called(execution_id)
    service.one.report(execution_id, 70, message="después")
    expect(step_bar(page, "Puerta uno")).to_have_attribute("aria-valuenow", "70")
    service.one.answer(execution_id)
    service.two.answer(execution_id)
    expect_state(page, "Completed")
    until_log_is_whole(page, discovery, execution_id)


def test_a_report_that_comes_while_an_older_status_is_under_way_is_not_lost(
    discovery: Discovery, viewer: Viewer, service: Service
) -> None:
    execution_id = discovery.begin(discovery.workflow("Alta de Cliente", "puerta_uno"))
    service.one.until_called(execution_id)
    held: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        if len(held) < 1:
            held.append((route, route.fetch()))
        else:
            route.continue_()

    page = viewer.open(f"#/executions/{execution_id}")
    expect(page.locator("#connection")).to_have_text("Live")
    expect(page.locator(".log-list > li")).to_have_count(2)
    page.route(re.compile("/status$"), hold)
    with page.expect_request(re.compile("/status$")):
        discovery.http.patch(f"/executions/{execution_id}/properties", json={"custom_status": "a"}).raise_for_status()
    service.one.report(execution_id, 35)
    expect(page.locator(".log-list > li")).to_have_count(4)
    [(route, answer)] = held
    route.fulfill(response=answer)
    expect(page.locator(".custom-status")).to_have_text("a")
    expect(step_bar(page, "Puerta uno")).to_have_attribute("aria-valuenow", "35")
    service.one.answer(execution_id)
    expect_state(page, "Completed")


def test_a_reload_in_the_middle_shows_what_was_there_and_goes_on(
    discovery: Discovery, viewer: Viewer, service: Service
) -> None:
    execution_id = discovery.begin(discovery.workflow("Alta de Cliente", "puerta_uno"))
    page = viewer.open(f"#/executions/{execution_id}")
    service.one.report(execution_id, 45, message="a medias")
    expect(step_bar(page, "Puerta uno")).to_have_attribute("aria-valuenow", "45")
    page.reload()
    expect(step_bar(page, "Puerta uno")).to_have_attribute("aria-valuenow", "45")
    expect(step(page, "Puerta uno")).to_contain_text("a medias")
    service.one.answer(execution_id)
    expect_state(page, "Completed")
    until_log_is_whole(page, discovery, execution_id)


def test_a_socket_that_breaks_again_and_again_loses_and_repeats_nothing(
    discovery: Discovery, viewer: Viewer, service: Service
) -> None:
    def cut(route: WebSocketRoute) -> None:
        server = route.connect_to_server()
        passed = 0

        def forward(message: str | bytes) -> None:
            nonlocal passed
            passed += 1
            if passed > 4:
                route.close(code=1011)
                server.close()
                return
            route.send(message)

        server.on_message(forward)

    viewer.page.route_web_socket(re.compile("/ws/"), cut)
    execution_id = discovery.begin(discovery.workflow("Muchos", *["puerta_uno"]))
    page = viewer.open(f"#/executions/{execution_id}")
    for percentage in range(10, 100, 10):
        service.one.report(execution_id, percentage)
        expect(step_bar(page, "Puerta uno")).to_have_attribute("aria-valuenow", str(percentage))
    service.one.answer(execution_id)
    expect_state(page, "Completed")
    until_log_is_whole(page, discovery, execution_id)


def test_the_link_shows_somebody_else_the_same_execution(
    discovery: Discovery, viewers: Callable[..., Viewer], service: Service
) -> None:
    execution_id = discovery.begin(discovery.workflow("Alta de Cliente", "puerta_uno"))
    first = viewers(discovery)
    first.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = first.open()
    page.get_by_role("link", name="Alta de Cliente").click()
    page.get_by_role("button", name="Copy the link").click()
    expect(page.locator("#copy-link")).to_have_text("Link copied")
    link = page.evaluate("() => navigator.clipboard.readText()")
    assert link.endswith(f"/monitor#/executions/{execution_id}")
    second = viewers(discovery, locale="es-ES").page
    second.goto(link)
    service.one.report(execution_id, 55)
    for one in (page, second):
        expect(step_bar(one, "Puerta uno")).to_have_attribute("aria-valuenow", "55")
    expect_state(second, "En marcha")
    service.one.answer(execution_id)
    expect_state(page, "Completed")
    expect_state(second, "Completado")


def test_an_unknown_execution_is_said_to_be_unknown(discovery: Discovery, viewer: Viewer) -> None:
    viewer.allow("404")
    page = viewer.open("#/executions/00000000-0000-7000-8000-000000000000")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such execution")
    page = viewer.open("#/nowhere")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")


def test_a_long_log_is_shown_from_its_end_and_older_events_on_demand(
    discovery: Discovery, viewer: Viewer, service: Service
) -> None:
    execution_id = discovery.begin(discovery.workflow("Alta de Cliente", "puerta_uno"))
    service.one.until_called(execution_id)

    def change(number: int) -> None:
        patch = {"custom_status": f"parte {number}"}
        discovery.http.patch(f"/executions/{execution_id}/properties", json=patch).raise_for_status()

    with ThreadPoolExecutor(8) as clients:
        list(clients.map(change, range(1_110)))
    last = discovery.status(execution_id)["last_seq"]
    assert last > 1_100
    page = viewer.open(f"#/executions/{execution_id}")
    expect(page.locator(f".log-list > li[data-seq='{last}']")).to_be_visible()
    assert shown_seqs(page) == list(range(last - 499, last + 1))
    page.get_by_role("button", name="Show earlier ones").click()
    expect(page.locator(f".log-list > li[data-seq='{last - 699}']")).to_have_count(1)
    page.get_by_role("button", name="Show earlier ones").click()
    expect(page.locator(f".log-list > li[data-seq='{last - 899}']")).to_have_count(1)
    page.get_by_role("button", name="Show earlier ones").click()
    # The page keeps a thousand: it is held, and the newest are let go.
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    seqs = shown_seqs(page)
    assert seqs == list(range(last - 1_099, last - 99))
    service.one.report(execution_id, 50)
    expect(page.get_by_role("button", name="Go on (one new)")).to_be_visible()
    page.get_by_role("button", name="Go on (one new)").click()
    expect(page.locator(f".log-list > li[data-seq='{last + 1}']")).to_be_visible()
    seqs = shown_seqs(page)
    assert seqs == list(range(last - 998, last + 2))
    service.one.answer(execution_id)
    expect_state(page, "Completed")


def test_the_log_is_filtered_held_and_opened(discovery: Discovery, viewer: Viewer, service: Service) -> None:
    execution_id = discovery.begin(discovery.workflow("Alta de Cliente", "al_instante", "puerta_uno"))
    page = viewer.open(f"#/executions/{execution_id}")
    service.one.report(execution_id, 10, message="<img src=x onerror=alert(1)>")
    rows = page.locator(".log-list > li:visible")
    expect(rows).to_have_count(5)
    expect(rows.last).to_contain_text("<img src=x onerror=alert(1)>")
    page.get_by_label("Progress reports").uncheck()
    expect(rows).to_have_count(4)
    page.get_by_label("Filter").fill("al instante")
    expect(rows).to_have_count(2)
    page.get_by_label("Filter").fill("")
    page.get_by_label("Progress reports").check()
    page.get_by_role("button", name="Hold the log").click()
    service.one.report(execution_id, 20)
    expect(page.get_by_role("button", name="Go on (one new)")).to_be_visible()
    assert len(shown_seqs(page)) == 5
    page.get_by_role("button", name="Go on (one new)").click()
    expect(rows).to_have_count(6)
    rows.first.locator("summary").click()
    expect(rows.first.locator("pre")).to_contain_text('"event": "workflow_started"')
    assert json.loads(rows.first.locator("pre").inner_text())["seq"] == 1
    service.one.answer(execution_id)
    expect_state(page, "Completed")
    until_log_is_whole(page, discovery, execution_id)


def test_the_context_opens_as_a_tree_and_gives_its_documents_back(
    discovery: Discovery, viewer: Viewer, service: Service
) -> None:
    document = PDF.read_bytes() * 8
    data = {
        "base64": base64.b64encode(document).decode(), "nombre_documento": "ocho.pdf", "cliente": {"nombre": "<b>Ana</b>"},
        "lineas": list(range(250)),
    }  # fmt: skip
    execution_id = discovery.begin(discovery.workflow("Alta de Cliente", "puerta_uno"), data=data)
    page = viewer.open(f"#/executions/{execution_id}")
    tree = page.locator(".tree")
    tree.locator("> li > details > summary", has_text="cliente").click()
    expect(tree).to_contain_text("<b>Ana</b>")
    tree.locator("> li > details > summary", has_text="lineas").click()
    expect(tree.get_by_role("button", name="150 more")).to_be_visible()
    with page.expect_download() as download:
        tree.get_by_role("button", name="Download ocho.pdf").first.click()
    assert download.value.suggested_filename == "ocho.pdf"
    assert download.value.path().read_bytes() == document
    with page.expect_download() as download:
        tree.get_by_role("link", name="Download as text").first.click()
    assert download.value.path().read_text() == data["base64"]
    service.one.answer(execution_id)


def test_a_failed_execution_says_why_in_plain_words(discovery: Discovery, viewer: Viewer) -> None:
    add_example(discovery)
    execution_id = discovery.begin({"id": "123e4567-e89b-12d3-a456-426614174000"}, data={"base64": "JVBERi0xLjQK"})
    discovery.until_status(execution_id, "failed")
    page = viewer.open(f"#/executions/{execution_id}")
    expect_state(page, "Failed")
    expect(page.locator(".facts .failure")).to_contain_text("El PDF no se puede leer")
    expect(step(page, "Validación Usuario")).to_contain_text("El PDF no se puede leer")
    table = page.locator(".timeline-table")
    table.locator("summary").click()
    expect(table.locator("tbody tr")).to_have_count(2)
    expect(table.locator("tbody tr").last).to_contain_text("Failed")


def test_a_workflow_that_was_deleted_and_one_that_changed_show_the_steps_that_were_entered(
    discovery: Discovery, viewer: Viewer, service: Service
) -> None:
    workflow = discovery.workflow("Alta de Cliente", "al_instante", "puerta_uno", "puerta_dos")
    execution_id = discovery.begin(workflow)
    service.one.until_called(execution_id)
    discovery.http.patch(f"/workflows/{workflow['id']}", json={"name": "Otro nombre"}).raise_for_status()
    page = viewer.open(f"#/executions/{execution_id}")
    expect(page.locator(".step")).to_have_count(2)
    expect(page.locator(".execution")).to_contain_text("One more step has not been entered.")
    service.one.answer(execution_id)
    service.two.answer(execution_id)
    expect_state(page, "Completed")
    expect(page.locator(".step")).to_have_count(3)



LEAVES_AT_ONCE = """const Real = window.WebSocket;
window.opened = 0;
window.WebSocket = class extends Real {
    constructor(url) {
        super(url);
        window.opened += 1;
        setTimeout(() => { location.hash = "#/start"; }, 0);
    }
};"""
"""A person who leaves each page before its socket has opened."""


def test_whoever_leaves_before_the_socket_has_opened_causes_no_error(discovery: Discovery, viewer: Viewer) -> None:
    execution_id = discovery.begin(discovery.workflow("Alta de Cliente", "puerta_uno"))
    viewer.page.add_init_script(LEAVES_AT_ONCE)
    page = viewer.open()
    for number in range(1, 6):
        expect(page.get_by_role("heading", level=1)).to_have_text("Start a workflow")
        assert page.evaluate("window.opened") == number
        page.evaluate("id => { location.hash = `#/executions/${id}`; }", execution_id)
    expect(page.get_by_role("heading", level=1)).to_have_text("Start a workflow")
    # The server tells of nobody who is left behind.
    until(lambda: discovery.get("/admin/stats")["sessions"]["websockets"] == 0, "all sockets are closed")

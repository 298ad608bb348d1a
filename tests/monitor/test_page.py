"""What the page is made of."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from conftest import Viewer
from pages import PDF, add_example, execution_of, expect_state
from playwright.sync_api import expect
from server import Discovery
from service import Service


@pytest.mark.parametrize("path", ["/monitor", "/monitor/", "/discovery/monitor", "/discovery/monitor/"])
def test_it_works_below_a_base_path_with_and_without_a_slash_at_the_end(
    tmp_path: Path, service: Service, viewers: Callable[..., Viewer], path: str
) -> None:
    discovery = Discovery(tmp_path, service.url, "/discovery")
    try:
        add_example(discovery)
        viewer = viewers(discovery)
        page = viewer.page
        page.goto(f"{discovery.url}{path}")
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Start a workflow").click()
        page.locator("#drop-file").set_input_files(PDF)
        page.get_by_role("button", name="Start", exact=True).click()
        execution_of(page)
        expect_state(page, "Completed")
        page.reload()
        expect_state(page, "Completed")
        viewer.page.goto("about:blank")
    finally:
        discovery.kill()


def test_a_browser_is_led_to_it(discovery: Discovery, viewer: Viewer) -> None:
    viewer.page.goto(discovery.url)
    expect(viewer.page.get_by_role("heading", level=1)).to_have_text("Executions")
    assert viewer.page.url.startswith(f"{discovery.url}/monitor")


def test_it_allows_nothing_inline_and_nothing_from_elsewhere(discovery: Discovery, viewer: Viewer) -> None:
    policy = httpx.get(f"{discovery.url}/monitor").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    viewer.allow("Content Security Policy", "Executing inline script", "TrustedHTML", "TrustedScript")
    page = viewer.open()
    ran = page.evaluate(
        """() => {
        const script = document.createElement("script");
        try { script.textContent = "window.ran = true"; document.body.append(script); } catch {}
        try { document.body.innerHTML += "<img src=x onerror='window.ran = true'>"; } catch {}
        return window.ran === true;
    }"""
    )
    assert not ran


def test_it_has_landmarks_one_first_heading_and_names_for_all_that_can_be_pressed(
    discovery: Discovery, viewer: Viewer, service: Service
) -> None:
    execution_id = discovery.begin(discovery.workflow("Alta de Cliente", "al_instante", "puerta_uno"))
    service.one.until_called(execution_id)
    for fragment in ["", "#/start", f"#/executions/{execution_id}"]:
        page = viewer.open(fragment)
        page.reload()
        page.get_by_role("heading", level=1).wait_for()
        if execution_id in fragment:
            page.locator(".step").first.wait_for()
        for role in ("banner", "main"):
            expect(page.get_by_role(role)).to_have_count(1)
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        nameless = page.evaluate(
            """() => [...document.querySelectorAll("button, a, input, select, textarea, [role=progressbar]")].filter((one) =>
            !(one.getAttribute("aria-label") || one.labels?.[0]?.textContent || one.textContent.trim()
              || document.getElementById(one.getAttribute("aria-labelledby"))?.textContent)).map((one) => one.outerHTML)"""
        )
        assert not nameless
        twice = page.evaluate(
            "() => { const ids = [...document.querySelectorAll('[id]')].map(one => one.id);"
            " return ids.filter((id, place) => ids.indexOf(id) !== place) }"
        )
        assert not twice
    service.one.answer(execution_id)


LUMINANCE = """() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const parse = (color) => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => [r, g, b].map((part) => part / 255)
        .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
        .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
    const ground = (element) => {
        for (let one = element; one; one = one.parentElement) {
            const color = parse(getComputedStyle(one).backgroundColor);
            if (color[3] === 255) return color;
        }
        return [255, 255, 255, 255];
    };
    const poor = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.textContent.trim() || !element.checkVisibility() || element.closest("svg, .skip, [aria-disabled]")) continue;
        const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < 4.5) poor.push(`${walker.currentNode.textContent.trim()}: ${contrast.toFixed(2)} (${element.className})`);
    }
    return poor;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_from_its_ground_and_nothing_runs_out_of_a_narrow_page(
    discovery: Discovery, viewers: Callable[..., Viewer], service: Service, scheme: str
) -> None:
    workflow = discovery.workflow("Alta de Cliente", "al_instante", "puerta_uno", "puerta_dos")
    running, failed, paused = (discovery.begin(workflow, data={"nombre_documento": "x" * 90 + ".pdf"}) for _ in range(3))
    service.one.report(running, 40, message="palabra" * 40, current_task="leer", estimated_remaining_seconds=4)
    service.one.fail(failed, "No se puede leer." * 20, status=422)
    discovery.until_status(failed, "failed")
    service.one.until_called(paused)
    discovery.post(f"/executions/{paused}/pause")
    service.one.answer(paused)
    discovery.until_status(paused, "paused")
    viewer = viewers(discovery, color_scheme=scheme, viewport={"width": 320, "height": 700})
    for fragment in ["", "#/start", *(f"#/executions/{one}" for one in (running, failed, paused))]:
        page = viewer.open(fragment)
        if fragment.startswith("#/executions/"):
            expect(page.locator(".log-list > li").first).to_be_visible()
        else:
            expect(page.locator(".row, form option").first).to_be_attached()
        assert page.evaluate(LUMINANCE) == []
        wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{fragment} is {wide} px too wide"
    page = viewer.open(f"#/executions/{running}")
    expect(page.locator(".step-message").filter(has_text=re.compile("palabra"))).to_be_visible()
    service.one.answer(running)

"""What the tests look for on the page, and how they wait for it."""

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from server import Discovery, until

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PDF = EXAMPLES / "documento.pdf"
EXAMPLE = "123e4567-e89b-12d3-a456-426614174000"


def add_example(discovery: Discovery) -> dict[str, Any]:
    """Creates the example workflow."""
    yaml = (EXAMPLES / "workflows" / "procesamiento_de_documentos.yaml").read_bytes()
    discovery.http.put(
        f"/workflows/{EXAMPLE}", content=yaml, headers={"content-type": "application/yaml"}
    ).raise_for_status()
    return discovery.get(f"/workflows/{EXAMPLE}")


def step(page: Page, name: str) -> Locator:
    return page.locator(".step").filter(has_text=name)


def step_bar(page: Page, name: str) -> Locator:
    return page.get_by_role("progressbar", name=name, exact=True)


def overall_bar(page: Page) -> Locator:
    return page.locator(".overall").get_by_role("progressbar")


def expect_state(page: Page, words: str) -> None:
    expect(page.locator(".facts .badge-large")).to_have_text(words)


def shown_seqs(page: Page) -> list[int]:
    """The numbers of the events in the log, as they stand there."""
    found = page.locator(".log-list > li").evaluate_all("rows => rows.map(row => Number(row.dataset.seq))")
    return list(found)


def until_log_is_whole(page: Page, discovery: Discovery, execution_id: str) -> list[int]:
    """Waits until the page shows all events that the server has, each once and in order."""
    wanted = [event["seq"] for event in discovery.events(execution_id)]
    assert wanted == list(range(1, len(wanted) + 1))
    until(lambda: len(shown_seqs(page)) >= len(wanted), f"the log shows {len(wanted)} events")
    assert shown_seqs(page) == wanted
    return wanted


def execution_of(page: Page) -> str:
    """The execution that the address names."""
    page.wait_for_url(re.compile("/monitor/?#/executions/.+-"))
    return page.url.rsplit("/", 1)[1]

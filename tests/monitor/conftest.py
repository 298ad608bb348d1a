import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from server import PATIENCE_SECONDS, Discovery
from service import Service, serving

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
THIS_MACHINE = {"127.0.0.1", "localhost"}
WIDE = {"width": 1280, "height": 900}

expect.set_options(timeout=PATIENCE_SECONDS * 1000)


class Viewer:
    """A person with a browser. What their page complains of, and whom it asks, is looked at when the test ends."""

    def __init__(self, browser: Browser, base: str, **options: object) -> None:
        self._base = base
        self._complaints: list[str] = []
        self._allowed: list[str] = []
        self._hosts: set[str] = set()
        chosen = {"locale": "en-US", "viewport": WIDE, "accept_downloads": True, **options}
        self.context: BrowserContext = browser.new_context(**chosen)
        self.context.set_default_timeout(PATIENCE_SECONDS * 1000)
        self.context.on("request", self._asked)
        self.page = self.new_page()

    def new_page(self) -> Page:
        page = self.context.new_page()
        page.on("console", self._said)
        page.on("pageerror", lambda error: self._complaints.append(f"uncaught: {error}"))
        page.on("websocket", lambda socket: self._hosts.add(str(urlsplit(socket.url).hostname)))
        return page

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob"):
            self._hosts.add(str(parts.hostname))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._complaints.append(f"{message.text} ({message.location.get('url')})")

    def open(self, fragment: str = "") -> Page:
        self.page.goto(f"{self._base}/monitor{fragment}")
        return self.page

    def allow(self, *patterns: str) -> None:
        """Complaints that the test itself causes, such as by killing the server."""
        self._allowed += patterns

    def close(self) -> None:
        complaints = [one for one in self._complaints if not any(re.search(allowed, one) for allowed in self._allowed)]
        self.context.close()
        assert not complaints, complaints
        assert self._hosts <= THIS_MACHINE, self._hosts


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert program, "chromium is not installed"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    with serving() as service:
        yield service


@pytest.fixture
def discovery(tmp_path: Path, service: Service) -> Iterator[Discovery]:
    """A server with an empty database."""
    discovery = Discovery(tmp_path, service.url)
    yield discovery
    discovery.kill()


@pytest.fixture
def viewers(browser: Browser) -> Iterator[Callable[..., Viewer]]:
    """Makes people who watch; `viewers(discovery, locale="es-ES")`."""
    made: list[Viewer] = []

    def make(discovery: Discovery, **options: object) -> Viewer:
        made.append(Viewer(browser, discovery.url + discovery.base_path, **options))
        return made[-1]

    yield make
    for viewer in made:
        viewer.close()


@pytest.fixture
def viewer(viewers: Callable[..., Viewer], discovery: Discovery) -> Viewer:
    return viewers(discovery)

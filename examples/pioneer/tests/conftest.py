from collections.abc import Iterator

import httpx
import pytest

from pioneer import Registry, create_app, limits

from .servers import FakeDiscovery, serving


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REPORT_RETRY_SECONDS_FIRST", 0.001)
    monkeypatch.setattr(limits, "REPORT_RETRY_SECONDS_MAX", 0.01)


@pytest.fixture
def discovery(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDiscovery]:
    """One that acknowledges everything."""
    fake = FakeDiscovery([], hangs=False)
    monkeypatch.setenv("DISCOVERY_URL", fake.url + "/base/")
    yield fake
    fake.stop()


@pytest.fixture
def hanging_discovery() -> Iterator[FakeDiscovery]:
    """One that takes reports and keeps its answers back."""
    fake = FakeDiscovery([], hangs=True)
    yield fake
    fake.stop()


@pytest.fixture(scope="session")
def _service() -> Iterator[tuple[Registry, httpx.Client]]:
    registry = Registry()
    with serving(create_app(registry, service="test", body_bytes_max=64 * 1024 * 1024)) as client:
        yield registry, client


@pytest.fixture
def registry(_service: tuple[Registry, httpx.Client]) -> Registry:
    """One without steps."""
    _service[0]._steps.clear()
    return _service[0]


@pytest.fixture
def pioneer(_service: tuple[Registry, httpx.Client], registry: Registry) -> httpx.Client:
    """A service with the steps of `registry`."""
    return _service[1]

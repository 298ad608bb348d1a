import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import Discovery, Pioneer


@pytest.fixture
def pioneer() -> Iterator[Pioneer]:
    pioneer = Pioneer()
    yield pioneer
    pioneer.stop()


@pytest.fixture
def discovery(tmp_path: Path, pioneer: Pioneer) -> Iterator[Discovery]:
    discovery = Discovery(tmp_path, pioneer)
    yield discovery
    pioneer.gate.set()
    discovery.end(signal.SIGTERM)

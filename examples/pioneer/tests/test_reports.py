"""What steps report, and how it gets to Discovery."""

import asyncio
import datetime
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from pioneer import Accepted, Registry, StepFailed, create_app, report_completion, report_progress
from pioneer.delivery import deliveries

from .servers import EXECUTION, PATIENCE_SECONDS, FakeDiscovery, free_port, serving

Json = dict[str, Any]


def call(pioneer: httpx.Client, step: str, callback_url: str | None, token: str = "secret") -> httpx.Response:
    headers = {"Discovery-Execution-Id": EXECUTION, "Discovery-Step": step}
    if callback_url is not None:
        headers |= {"Discovery-Callback-Url": callback_url, "Discovery-Step-Token": token}
    return pioneer.post(f"/steps/{step}", json={"context": {"execution_id": EXECUTION}}, headers=headers)


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    yield
    assert deliveries.wait(PATIENCE_SECONDS)


def test_reports_arrive_before_the_answer_and_the_newest_is_last(
    registry: Registry, pioneer: httpx.Client, discovery: FakeDiscovery
) -> None:
    @registry.register("count")
    async def count(context: Json, config: Json) -> Json:
        for percentage in range(101):
            await report_progress(context["execution_id"], "count", {"percentage": percentage})
        await report_completion(context["execution_id"], "count", {"success": True, "data": {"n": 1}})
        return {}

    assert call(pioneer, "count", discovery.callback_url("Contar%20todo")).status_code == 200
    *_, progress, completion = discovery.received
    base = f"/discovery/executions/{EXECUTION}/steps/Contar%20todo"
    assert (progress.path, progress.body) == (base + "/progress", {"percentage": 100})
    assert (completion.path, completion.body) == (base + "/complete", {"success": True, "data": {"n": 1}})
    assert {report.token for report in discovery.received} == {"secret"}


def test_a_step_may_report_by_its_name_in_the_workflow(
    registry: Registry, pioneer: httpx.Client, discovery: FakeDiscovery
) -> None:
    @registry.register("ocr")
    def ocr(context: Json, config: Json) -> Json:
        report_progress(context["execution_id"], "Extracción", {"percentage": 1})
        return {}

    call(pioneer, "ocr", discovery.callback_url("Extracci%C3%B3n"))
    [report] = discovery.received
    assert (report.path.endswith("/steps/Extracci%C3%B3n/progress"), report.token) == (True, "secret")


def test_plain_steps_report_without_await_and_so_do_their_threads(
    registry: Registry, pioneer: httpx.Client, discovery: FakeDiscovery
) -> None:
    def elsewhere(execution_id: str) -> None:
        report_completion(execution_id, "plain", {"data": {"where": "thread"}})

    @registry.register("plain")
    def plain(context: Json, config: Json) -> Json:
        report_progress(context["execution_id"], "plain", {"percentage": 5})
        thread = threading.Thread(target=elsewhere, args=(context["execution_id"],))
        thread.start()
        thread.join()
        return {}

    @registry.register("mixed")
    async def mixed(context: Json, config: Json) -> Json:
        asyncio.create_task(report_progress(None, "mixed", {"percentage": 5}))  # noqa: RUF006
        await asyncio.gather(report_progress(context["execution_id"], "mixed", {"percentage": 6}))
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, report_completion, context["execution_id"], "mixed")
        return {}

    for step in ("plain", "mixed"):
        before = len(discovery.received)
        assert call(pioneer, step, discovery.callback_url(step)).status_code == 200
        received = discovery.received[before:]
        assert [report.path.rpartition("/")[2] for report in received][-1] == "complete"
        assert {report.token for report in received} == {"secret"}


def test_a_report_passes_for_a_coroutine(discovery: FakeDiscovery) -> None:
    asyncio.run(report_progress("e 1", "año/ñ", {"percentage": 5}))
    [report] = discovery.until_received(1)
    assert (report.path, report.token) == ("/base/executions/e%201/steps/a%C3%B1o%2F%C3%B1/progress", None)


def test_reports_that_belong_to_no_call_go_to_discovery_url(
    registry: Registry, pioneer: httpx.Client, discovery: FakeDiscovery
) -> None:
    @registry.register("a")
    async def a(context: Json, config: Json) -> Json:
        await report_progress("another", "a", {"percentage": 1})
        await report_progress(context["execution_id"], "another", {"percentage": 2})
        return {}

    @registry.register("without")
    async def without(context: Json, config: Json) -> Json:
        await report_progress(context["execution_id"], "without", {"percentage": 3})
        return {}

    call(pioneer, "a", discovery.callback_url("a"))
    discovery.until_received(2)
    call(pioneer, "without", None)
    # Flushed as well.
    received = [(report.path, report.token) for report in discovery.received]
    assert received[2] == (f"/base/executions/{EXECUTION}/steps/without/progress", None)
    assert set(received[:2]) == {
        ("/base/executions/another/steps/a/progress", None),
        (f"/base/executions/{EXECUTION}/steps/another/progress", None),
    }


def test_waiting_reports_are_replaced_while_one_is_on_its_way(
    registry: Registry, pioneer: httpx.Client, hanging_discovery: FakeDiscovery
) -> None:
    @registry.register("busy")
    def busy(context: Json, config: Json) -> Json:
        report_progress(None, "busy", {"percentage": 0})
        hanging_discovery.until_received(1)
        for percentage in range(1, 100):
            report_progress(None, "busy", {"percentage": percentage})
        hanging_discovery.let_go()
        return {}

    call(pioneer, "busy", hanging_discovery.callback_url("busy"))
    assert [report.body["percentage"] for report in hanging_discovery.received] == [0, 99]


def test_a_failing_step_has_its_reports_sent_too(
    registry: Registry, pioneer: httpx.Client, discovery: FakeDiscovery
) -> None:
    @registry.register("fails")
    async def fails(context: Json, config: Json) -> Json:
        await report_progress(context["execution_id"], "fails", {"percentage": 9})
        raise StepFailed("no")

    assert call(pioneer, "fails", discovery.callback_url("fails")).status_code == 422
    assert [report.body for report in discovery.received] == [{"percentage": 9}]


@pytest.mark.parametrize(("statuses", "tries"), [([503, 429, 200], 3), ([500] * 9, 3), ([409], 1), ([404], 1)])
def test_what_may_pass_is_sent_again_and_a_refused_report_is_not(
    registry: Registry, pioneer: httpx.Client, statuses: list[int], tries: int
) -> None:
    @registry.register("once")
    async def once(context: Json, config: Json) -> Json:
        await report_progress(context["execution_id"], "once", {"percentage": 1})
        return {}

    discovery = FakeDiscovery(statuses, hangs=False)
    assert call(pioneer, "once", discovery.callback_url("once")).status_code == 200
    assert len(discovery.received) == tries
    discovery.stop()


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/x", "nonsense", "ftp://x/y", "http://[::1", "http://%zz"])
def test_a_discovery_that_cannot_be_reached_does_not_fail_the_step(
    registry: Registry, pioneer: httpx.Client, url: str
) -> None:
    @registry.register("goes_on")
    async def goes_on(context: Json, config: Json) -> Json:
        await report_progress(context["execution_id"], "goes_on", {"percentage": 1})
        await report_completion(context["execution_id"], "goes_on", {})
        return {"done": True}

    answer = call(pioneer, "goes_on", url.format(port=free_port()))
    assert (answer.status_code, answer.json()) == (200, {"done": True})


def test_a_discovery_that_hangs_holds_the_step_no_longer_than_the_bound(
    registry: Registry, hanging_discovery: FakeDiscovery
) -> None:
    @registry.register("goes_on")
    async def goes_on(context: Json, config: Json) -> Json:
        await report_progress(context["execution_id"], "goes_on", {"percentage": 1})
        return {"done": True}

    with serving(create_app(registry, report_flush_seconds=0.05)) as pioneer:
        begin = time.monotonic()
        answer = call(pioneer, "goes_on", hanging_discovery.callback_url("goes_on"))
        assert time.monotonic() - begin < 2
    assert answer.json() == {"done": True}
    hanging_discovery.let_go()


class Unprintable:
    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize("odd", [Unprintable(), [Unprintable()], None, 7, "text"])
def test_odd_reports_never_raise(odd: Any) -> None:
    loop: list[Any] = []
    loop.append(loop)
    for fields in ({"percentage": 1, "custom_data": odd}, odd, {"percentage": 1, "custom_data": loop}):
        report_progress(None, "a", fields)
        report_completion(None, "a", fields)


def test_numbers_are_brought_into_their_bounds_and_the_rest_into_json(discovery: FakeDiscovery) -> None:
    given: list[tuple[Any, Any]] = [
        (-1, 0), (140.5, 100), (float("nan"), 0), (float("inf"), 100), (33.5, 33.5), ("12", 12.0), ("x", 0), (None, 0),
    ]  # fmt: skip
    for count, (percentage, sent) in enumerate(given, start=1):
        report_progress("e", str(count), {"percentage": percentage, "estimated_remaining_seconds": -1})
        assert discovery.until_received(count)[-1].body == {"percentage": sent}
    odd = {"when": datetime.date(2025, 8, 22), "n": float("inf"), "t": (1, {2}), 3: None}
    report_progress("e", "s", {"percentage": 1, "estimated_remaining_seconds": 2.5, "custom_data": odd})
    body = discovery.until_received(len(given) + 1)[-1].body
    assert body["estimated_remaining_seconds"] == 2.5
    assert body["custom_data"] == {"when": "2025-08-22", "n": None, "t": [1, [2]], "3": None}


def test_an_accepted_step_reports_after_its_answer_from_any_thread(
    registry: Registry, pioneer: httpx.Client, hanging_discovery: FakeDiscovery
) -> None:
    answered = threading.Event()

    def elsewhere(execution_id: str) -> None:
        assert answered.wait(PATIENCE_SECONDS)
        report_completion(execution_id, "later", {"context": {"n": 1}, "next": "end"})

    @registry.register("later")
    async def later(context: Json, config: Json) -> Accepted:
        await report_progress(context["execution_id"], "later", {"percentage": 1})
        threading.Thread(target=elsewhere, args=(context["execution_id"],)).start()
        return Accepted()

    # The answer waits for no report.
    assert call(pioneer, "later", hanging_discovery.callback_url("later")).status_code == 202
    answered.set()
    hanging_discovery.let_go()
    completion = hanging_discovery.until_received(2)[-1]
    assert (completion.body, completion.token) == ({"context": {"n": 1}, "next": "end"}, "secret")


def test_the_outcome_of_an_accepted_step_outlasts_a_restart_of_discovery(
    registry: Registry, pioneer: httpx.Client
) -> None:
    @registry.register("later")
    async def later(context: Json, config: Json) -> Accepted:
        return Accepted()

    discovery = FakeDiscovery([503] * 10, hangs=False)
    call(pioneer, "later", discovery.callback_url("later"))
    report_completion(EXECUTION, "later", {"data": {}})
    assert {report.token for report in discovery.until_received(11)} == {"secret"}
    assert deliveries.wait(PATIENCE_SECONDS)
    discovery.stop()


def test_a_report_after_the_answer_of_its_step_is_dropped(
    registry: Registry, pioneer: httpx.Client, discovery: FakeDiscovery
) -> None:
    answered, reported = threading.Event(), threading.Event()

    async def straggler(execution_id: str) -> None:
        await asyncio.to_thread(answered.wait, PATIENCE_SECONDS)
        await report_progress(execution_id, "ends", {"percentage": 99})
        reported.set()

    tasks = []

    @registry.register("ends")
    async def ends(context: Json, config: Json) -> Json:
        tasks.append(asyncio.create_task(straggler(context["execution_id"])))
        return {}

    call(pioneer, "ends", discovery.callback_url("ends"))
    answered.set()
    assert reported.wait(PATIENCE_SECONDS)
    assert deliveries.wait(PATIENCE_SECONDS)
    assert discovery.received == []


def test_reports_of_a_program_that_ends_are_sent_first(discovery: FakeDiscovery) -> None:
    program = "from pioneer import report_completion; report_completion('e', 's', {'success': True})"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=PATIENCE_SECONDS)
    assert [report.body for report in discovery.received] == [{"success": True}]

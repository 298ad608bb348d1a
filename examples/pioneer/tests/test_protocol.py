"""What Discovery sees of a Pioneer."""

import functools
import threading
from collections.abc import Awaitable
from typing import Any

import httpx
import pytest
from fastapi import HTTPException

from pioneer import Accepted, Registry, StepFailed, create_app

from .servers import serving

Json = dict[str, Any]


def call(pioneer: httpx.Client, step: str, context: Json | None = None, config: Json | None = None) -> httpx.Response:
    return pioneer.post(f"/steps/{step}", json={"step": step, "context": context, "config": config})


def test_a_step_gets_context_and_config_and_its_answer_goes_back(registry: Registry, pioneer: httpx.Client) -> None:
    @registry.register("echo")
    async def echo(context: Json, config: Json) -> Json:
        return {"context": {"got": context, "set": config}, "next": "Año nuevo"}

    answer = call(pioneer, "echo", {"a": [1, None, "ñ"]}, {"b": 2})
    assert answer.status_code == 200
    assert answer.json() == {"context": {"got": {"a": [1, None, "ñ"]}, "set": {"b": 2}}, "next": "Año nuevo"}


def test_synchronous_steps_run_in_threads_and_at_once(registry: Registry, pioneer: httpx.Client) -> None:
    both = threading.Barrier(2)

    @registry.register("meet")
    def meet(context: Json, config: Json) -> Json:
        both.wait(10)
        return {"thread": threading.current_thread().name}

    answers: list[Json] = []
    callers = [threading.Thread(target=lambda: answers.append(call(pioneer, "meet").json())) for _ in range(2)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert answers == [{"thread": "pioneer-step"}] * 2


def test_no_more_synchronous_steps_than_allowed_run_at_once(registry: Registry) -> None:
    lock = threading.Lock()

    @registry.register("alone")
    def alone(context: Json, config: Json) -> Json:
        alone_at_first = lock.acquire(blocking=False)
        # Somebody else would come in here.
        for _ in range(10_000):
            pass
        if alone_at_first:
            lock.release()
        return {"alone": alone_at_first}

    answers: list[Json] = []
    with serving(create_app(registry, sync_steps_max=1)) as pioneer:
        callers = [threading.Thread(target=lambda: answers.append(call(pioneer, "alone").json())) for _ in range(8)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    assert answers == [{"alone": True}] * 8


def test_whatever_can_be_called_can_be_a_step(registry: Registry, pioneer: httpx.Client) -> None:
    async def add(amount: int, context: Json, config: Json) -> Json:
        return {"sum": context["n"] + amount}

    class Multiply:
        async def __call__(self, context: Json, config: Json) -> Json:
            return {"product": context["n"] * 2}

    def handed_on(context: Json, config: Json) -> Awaitable[Json]:
        return add(3, context, config)

    registry.register("add")(functools.partial(add, 2))
    registry.register("multiply")(Multiply())
    registry.register("handed_on")(handed_on)
    assert call(pioneer, "add", {"n": 5}).json() == {"sum": 7}
    assert call(pioneer, "multiply", {"n": 5}).json() == {"product": 10}
    assert call(pioneer, "handed_on", {"n": 5}).json() == {"sum": 8}


def test_nothing_is_an_empty_object_and_accepted_is_a_202(registry: Registry, pioneer: httpx.Client) -> None:
    @registry.register("nothing")
    def nothing(context: Json, config: Json) -> None:
        pass

    @registry.register("later")
    async def later(context: Json, config: Json) -> Accepted:
        return Accepted()

    assert (call(pioneer, "nothing").status_code, call(pioneer, "nothing").json()) == (200, {})
    assert (call(pioneer, "later").status_code, call(pioneer, "later").json()) == (202, {})


def test_a_failed_step_is_a_problem(registry: Registry, pioneer: httpx.Client) -> None:
    @registry.register("fail")
    def fail(context: Json, config: Json) -> Json:
        raise StepFailed("Falta algo.", **context)

    answer = call(pioneer, "fail")
    assert answer.headers["content-type"] == "application/problem+json"
    problem = {"type": "StepFailed", "status": 422, "detail": "Falta algo."}
    assert problem.items() <= answer.json().items()
    answer = call(pioneer, "fail", {"type": "Busy", "status": 503, "retry_after": 1.2})
    assert (answer.status_code, answer.json()["type"], answer.headers["retry-after"]) == (503, "Busy", "2")
    assert answer.json()["title"] == "Service Unavailable"
    assert call(pioneer, "fail", {"status": 200}).status_code == 500


def test_any_exception_is_a_500_with_its_name_and_the_service_lives_on(
    registry: Registry, pioneer: httpx.Client
) -> None:
    class DiskFull(Exception):
        pass

    @registry.register("async_breaks")
    async def async_breaks(context: Json, config: Json) -> Json:
        try:
            raise OSError("no space")
        except OSError as error:
            raise DiskFull("cannot write") from error

    @registry.register("breaks")
    def breaks(context: Json, config: Json) -> Json:
        raise {"stop": StopIteration, "exit": SystemExit, "key": KeyError}[context["how"]]("x")

    @registry.register("refuses")
    def refuses(context: Json, config: Json) -> Json:
        raise HTTPException(409, "not now")

    answer = call(pioneer, "async_breaks")
    assert (answer.status_code, answer.json()["type"]) == (500, "DiskFull")
    assert answer.json()["detail"] == "cannot write: no space"
    assert call(pioneer, "breaks", {"how": "key"}).json()["type"] == "KeyError"
    assert call(pioneer, "breaks", {"how": "exit"}).json()["type"] == "SystemExit"
    assert call(pioneer, "breaks", {"how": "stop"}).status_code == 500
    answer = call(pioneer, "refuses")
    assert (answer.status_code, answer.json()["detail"]) == (409, "not now")


@pytest.mark.parametrize("result", [[1], "text", {"when": object()}, {"n": float("nan")}, {"text": "\ud800"}])
def test_what_is_no_json_object_is_an_invalid_answer(registry: Registry, pioneer: httpx.Client, result: Any) -> None:
    @registry.register("odd")
    async def odd(context: Json, config: Json) -> Json:
        return result  # type: ignore[no-any-return]

    answer = call(pioneer, "odd")
    assert (answer.status_code, answer.json()["type"]) == (500, "InvalidAnswer")


def test_an_unknown_handler_is_a_404_that_names_those_it_has(registry: Registry, pioneer: httpx.Client) -> None:
    @registry.register("Validación Usuario")
    def validate(context: Json, config: Json) -> Json:
        return {}

    for path in ("/steps/Validaci%C3%B3n%20Usuario", "/steps/Validaci%C3%B3n%20Usuario/"):
        assert pioneer.post(path, json={}).status_code == 200
    answer = call(pioneer, "nadie", {"document": "x" * 10_000_000})
    assert (answer.status_code, answer.json()["type"]) == (404, "UnknownHandler")
    assert answer.json()["detail"] == "This service has no step 'nadie'; it has: Validación Usuario."
    for answer in (pioneer.get("/elsewhere"), pioneer.delete("/steps")):
        assert answer.headers["content-type"] == "application/problem+json"


def test_the_steps_are_listed_from_their_docstrings(registry: Registry, pioneer: httpx.Client) -> None:
    @registry.register("b")
    def b(context: Json, config: Json) -> Json:
        """Lee el documento.

        Página a página.
        """
        return {}

    @registry.register("a")
    async def a(context: Json, config: Json) -> Json:
        return {}

    assert pioneer.get("/steps").json() == {
        "service": "test",
        "available_steps": [
            {"name": "a", "description": "", "full_doc": ""},
            {"name": "b", "description": "Lee el documento.", "full_doc": "Lee el documento.\n\nPágina a página."},
        ],
        "total_count": 2,
    }
    assert pioneer.get("/steps/").status_code == 200
    assert pioneer.get("/health").json() == {"status": "healthy", "service": "test"}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b'{"context": 1}', b'{"config": "x"}', b"[" * 200_000], ids=range(7)
)
def test_a_malformed_body_is_a_400(registry: Registry, pioneer: httpx.Client, body: bytes) -> None:
    @registry.register("a")
    def a(context: Json, config: Json) -> Json:
        return {}

    answer = pioneer.post("/steps/a", content=body)
    assert (answer.status_code, answer.json()["type"]) == (400, "MalformedBody")


def test_documents_of_many_megabytes_come_through_up_to_the_bound(registry: Registry, pioneer: httpx.Client) -> None:
    @registry.register("size")
    def size(context: Json, config: Json) -> Json:
        return {"size": len(context["base64"]), "again": context["base64"]}

    answer = call(pioneer, "size", {"base64": "QUJD" * 10_000_000})
    assert answer.json()["size"] == 40_000_000
    assert len(answer.content) > 40_000_000
    answer = call(pioneer, "size", {"base64": "QUJD" * 20_000_000})
    assert (answer.status_code, answer.json()["type"]) == (413, "BodyTooLarge")


def test_a_name_is_registered_once_and_has_to_fit_into_a_url() -> None:
    registry = Registry()

    def step(context: Json, config: Json) -> Json:
        return {}

    registry.register("ocr")(step)
    registry.register("ocr")(step)
    with pytest.raises(ValueError, match="registered already"):
        registry.register("ocr")(lambda context, config: {})
    for name in ("", ".", "..", "a/b", "a\nb", "x" * 129):
        with pytest.raises(ValueError, match="cannot name a step"):
            registry.register(name)
    with pytest.raises(TypeError, match="by its name"):
        registry.register(step)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="context, config"):
        registry.register("no")(lambda: {})  # type: ignore[type-var]

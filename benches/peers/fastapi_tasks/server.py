"""Serves a workflow of five steps as a small service does it: a task in memory, and rows that tell how it stands.

python server.py PORT DATABASE_URL PIONEER_URL

`POST /execute` answers when the execution has ended, `POST /execute-async` when it has begun. Each step is a call to
Pioneer between two commits. Nothing takes up an execution again that was running when the process ended.
"""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from sqlalchemy import JSON, DateTime, ForeignKey
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

STEPS = [f"step_{number}" for number in range(1, 6)]
# PostgreSQL's own default allows 100 connections.
DATABASE_CONNECTIONS = 50
# So that nothing fails because it has to wait.
PATIENCE_SECONDS = 60
PORT, DATABASE_URL, PIONEER_URL = sys.argv[1:]


def now() -> datetime:
    """Tell the time."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """What the tables have in common."""

    type_annotation_map = {datetime: DateTime(timezone=True), dict[str, Any]: JSON}  # noqa: RUF012


class Execution(Base):
    """One run of the workflow."""

    __tablename__ = "executions"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    status: Mapped[str] = mapped_column(default="running")
    context: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]


class StepExecution(Base):
    """One step of a run."""

    __tablename__ = "step_executions"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    execution_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("executions.id"), index=True)
    step: Mapped[str]
    status: Mapped[str] = mapped_column(default="running")
    output: Mapped[dict[str, Any] | None]
    started_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]


engine = create_async_engine(DATABASE_URL, pool_size=DATABASE_CONNECTIONS, pool_timeout=PATIENCE_SECONDS)
sessions = async_sessionmaker(engine, expire_on_commit=False)
pioneer = httpx.AsyncClient(base_url=PIONEER_URL, timeout=PATIENCE_SECONDS)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Make the tables."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await pioneer.aclose()
    await engine.dispose()


app = FastAPI(lifespan=lifespan)
# A task that nothing refers to may be thrown away before its end.
running: set[asyncio.Task[dict[str, Any]]] = set()


async def run(execution: Execution) -> dict[str, Any]:
    """Run the steps, one after the other."""
    context = execution.context
    for name in STEPS:
        async with sessions() as session:
            step = StepExecution(execution_id=execution.id, step=name)
            session.add(step)
            await session.commit()
        answer = await pioneer.post(f"/steps/{name}", json={"step": name, "context": context, "config": {}})
        answer.raise_for_status()
        output = answer.json()["context"]
        context = {**context, **output}
        async with sessions() as session:
            step.status, step.output, step.finished_at = "success", output, now()
            execution.context = context
            if name == STEPS[-1]:
                execution.status, execution.finished_at = "completed", now()
            session.add_all([step, execution])
            await session.commit()
    return {"id": str(execution.id), "status": execution.status, "context": context}


async def begin(data: dict[str, Any]) -> asyncio.Task[dict[str, Any]]:
    """Keep a new execution, and start its task."""
    async with sessions() as session:
        execution = Execution(context=data.get("data", {}))
        session.add(execution)
        await session.commit()
    task = asyncio.create_task(run(execution))
    running.add(task)
    task.add_done_callback(running.discard)
    return task


@app.post("/execute")
async def execute(data: dict[str, Any]) -> dict[str, Any]:
    """Start an execution and wait for its end."""
    return await (await begin(data))


@app.post("/execute-async")
async def execute_async(data: dict[str, Any]) -> dict[str, Any]:
    """Start an execution."""
    await begin(data)
    return {"status": "running"}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(PORT), log_level="warning")

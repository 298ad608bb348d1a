"""Serves one DBOS workflow of five steps that do nothing; `POST /run` answers when it has ended.

python server.py PORT DATABASE_URL
"""

import sys
from typing import Any

import uvicorn
from dbos import DBOS
from fastapi import FastAPI

STEPS = 5

app = FastAPI()


@DBOS.step()
async def nothing() -> None:
    """Do nothing."""


@DBOS.workflow()
async def bench(data: dict[str, Any]) -> dict[str, Any]:
    """Run the steps, one after the other."""
    for _ in range(STEPS):
        await nothing()
    return data


@app.post("/run")
async def run(data: dict[str, Any]) -> dict[str, Any]:
    """Run a workflow to its end."""
    return await bench(data)


def main() -> None:
    """Serve until a signal comes."""
    port, database = sys.argv[1:]
    DBOS(config={"name": "peer", "system_database_url": database, "log_level": "WARNING"})
    DBOS.launch()
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")
    DBOS.destroy()


if __name__ == "__main__":
    main()

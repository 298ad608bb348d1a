"""The command: see `--help`."""

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

from . import installing, machine, table
from .measuring import Plan, Rounds
from .postgres import Postgres
from .systems import JOURNAL_ALONE, NAMES, STEPS, SYSTEMS, System

EVERYTHING = [*NAMES, JOURNAL_ALONE]
# What `micro` is told, to measure the journal alone; the file that it writes is on the build's own disk.
JOURNAL_FLOOR = "journal-floor --seconds 3 --batch {in_flight}"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", installing.ROOT / "target"))
    parser = argparse.ArgumentParser(
        prog="benches/peers/run",
        description="Measures Discovery and its peers side by side.",
    )
    parser.add_argument("--only", default=",".join(EVERYTHING), help="what takes part (%(default)s)")
    parser.add_argument("--in-flight", default="1,64,500", help="the levels of load (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="each system has one turn in each (%(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=5, help="how long each level is measured in a turn (%(default)s)"
    )
    parser.add_argument("--warm-up-seconds", type=float, default=2, help="how long it runs before that (%(default)s)")
    parser.add_argument(
        "--foreign-max", type=float, default=0.1, metavar="SHARE", help="measure again above this (%(default)s)"
    )
    parser.add_argument("--minutes", type=float, default=15, help="measure nothing again beyond this (%(default)s)")
    parser.add_argument("--journal", metavar="COMMAND", help="measures the journal alone (`micro`, if built)")
    parser.add_argument("--discovery", type=Path, metavar="PROGRAM", help="use this one; with --load nothing is built")
    parser.add_argument("--load", type=Path, metavar="PROGRAM", help="the load driver to use")
    parser.add_argument(
        "--postgres",
        default="postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable",
        metavar="URL",
        help="where databases can be made (%(default)s)",
    )
    parser.add_argument(
        "--directory", type=Path, default=target / "peers", help="for what is installed and stored (%(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="lines for machines (DIRECTORY/results.jsonl)")
    return parser.parse_args()


def chosen(text: str) -> list[System]:
    """Tell the systems that are named."""
    names = text.split(",")
    if unknown := set(names) - set(EVERYTHING):
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(EVERYTHING)}")
    return [system for system in SYSTEMS if system.name in names]


def prepared(options: argparse.Namespace, systems: list[System]) -> installing.Programs:
    """Build and install what takes part."""
    directory = options.directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    discovery, load = options.discovery, options.load
    if not (discovery and load):
        built = installing.build_discovery()
        discovery, load = discovery or built["discovery"], load or built["load"]
        options.journal = options.journal or f"{built['micro']} {JOURNAL_FLOOR}"
    for install in dict.fromkeys(install for system in systems for install in system.install):
        install(directory)
    return installing.Programs(directory, discovery.resolve(), load.resolve())


def settings(plan: Plan, programs: installing.Programs, postgres: Postgres) -> dict[str, Any]:
    """Tell the versions and settings of everything."""
    told: dict[str, Any] = {
        "kind": "settings",
        "machine": {**machine.described(), "file system": machine.file_system(programs.directory)},
        "run": {
            "steps of a workflow": STEPS,
            "rounds": plan.rounds,
            "seconds": plan.seconds,
            "warm-up seconds": plan.warm_up_seconds,
        },
    }
    if any(system.uses_postgres for system in plan.systems):
        told["postgres"] = postgres.settings()
        told["postgres"]["file system"] = machine.file_system(told["postgres"]["data_directory"])
    for system in plan.systems:
        told[system.name] = {**system.versions(programs), **system.settings}
    return told


def ended(number: int, _: object) -> NoReturn:
    """End as by Ctrl-C, so that everything that was started is stopped."""
    raise SystemExit(128 + number)


def main() -> int:
    """Measure, print the tables, and answer the exit code."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ended)
    options = arguments()
    systems = chosen(options.only)
    try:
        programs = prepared(options, systems)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"not everything could be built and installed: {error}") from error
    plan = Plan(
        systems,
        [int(level) for level in options.in_flight.split(",")],
        options.rounds,
        options.seconds,
        options.warm_up_seconds,
        options.foreign_max,
        options.minutes,
        options.journal if JOURNAL_ALONE in options.only.split(",") else None,
    )
    postgres = Postgres(options.postgres)
    lines = [settings(plan, programs, postgres)]
    for name, values in lines[0].items():
        if isinstance(values, dict):
            print(name)
            for key, value in values.items():
                print(f"  {key}: {value}")
    print(f"about {plan.expected_seconds() / 60:.1f} minutes", file=sys.stderr, flush=True)
    with (options.json or programs.directory / "results.jsonl").open("w") as results:
        results.write(json.dumps(lines[0]) + "\n")
        for line in Rounds(plan, programs, postgres).measure():
            lines.append(line)
            results.write(json.dumps(line) + "\n")
            results.flush()
        results.writelines(json.dumps(summary) + "\n" for summary in table.summaries(lines))
    print(table.text(lines))
    return 1 if any("failed" in line for line in lines) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)

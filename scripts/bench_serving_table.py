"""What `scripts/bench-serving.sh` measured, as Markdown: a table of figures, and one of targets."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
from dataclasses import dataclass

from bench_table import Target, at_least, at_most, processor

OURS = "ours"
RELOADING = "ours, reloading every 100 ms"
BARE = "bare actix-web"
FLASK = "flask"
FASTAPI = "fastapi"


@dataclass(frozen=True)
class Load:
    """What is asked for, and over how many connections at once."""

    rows: int
    kind: str
    connections: int
    # What the client takes, where it says.
    accept: str | None = None

    def __str__(self) -> str:
        form = "JSON" if self.kind == "application/json" else "CSV"
        form += " → CSV" if self.accept else ""
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        many = "connection" if self.connections == 1 else "connections"
        return f"{rows} {form}, {self.connections} {many}"


LOADS = [
    Load(rows, kind, connections, accept)
    for rows, kind, accept, many in [
        (1, "application/json", None, 32),
        (1, "text/csv", None, 32),
        (100, "text/csv", None, 32),
        (10_000, "text/csv", None, 4),
        (10_000, "text/csv", "text/csv", 4),
    ]
    for connections in (1, many)
]


@dataclass(frozen=True)
class Run:
    """What one load came to."""

    rate: float
    p99_us: float
    grown_mib: float


# By load and who answered, one for each turn.
Result = dict[tuple[Load, str], list[Run]]


@dataclass(frozen=True)
class Streamed:
    rows: int
    seconds: float
    peak_mib: float


@dataclass(frozen=True)
class Single:
    """What is no matter of turns."""

    start_seconds: list[float]
    idle_mib: float
    streamed: Streamed


def show(
    results: Result,
    single: Single,
    versions: dict[str, str],
    cores: list[int],
    options: argparse.Namespace,
) -> None:
    """Prints all of it."""
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.split()[1]
    wrk = subprocess.run(["wrk", "--version"], capture_output=True, text=True).stdout.split()[1]
    named = {"rustc": rustc, "wrk": wrk, "Python": platform.python_version(), **versions}
    print(
        f"{options.turns} turns of {options.seconds:g} s each. {processor()}, server on core"
        f" {cores[0]}, client on core {cores[1]} of {os.cpu_count()}, load"
        f" {os.getloadavg()[0]:.1f} at the end.\n"
        f"{', '.join(f'{name} {version}' for name, version in named.items())}.\n"
    )
    print("| load | who | requests/s | times ours | rows/s | p99 |\n|---|---|---:|---:|---:|---:|")
    for (load, who), runs in results.items():
        rows = rate(runs) * load.rows
        share = over(runs, results[load, OURS], "rate")
        p99 = statistics.median(run.p99_us for run in runs) / 1000
        print(f"| {load} | {who} | {rate(runs):,.0f} | {share:.3f} | {rows:,.0f} | {p99:.2f} ms |")
    streamed = single.streamed
    print(
        f"\n1 GiB of CSV in and its answer out, {streamed.rows:,} rows: {streamed.seconds:.1f} s,"
        f" {streamed.rows / streamed.seconds:,.0f} rows/s."
    )
    print("\n| target | asked | found | met |\n|---|---:|---:|---|")
    for target in targets(results, single):
        print(target.line())


def targets(results: Result, single: Single) -> list[Target]:
    """Those of the issue; each ratio is the median over the turns of the two at the same load."""
    found: list[Target] = []
    for load in LOADS:
        ours = results[load, OURS]
        if load.rows == 1:
            bare = results[load, BARE]
            share = over(ours, bare, "rate")
            found.append(at_least(f"{load}: share of the bare server", share, 0.8))
            found.append(at_most(f"{load}: p99 beside it", over(ours, bare, "p99_us"), 1.5))
        if load.rows == 1 and load.connections > 1:
            found.append(beside_fastapi(results, load, 80))
        if load.rows == 10_000 and load.connections > 1:
            found.append(at_least(f"{load}: million rows/s", rate(ours) * load.rows / 1e6, 4))
            grown = statistics.median(run.grown_mib for run in ours)
            found.append(at_most(f"{load}: memory grown under load", grown, 1, " MiB"))
            if load.accept is None:
                found.append(beside_fastapi(results, load, 9))
        if load.connections > 1:
            reloading = over(results[load, RELOADING], ours, "p99_us")
            found.append(at_most(f"{load}: p99 while reloading beside not", reloading, 1.5))
    start = 1000 * statistics.median(single.start_seconds)
    found.append(at_most("start to ready", start, 50, " ms"))
    found.append(at_most("memory when idle", single.idle_mib, 20, " MiB"))
    found.append(at_most("1 GiB streamed: peak memory", single.streamed.peak_mib, 64, " MiB"))
    return found


def beside_fastapi(results: Result, load: Load, bound: float) -> Target:
    peer = results.get((load, FASTAPI))
    value = over(results[load, OURS], peer, "rate") if peer else None
    return at_least(f"{load}: times FastAPI", value, bound)


def rate(runs: list[Run]) -> float:
    return statistics.median(run.rate for run in runs)


def over(these: list[Run], those: list[Run], field: str) -> float:
    """The median of the ratios turn by turn: what else the machine did meets both of a turn."""
    pairs = zip(these, those, strict=True)
    return statistics.median(getattr(one, field) / getattr(other, field) for one, other in pairs)

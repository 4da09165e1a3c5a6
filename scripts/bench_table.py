"""What `scripts/bench.sh` measured, as Markdown: a table of figures, and one of targets."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_fit import Fits, difference, ratio

# 10^6 bytes: the targets speak of GB.
MEGABYTE = 1_000_000
OURS = "ours"
INGEST = "ingest all files"
WHOLE = "whole run, 1/8 of drifted rows more"
LATER = "ingest one file of 1 % more"
NOTHING_NEW = "run with nothing new"
COLD_START = "cold start on the sample data"
# Peers by the package that they are named after here.
ASSEMBLIES = {
    "polars": "polars + newton-cholesky",
    "duckdb": "duckdb + newton-cholesky",
    "pandas": "pandas scripts + liblinear",
}
SCRIPTS = ASSEMBLIES["pandas"]


@dataclass(frozen=True)
class Measured:
    """What one command took, and the JSON that it printed."""

    seconds: float
    megabytes: float
    answer: dict[str, Any]


# By job and name, one for each turn.
Series = dict[tuple[str, str], list[Measured]]
# By rows and columns, then by solver.
AllFits = dict[tuple[int, int], dict[str, Fits]]


@dataclass(frozen=True)
class Surroundings:
    """What figures depend on, besides the programs."""

    rows: int
    kept: int
    files: int
    megabytes: float
    turns: int
    versions: dict[str, str]
    load: float


@dataclass(frozen=True)
class Target:
    """A figure and its bound; `found` is None where it could not be measured."""

    text: str
    found: float | None
    bound: float
    unit: str
    is_floor: bool

    def line(self) -> str:
        asked = f"{'≥' if self.is_floor else '≤'} {self.bound:g}{self.unit}"
        if self.found is None:
            return f"| {self.text} | {asked} | | skipped: no peer to compare with |"
        is_met = self.found >= self.bound if self.is_floor else self.found <= self.bound
        return (
            f"| {self.text} | {asked} | {self.found:.3g}{self.unit} | {'yes' if is_met else 'no'} |"
        )


def show(
    surroundings: Surroundings, series: Series, stages: list[dict[str, float]], fits: AllFits
) -> None:
    """Prints all of it."""
    print_surroundings(surroundings)
    print_series(series, fits)
    print_stages(stages)
    print("\n| target | asked | found | met |\n|---|---:|---:|---|")
    for target in targets(series, fits):
        print(target.line())


def print_surroundings(at: Surroundings) -> None:
    cores = ", ".join(map(str, sorted(os.sched_getaffinity(0))))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.split()[1]
    versions = {"rustc": rustc, "Python": platform.python_version(), **at.versions}
    print(
        f"{at.rows:,} rows ({at.kept:,} different ones) in {at.files} files, {at.megabytes:.0f} MB;"
        f" {at.turns} turns.\n"
        f"{processor()}, cores {cores} of {os.cpu_count()}, {memory:.0f} GiB,"
        f" load {at.load:.1f} at the start.\n"
        f"{', '.join(f'{name} {version}' for name, version in versions.items())}.\n"
    )


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def print_series(series: Series, fits: AllFits) -> None:
    print(
        "| job | who | median | fastest | times ours | peak memory |\n|---|---|---:|---:|---:|---:|"
    )
    for (job, who), runs in sorted(series.items(), key=lambda item: order(*item[0])):
        ours = times(series, job, OURS)
        cells = [*durations(times(series, job, who), ours), f"{peak(runs):,.0f} MB"]
        off = runs[-1].answer.get("difference")
        print(f"| {job} | {named(who, off)} | {' | '.join(cells)} |")
    for (rows, columns), solvers in fits.items():
        for who, found in solvers.items():
            cells = durations(found.seconds, solvers[OURS].seconds)
            off = None if who == OURS else difference(found.weights, solvers[OURS].weights)
            print(f"| {fit_of(rows, columns)} | {named(who, off)} | {' | '.join(cells)} | |")


def order(job: str, who: str) -> tuple[int, bool, str]:
    return [INGEST, WHOLE, LATER, NOTHING_NEW, COLD_START].index(job), who != OURS, who


def named(who: str, off: float | None) -> str:
    """With how far its coefficients are from ours, where it has any."""
    return who if off is None else f"{who} (coefficients differ by {off:.0e})"


def durations(found: list[float], ours: list[float]) -> list[str]:
    return [seconds(statistics.median(found)), seconds(min(found)), f"{ratio(found, ours):.2f}"]


def seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.1f} ms"


def print_stages(stages: list[dict[str, float]]) -> None:
    """Where the time of our whole run goes."""
    medians = {
        stage: statistics.median(turn.get(stage, 0.0) for turn in stages) for stage in stages[0]
    }
    print(f"\nOur whole run: {', '.join(f'{s} {seconds(v)}' for s, v in medians.items())}.")


def targets(series: Series, fits: AllFits) -> list[Target]:
    """Those of the issue, each a ratio within the turns or a bound."""
    ingesting = peers_of(series, INGEST)
    assemblies = [who for who in peers_of(series, WHOLE) if who != SCRIPTS]
    scripts = [who for who in peers_of(series, WHOLE) if who == SCRIPTS]
    return [
        faster(series, INGEST, ingesting, "the fastest peer", 2),
        at_most(
            f"{INGEST}: memory beside the smallest peer's",
            least_memory_share(series, ingesting),
            0.5,
        ),
        *fit_targets(fits),
        faster(series, WHOLE, assemblies, "the best assembly", 4),
        faster(series, WHOLE, scripts, "the pandas scripts", 20),
        at_most(f"{WHOLE}: peak memory", peak(series[WHOLE, OURS]), 1000, " MB"),
        at_most(
            f"{LATER}: share of ingesting all",
            100 * ratio(times(series, LATER, OURS), times(series, INGEST, OURS)),
            5,
            " %",
        ),
        at_most(NOTHING_NEW, 1000 * median(series, NOTHING_NEW, OURS), 10, " ms"),
        at_most(COLD_START, 1000 * median(series, COLD_START, OURS), 150, " ms"),
    ]


def fit_targets(fits: AllFits) -> list[Target]:
    """The narrow fit against both solvers, the wide one against the better."""
    narrow, wide = fits
    asked = [
        (narrow, "lbfgs", 10.0),
        (narrow, "newton-cholesky", 4.0),
        (wide, "newton-cholesky", 1.0),
    ]
    found = []
    for size, solver, bound in asked:
        solvers = fits[size]
        value = ratio(solvers[solver].seconds, solvers[OURS].seconds) if solver in solvers else None
        found.append(at_least(f"{fit_of(*size)}: times faster than {solver}", value, bound))
    return found


def faster(series: Series, job: str, peers: list[str], called: str, bound: float) -> Target:
    """How many times faster than the one whose median is the lowest."""
    if not peers:
        return at_least(f"{job}: times faster than {called}", None, bound)
    best = min(peers, key=lambda who: median(series, job, who))
    found = ratio(times(series, job, best), times(series, job, OURS))
    which = f"{called}, {best}" if len(peers) > 1 else called
    return at_least(f"{job}: times faster than {which}", found, bound)


def least_memory_share(series: Series, peers: list[str]) -> float | None:
    if not peers:
        return None
    return peak(series[INGEST, OURS]) / min(peak(series[INGEST, who]) for who in peers)


def at_least(text: str, found: float | None, bound: float) -> Target:
    return Target(text, found, bound, "", is_floor=True)


def at_most(text: str, found: float | None, bound: float, unit: str = "") -> Target:
    return Target(text, found, bound, unit, is_floor=False)


def peers_of(series: Series, job: str) -> list[str]:
    return [who for other, who in series if other == job and who != OURS]


def fit_of(rows: int, columns: int) -> str:
    return f"fit of {rows:,} × {columns}"


def times(series: Series, job: str, who: str) -> list[float]:
    return [run.seconds for run in series[job, who]]


def median(series: Series, job: str, who: str) -> float:
    return statistics.median(times(series, job, who))


def peak(runs: list[Measured]) -> float:
    return max(run.megabytes for run in runs)

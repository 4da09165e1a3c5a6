#!/usr/bin/env python3
"""Seconds that a fit takes here and in scikit-learn, on the same rows and the same cores.

    scripts/bench_fit.py [--times N] [ROWSxCOLUMNS ...]

Without sizes: 10000000x3 and 1000000x50, N is 5. Needs cargo, and python3 with venv; the virtual
environment with scikit-learn lies below the target folder and is made on the first run. Where pip
cannot fetch it, a message says so and nothing is measured. The solvers take turns, so that a busy
machine disturbs all of them; compare medians of one run only. 10,000,000 rows take about 2 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", TOP / "target"))
VENV = TARGET / "bench_fit_venv"
# With their tolerances: at the default one, 1e-4, newton-cholesky stops a step short of the
# agreement asked for on wide rows. lbfgs keeps the default, and its difference is only shown.
SOLVERS = {"newton-cholesky": 1e-6, "lbfgs": 1e-4}
AGREEMENT = 1e-6


@dataclass
class Fits:
    """One solver's fits of the same rows: the seconds of each, and where they ended."""

    seconds: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    steps: int = 0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--solver", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("sizes", nargs="*", default=["10000000x3", "1000000x50"])
    arguments = parser.parse_args()
    if arguments.solver:
        rows, columns, solver = arguments.solver
        return serve(int(rows), int(columns), solver)
    python = virtual_environment()
    if python is None:
        print("skipped: pip could not fetch scikit-learn")
        return
    example = build()
    print(f"cores {sorted(os.sched_getaffinity(0))}, {arguments.times} turns, medians")
    for size in arguments.sizes:
        rows, columns = map(int, size.split("x"))
        report(f"{rows} x {columns}", measure(rows, columns, arguments.times, example, python))


def virtual_environment() -> Path | None:
    python = VENV / "bin" / "python"
    has_library = [str(python), "-c", "import sklearn"]
    if python.exists() and subprocess.run(has_library, capture_output=True).returncode == 0:
        return python
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    fetch = [str(python), "-m", "pip", "install", "--quiet", "scikit-learn"]
    return python if subprocess.run(fetch).returncode == 0 else None


def build() -> Path:
    command = "cargo build --release --locked -p training --example time_fit"
    subprocess.run(command.split(), cwd=TOP, check=True)
    return TARGET / "release" / "examples" / "time_fit"


def measure(
    rows: int, columns: int, times: int, example: Path, python: Path | None
) -> dict[str, Fits]:
    """Processes that hold the same rows; each fits when it is its turn.

    `example` is ours, `python` one that has scikit-learn; without it only ours is measured.
    """
    size = [str(rows), str(columns)]
    commands = {"ours": [str(example), *size]}
    if python is not None:
        other = [str(python), __file__, "--solver", *size]
        commands.update({solver: [*other, solver] for solver in SOLVERS})
    processes = {
        name: subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name, command in commands.items()
    }
    # Once for nothing: until it answers, a process may still be making its rows.
    for process in processes.values():
        ask(process)
    fits = {name: Fits() for name in commands}
    for _ in range(times):
        for name, process in processes.items():
            answer = ask(process)
            fits[name].seconds.append(answer["seconds"])
            fits[name].weights = [answer["intercept"], *answer["coefficients"]]
            fits[name].steps = answer["iterations"]
    for process in processes.values():
        process.stdin.close()
        process.wait()
    return fits


def ask(process: subprocess.Popen) -> dict:
    process.stdin.write("fit\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def report(size: str, fits: dict[str, Fits]) -> None:
    ours = fits["ours"]
    print(f"\n{size}\n{'':16} {'median s':>9} {'fastest':>9} {'ratio':>7} {'steps':>6} difference")
    for name, found in fits.items():
        median = statistics.median(found.seconds)
        print(
            f"{name:16} {median:9.3f} {min(found.seconds):9.3f}"
            f" {ratio(found.seconds, ours.seconds):7.2f} {found.steps:6}"
            f" {difference(found.weights, ours.weights):.1e}"
        )
    require_agreement(fits)


def require_agreement(fits: dict[str, Fits]) -> None:
    """Ends the program where newton-cholesky found another optimum."""
    if "newton-cholesky" not in fits:
        return
    found, ours = fits["newton-cholesky"].weights, fits["ours"].weights
    if difference(found, ours) > AGREEMENT:
        sys.exit(f"the coefficients of newton-cholesky differ by more than {AGREEMENT}")


def ratio(theirs: list[float], ours: list[float]) -> float:
    """How many times as long they took: the median of the turns, whose two saw the same machine."""
    return statistics.median(their / our for their, our in zip(theirs, ours, strict=True))


def difference(found: list[float], wanted: list[float]) -> float:
    """The largest relative difference of two fits' intercept and coefficients."""
    return max(abs(f - w) / abs(w) for f, w in zip(found, wanted, strict=True))


def serve(rows: int, columns: int, solver: str) -> None:
    """A fit for each line of the input."""
    import time

    from sklearn.linear_model import LogisticRegression

    features, classes = made_up(rows, columns)
    for _ in sys.stdin:
        model = LogisticRegression(C=1.0, solver=solver, tol=SOLVERS[solver], max_iter=10_000)
        begin = time.perf_counter()
        model.fit(features, classes)
        answer = {
            "seconds": time.perf_counter() - begin,
            "intercept": float(model.intercept_[0]),
            "coefficients": model.coef_[0].tolist(),
            "iterations": int(model.n_iter_[0]),
        }
        print(json.dumps(answer), flush=True)


def made_up(rows, columns):
    """The rows of `crates/training/examples/time_fit.rs`, bit by bit."""
    import numpy

    places = numpy.arange(rows, dtype=numpy.uint64) << numpy.uint64(8)

    def uniform(column):
        mixed = (places | numpy.uint64(column)) + numpy.uint64(1)
        mixed *= numpy.uint64(0x9E3779B97F4A7C15)
        for _ in range(2):
            mixed ^= mixed >> numpy.uint64(32)
            mixed *= numpy.uint64(0xD6E8FEB86659FD93)
        mixed ^= mixed >> numpy.uint64(32)
        return (mixed >> numpy.uint64(11)).astype(float) / float(1 << 53)

    features = numpy.empty((rows, columns))
    sums = numpy.zeros(rows)
    for column in range(columns):
        centred = uniform(column) - 0.5
        sums += centred if column % 2 == 0 else -centred
        features[:, column] = centred * [1.0, 10.0, 100.0][column % 3]
    noise = uniform(columns) + uniform(columns + 1) - 1.0
    return features, (sums + noise > 0.25).astype(int)


if __name__ == "__main__":
    main()

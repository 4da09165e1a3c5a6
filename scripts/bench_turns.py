#!/usr/bin/env python3
"""Takes the turns of `scripts/bench.sh`, which builds the programs and makes the rows.

    bench_turns.py FOLDER --rows N --turns N --cores LIST --programs FOLDER --peers PYTHON

Each measured command is a process of its own, pinned to the same cores. Ours are timed from start
to exit, with all that they sync to disk; peers without their start and imports, and they sync
nothing. Before each command the disk is left to settle, so that nobody pays for another's writes;
files are read from the page cache. What is copied or removed between turns is not timed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import bench_fit
import bench_table
from bench_peers import FEATURES
from bench_table import (
    ASSEMBLIES,
    COLD_START,
    INGEST,
    LATER,
    MEGABYTE,
    NOTHING_NEW,
    OURS,
    WHOLE,
    Measured,
    Series,
)

TOP = Path(__file__).resolve().parent.parent
PEERS = Path(__file__).with_name("bench_peers.py")
# Runs of milliseconds vary: a turn takes the median of several.
TICKS = 11
COLD_STARTS = 5
COEFFICIENTS_AGREE = 1e-6
# A coefficient's seventh digit may move a row across the threshold.
SCORES_AGREE = 1e-5
CONFIG = {
    "input_folder_path": "input",
    "output_folder_path": "written/output",
    "output_model_path": "written/models",
    "prod_deployment_path": "written/production",
    "state_folder_path": "written/state",
    "test_data_path": "test",
    # No figure may depend on the network.
    "diagnostics": {"check_updates": False},
}
# liblinear penalises the intercept too and stops early: it answers another question.
EXACT = {"polars", "duckdb"}


class Pipeline:
    """A folder with a configuration, input and test data, and what our programs write there."""

    def __init__(self, folder: Path, programs: Path, test: Path) -> None:
        self.folder = folder
        self.programs = programs
        self.input = folder / "input"
        self.written = folder / "written"
        self.saved = folder / "saved"
        self.input.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps(CONFIG))
        shutil.copytree(test, folder / "test")

    def add(self, file: Path, name: str) -> Path:
        """Input is only ever read: a second name will do."""
        place = self.input / name
        os.link(file, place)
        return place

    @property
    def first(self) -> Path:
        return min(self.input.glob("clients_*.csv"))

    def clear(self) -> None:
        shutil.rmtree(self.written, ignore_errors=True)

    def save(self) -> None:
        shutil.copytree(self.written, self.saved, symlinks=True)

    def restore(self) -> None:
        """The saved state, in files of its own, which an ingestion has already checked.

        A file that was copied is not the one that the state remembers: the next ingestion that
        appends reads all of it again, once. So one row is appended that is there already.
        """
        self.clear()
        shutil.copytree(self.saved, self.written, symlinks=True)
        with (self.input / "settling.csv").open("w") as settling, self.first.open() as first:
            settling.writelines(itertools.islice(first, 2))
        self.run("ingestion")
        expect(self.run("fullprocess").answer["outcome"] == "nothing_new", "nothing is new")

    def run(self, program: str) -> Measured:
        config = self.folder / "config.json"
        return measure([self.programs / program, "--config", config, "--json"])


class Peers:
    """The Python that has the other libraries, or as many of them as pip could fetch."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.python = python
        self.rows = folder / "rows"
        self.output = folder / "peer.csv"
        self.versions: dict[str, str] = {}
        if python.exists():
            self.versions = measure([python, PEERS, "versions"]).answer

    def names(self, *needed: str) -> list[str]:
        """Those that are there, if what they need is, too."""
        if any(package not in self.versions for package in needed):
            return []
        return [name for name in ASSEMBLIES if name in self.versions]

    def run(self, job: str, peer: str, kept: int) -> Measured:
        whole = measure([self.python, PEERS, job, peer, self.rows, self.output])
        expect_rows(self.output, kept, peer)
        self.output.unlink()
        return Measured(whole.answer["seconds"], whole.megabytes, whole.answer)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--turns", type=int, required=True)
    parser.add_argument("--cores", required=True, help="as 0,1; empty for the first two")
    parser.add_argument("--programs", type=Path, required=True)
    parser.add_argument("--peers", type=Path, required=True)
    arguments = parser.parse_args()
    pin(arguments.cores)
    load = os.getloadavg()[0]
    programs = arguments.programs.resolve()
    peers = Peers(arguments.peers, arguments.folder)
    bench = Bench(arguments.folder, programs, peers)
    for turn in range(arguments.turns):
        say(f"turn {turn + 1} of {arguments.turns}")
        bench.ingest()
        bench.later()
        bench.whole()
        bench.cold_start()
    fits = fit(arguments.rows, arguments.turns, programs, peers)

    surroundings = bench_table.Surroundings(
        rows=arguments.rows,
        kept=bench.kept,
        files=len(bench.base),
        megabytes=sum(file.stat().st_size for file in bench.base) / MEGABYTE,
        turns=arguments.turns,
        versions=peers.versions,
        load=load,
    )
    bench_table.show(surroundings, bench.series, bench.stages, fits)


def pin(cores: str) -> None:
    """This process and so each that it starts."""
    wanted = [int(core) for core in cores.split(",") if core]
    os.sched_setaffinity(0, wanted or sorted(os.sched_getaffinity(0))[:2])


class Bench:
    """The jobs, and what they took so far."""

    def __init__(self, folder: Path, programs: Path, peers: Peers) -> None:
        self.peers = peers
        self.programs = programs
        self.pipelines = folder / "pipelines"
        rows = folder / "rows"
        self.base = sorted((rows / "base").glob("*.csv"))
        [self.drifted] = (rows / "drifted").glob("*.csv")
        [self.later_file] = (rows / "later").glob("*.csv")
        self.kept = kept_rows(self.base)
        self.kept_with_drifted = self.kept + rows_of(self.drifted)
        self.series: Series = defaultdict(list)
        self.stages: list[dict[str, float]] = []
        self.weights: list[float] = []
        self.f1 = 0.0
        self.model = ""

        self.empty = self.pipeline("empty", rows / "test")
        self.deployed = self.pipeline("deployed", rows / "test")
        say("deploying a model of all rows but the drifted ones")
        first = self.deployed.run("fullprocess").answer
        expect(first["outcome"] == "cold_start", "the first run deploys")
        self.deployed.save()

    def pipeline(self, name: str, test: Path) -> Pipeline:
        pipeline = Pipeline(self.pipelines / name, self.programs, test)
        for file in self.base:
            pipeline.add(file, file.name)
        return pipeline

    def note(self, job: str, name: str, measured: Measured) -> None:
        self.series[job, name].append(measured)
        say(f"  {job}, {name}: {measured.seconds:.3f} s, {measured.megabytes:.0f} MB")

    def ingest(self) -> None:
        self.empty.clear()
        self.note(INGEST, OURS, self.empty.run("ingestion"))
        expect_rows(self.empty.written / "output" / "finaldata.csv", self.kept, OURS)
        for peer in self.peers.names():
            self.note(INGEST, peer, self.peers.run("ingest", peer, self.kept))

    def later(self) -> None:
        """The runs with nothing new belong to the same restored state."""
        self.deployed.restore()
        ticks = [self.deployed.run("fullprocess") for _ in range(TICKS)]
        self.note(NOTHING_NEW, OURS, middle(ticks))
        added = self.deployed.add(self.later_file, "later.csv")
        found = self.deployed.run("ingestion")
        self.note(LATER, OURS, found)
        wanted = self.kept + rows_of(self.later_file)
        expect(found.answer["total_rows"] == wanted, f"ours keeps {wanted} rows")
        added.unlink()

    def whole(self) -> None:
        self.deployed.restore()
        added = self.deployed.add(self.drifted, "new.csv")
        ours = self.deployed.run("fullprocess")
        self.note(WHOLE, OURS, ours)
        self.stages.append(ours.answer["seconds"])
        expect(ours.answer["outcome"] == "redeployed", "the whole run deploys a better model")
        output = self.deployed.written / "output" / "finaldata.csv"
        expect_rows(output, self.kept_with_drifted, OURS)
        self.note_model(ours.answer["candidate_model"])
        added.unlink()
        for peer in self.peers.names("scikit-learn"):
            theirs = self.peers.run("whole", peer, self.kept_with_drifted)
            self.compare(peer, theirs.answer)
            self.note(WHOLE, ASSEMBLIES[peer], theirs)

    def note_model(self, digest: str) -> None:
        """What our model is: its coefficients, and its F1 on the new rows, said by our programs."""
        if self.model:
            expect(digest == self.model, "each turn gives the same model")
            return
        self.model = digest
        model = self.deployed.run("training").answer
        expect(model["digest"] == digest, "training by hand gives the model of the run")
        coefficients = [model["coefficients"][name] for name in FEATURES]
        self.weights = [model["intercept"], *coefficients]
        # Only test data are scored with the candidate: so let the new rows be the test data.
        test = self.deployed.folder / "test"
        aside = test.rename(self.deployed.folder / "test_aside")
        test.mkdir()
        os.link(self.drifted, test / "new.csv")
        self.f1 = self.deployed.run("scoring").answer["f1"]
        shutil.rmtree(test)
        aside.rename(test)

    def compare(self, peer: str, answer: dict[str, Any]) -> None:
        """Adds to the answer how far its coefficients are from ours."""
        far = answer["difference"] = bench_fit.difference(answer["weights"], self.weights)
        off = abs(answer["f1"] - self.f1) / self.f1
        say(f"  {peer}: coefficients differ by {far:.1e}, F1 on the new rows by {off:.1e}")
        if peer in EXACT:
            expect(far <= COEFFICIENTS_AGREE, f"the coefficients of {peer} are ours")
            expect(off <= SCORES_AGREE, f"the F1 of {peer} is ours")

    def cold_start(self) -> None:
        starts = []
        for _ in range(COLD_STARTS):
            with tempfile.TemporaryDirectory(dir=self.pipelines) as folder:
                test = TOP / "data" / "testdata"
                sample = Pipeline(Path(folder) / "sample", self.programs, test)
                for file in sorted((TOP / "data" / "practicedata").glob("*.csv")):
                    shutil.copy(file, sample.input)
                starts.append(sample.run("fullprocess"))
        expect(starts[0].answer["outcome"] == "cold_start", "the sample data is deployed")
        self.note(COLD_START, OURS, middle(starts))


def fit(
    rows: int, turns: int, programs: Path, peers: Peers
) -> dict[tuple[int, int], dict[str, bench_fit.Fits]]:
    """The fit alone, narrow and wide, on rows in memory."""
    python = peers.python if "scikit-learn" in peers.versions else None
    found = {}
    for size in [(rows, 3), (rows // 10, 50)]:
        say(f"fit of {size[0]} x {size[1]}")
        found[size] = bench_fit.measure(*size, turns, programs / "examples" / "time_fit", python)
        bench_fit.require_agreement(found[size])
    return found


def measure(command: list[str | Path]) -> Measured:
    """Runs a command that prints JSON; the memory is its largest resident size.

    Never less than that of this process, of which the command is a fork at first: about 20 MB.
    """
    os.sync()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as talk:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=talk)
        # Not `wait`: it does not say what this one process used.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        talk.seek(0)
        if process.returncode != 0:
            words = " ".join(map(str, command))
            sys.exit(f"{words}: exit code {process.returncode}\n{talk.read().decode()}")
        return Measured(seconds, usage.ru_maxrss * 1024 / MEGABYTE, json.load(output))


def middle(runs: list[Measured]) -> Measured:
    """One for all of them: the median time, the largest memory."""
    seconds = statistics.median(run.seconds for run in runs)
    return Measured(seconds, max(run.megabytes for run in runs), {})


def kept_rows(base: list[Path]) -> int:
    """Rows of the files less those that bench_data repeats: a tenth of each but the last."""
    rows = [rows_of(file) for file in base]
    return sum(rows) - sum(n // 10 for n in rows[:-1])


def rows_of(file: Path) -> int:
    """Lines but for the header; no row of these files holds a line break."""
    with file.open("rb") as lines:
        blocks = iter(lambda: lines.read(1 << 20), b"")
        return sum(block.count(b"\n") for block in blocks) - 1


def expect_rows(file: Path, wanted: int, who: str) -> None:
    found = rows_of(file)
    expect(found == wanted, f"{who} keeps {wanted} rows (found: {found})")


def expect(is_so: bool, what: str) -> None:
    if not is_so:
        sys.exit(f"the results do not agree; expected: {what}")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

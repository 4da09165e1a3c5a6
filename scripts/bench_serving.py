#!/usr/bin/env python3
"""Takes the turns of `scripts/bench-serving.sh`, which builds the programs.

    bench_serving.py FOLDER --programs FOLDER --peers PYTHON --turns N --seconds N --cores LIST

Each server is a process of its own on the first core; wrk is on the second. One server runs at a
time, and the servers take turns at each load, so that whatever else the machine does meets all.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bench_serving_table as table
from bench_serving_table import BARE, FASTAPI, FLASK, OURS, RELOADING, Load, Result, Run, Single
from serving_pipeline import HEADER, Pipeline, free_port, status_mib, wait_until_ready

LUA = Path(__file__).with_name("bench_serving.lua")
PEERS = Path(__file__).with_name("bench_serving_peers.py")
STREAMED_BYTES = 2**30
STARTS = 21
RELOAD_SECONDS = 0.1
WARM_UP_SECONDS = 1.0
CSV, JSON = "text/csv", "application/json"


def main() -> None:
    options = read_options()
    cores = options.cores or sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        sys.exit("two cores are needed: one for the server, one for the client")
    work = Path(tempfile.mkdtemp(dir=options.folder))
    try:
        bench = Bench(work, options.programs, options.peers, cores)
        results: Result = defaultdict(list)
        for turn in range(options.turns):
            print(f"turn {turn + 1} of {options.turns}", file=sys.stderr)
            for load in table.LOADS:
                for who in bench.names(load):
                    results[load, who].append(bench.put_on(load, who, options.seconds))
        single = Single(
            start_seconds=[bench.time_start() for _ in range(STARTS)],
            idle_mib=bench.idle_memory(),
            streamed=bench.stream(),
        )
        table.show(results, single, bench.versions, cores, options)
    finally:
        shutil.rmtree(work)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--programs", type=Path, required=True)
    parser.add_argument("--peers", type=Path, required=True)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--cores", type=lambda text: [int(c) for c in text.split(",") if c])
    options = parser.parse_args()
    # The servers are started in folders of their own.
    options.programs = options.programs.resolve()
    return options


class Bench:
    """A pipeline with two releases, bodies of all sizes, and the servers."""

    def __init__(self, work: Path, programs: Path, peers: Path, cores: list[int]) -> None:
        self.work = work
        self.programs = programs
        self.peers = peers
        self.server_core, self.client_core = map(str, cores[:2])
        self.versions: dict[str, str] = {}
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            said = subprocess.run([peers, PEERS, "versions"], check=True, capture_output=True)
            self.versions = json.loads(said.stdout)
        self.pipeline = Pipeline(work, programs)
        self.make_bodies()

    def make_bodies(self) -> None:
        draw = random.Random(1)
        rows = [
            (f"c{n}", draw.randrange(1000), draw.randrange(9000), draw.randrange(1, 900))
            for n in range(10_000)
        ]
        lines = [",".join(map(str, row)) + "\n" for row in rows]
        for size in [1, 100, 10_000]:
            (self.work / f"{size}.csv").write_text(HEADER + "".join(lines[:size]))
        names = HEADER.strip().split(",")
        (self.work / "1.json").write_text(json.dumps([dict(zip(names, rows[0]))]))
        self.block = "".join(lines).encode()

    def names(self, load: Load) -> list[str]:
        """Who is put under this load, those that are compared one after the other."""
        found = [BARE, OURS]
        if load.connections > 1:
            found.append(RELOADING)
        if not self.versions.keys() >= {"pandas", "scikit-learn"} or load.accept:
            return found
        if "flask" in self.versions and load.kind == CSV:
            found.append(FLASK)
        if self.versions.keys() >= {"fastapi", "uvicorn"}:
            found.append(FASTAPI)
        return found

    def put_on(self, load: Load, who: str, seconds: float) -> Run:
        with self.server(who) as (url, process):
            self.ask(url, load, who, WARM_UP_SECONDS)
            before = status_mib(process.pid, "VmRSS")
            with self.reloads(process) if who == RELOADING else contextlib.nullcontext():
                found = self.ask(url, load, who, seconds)
            grown = status_mib(process.pid, "VmRSS") - before
            if who == RELOADING:
                self.expect_reloads(url, seconds)
        if found["failed"]:
            sys.exit(f"{who}, {load}: {found['failed']} requests failed")
        return Run(
            rate=found["requests"] / found["seconds"], p99_us=found["p99_us"], grown_mib=grown
        )

    def ask(self, url: str, load: Load, who: str, seconds: float) -> dict[str, Any]:
        """Keeps all connections asking for so long."""
        body, kind = self.work / f"{load.rows}.{'json' if load.kind == JSON else 'csv'}", load.kind
        if who == FLASK:
            # It takes the path of a file, as a JSON string.
            path = self.work / "path.json"
            path.write_text(json.dumps(str(body)))
            body, kind = path, JSON
        asked = {"BODY": str(body), "CONTENT_TYPE": kind, "ACCEPT": load.accept or ""}
        command = ["taskset", "-c", self.client_core, "wrk", "--threads", "1", "--latency"]
        command += ["--connections", str(load.connections), "--timeout", "30s"]
        # wrk takes whole seconds.
        command += ["--duration", f"{max(1, round(seconds))}s", "--script", str(LUA)]
        said = subprocess.run(
            [*command, f"{url}/prediction"],
            env={**os.environ, **asked},
            check=True,
            capture_output=True,
        )
        return json.loads(said.stdout.splitlines()[-1])

    @contextlib.contextmanager
    def server(self, who: str) -> Iterator[tuple[str, subprocess.Popen]]:
        """The server on its core, ready, at its address."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        process = None
        with (self.work / "log").open("wb") as log:
            try:
                if who == BARE:
                    command = [self.programs / "examples/bare_server", str(port)]
                elif who in (FLASK, FASTAPI):
                    rows = self.work / "data/practicedata/clients_2025_h1.csv"
                    command = [self.peers, PEERS, who, str(port), rows, self.work / "model.pickle"]
                else:
                    self.pipeline.configure({"bind": f"127.0.0.1:{port}"})
                    command = self.pipeline.command("app")
                words = ["taskset", "-c", self.server_core, *map(str, command)]
                process = subprocess.Popen(words, stdout=log, stderr=log)
                wait_until_ready(url, process)
                yield url, process
            finally:
                if process is not None:
                    process.terminate()
                    process.wait()

    @contextlib.contextmanager
    def reloads(self, process: subprocess.Popen) -> Iterator[None]:
        """The other release becomes the live one every 100 ms, and the server is told."""
        is_over = threading.Event()

        def flip() -> None:
            place = 0
            while not is_over.wait(RELOAD_SECONDS):
                place = 1 - place
                self.pipeline.make_live(self.pipeline.releases[place])
                process.send_signal(signal.SIGHUP)

        thread = threading.Thread(target=flip)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def expect_reloads(self, url: str, seconds: float) -> None:
        with urllib.request.urlopen(f"{url}/metrics") as answer:
            text = answer.read().decode()
        counted = dict(re.findall(r'risk_model_reloads_total\{result="(\w+)"\} (\d+)', text))
        refused = sum(int(n) for result, n in counted.items() if result != "loaded")
        if refused or int(counted["loaded"]) < seconds / RELOAD_SECONDS / 2:
            sys.exit(f"too few releases were taken up: {counted}")

    def time_start(self) -> float:
        """Seconds from the start of the process until it is ready."""
        begin = time.perf_counter()
        with self.server(OURS):
            return time.perf_counter() - begin

    def idle_memory(self) -> float:
        with self.server(OURS) as (_, process):
            time.sleep(1)
            return status_mib(process.pid, "VmRSS")

    def stream(self) -> table.Streamed:
        """A CSV of 1 GiB in, its answer out, both while they are made."""
        limits = {"body_bytes": 2**31, "rows": 10**9, "body_seconds": 3600}
        port = free_port()
        self.pipeline.configure({"bind": f"127.0.0.1:{port}", "limits": limits})
        blocks = STREAMED_BYTES // len(self.block) + 1
        with (self.work / "log").open("wb") as log:
            command = ["taskset", "-c", self.server_core, *self.pipeline.command("app")]
            process = subprocess.Popen(command, stderr=log)
            try:
                url = f"http://127.0.0.1:{port}"
                wait_until_ready(url, process)
                begin = time.perf_counter()
                client = f"curl -sS --fail -X POST -T - -H 'Content-Type: {CSV}' -H 'Accept: {CSV}'"
                counting = subprocess.Popen(
                    ["taskset", "-c", self.client_core, "bash", "-o", "pipefail", "-c"]
                    + [f"{client} {url}/prediction | wc -l"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
                counting.stdin.write(HEADER.encode())
                for _ in range(blocks):
                    counting.stdin.write(self.block)
                said, _ = counting.communicate()
                seconds = time.perf_counter() - begin
                rows = blocks * self.block.count(b"\n")
                if counting.returncode or int(said) != rows + 1:
                    sys.exit(f"the streamed answer has {said.decode()} lines, not {rows + 1}")
                peak = status_mib(process.pid, "VmHWM")
                return table.Streamed(rows=rows, seconds=seconds, peak_mib=peak)
            finally:
                process.terminate()
                process.wait()


if __name__ == "__main__":
    main()

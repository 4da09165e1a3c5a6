#!/usr/bin/env python3
"""Runs the soak of `scripts/soak.sh`, which builds the programs.

    soak.py --programs FOLDER --seconds N
"""

from __future__ import annotations

import argparse
import atexit
import http.client
import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import soak_hostile
from serving_pipeline import HEADER, Pipeline, free_port, status_mib, wait_until_ready

HONEST = 3
HOSTILE = 6
REDEPLOY_SECONDS = 0.5
# A client that holds a connection is given up after this, so that many have their turn.
BODY_SECONDS = 3
# What memory may vary by, whatever is asked.
GROWN_MIB = 16.0
GROWN_SHARE = 0.2
# What an allocator gives back after a while, it has given back by then.
REST_SECONDS = 15.0
# Sooner than that, memory still grows with what the server meets for the first time.
TELLING_SECONDS = 300
READS = ["/scoring", "/summarystats", "/diagnostics", "/metrics", "/readyz", "/livez", "/v1/model"]


class Soak:
    """The server, and what all threads know of it."""

    def __init__(self, work: Path, programs: Path, seconds: float) -> None:
        self.pipeline = Pipeline(work, programs)
        (work / soak_hostile.NAMED_FILE).write_bytes(soak_hostile.LARGE)
        self.port = free_port()
        self.log = work / "log"
        bind = f"127.0.0.1:{self.port}"
        self.pipeline.configure({"bind": bind, "limits": {"body_seconds": BODY_SECONDS}})
        with self.log.open("wb") as log:
            self.server = subprocess.Popen(self.pipeline.command("app"), stderr=log)
        # However this ends, it does not stay.
        atexit.register(self.server.kill)
        wait_until_ready(f"http://{bind}", self.server)
        self.bodies = [body(rows) for rows in (1, 100, 10_000)]
        self.expected = {}
        for release in self.pipeline.releases:
            self.pipeline.run("deployment", "--quiet", "--rollback", release)
            self.ask("GET", "/readyz")
            self.expected[release] = [self.predict(size)[1] for size in range(3)]
        self.end = time.monotonic() + seconds
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []
        self.memory: list[float] = []
        self.at_rest = 0.0
        self.guard = threading.Lock()

    def is_over(self) -> bool:
        return time.monotonic() >= self.end or self.server.poll() is not None

    def count(self, what: str) -> None:
        with self.guard:
            self.counts[what] += 1

    def fail(self, what: str) -> None:
        with self.guard:
            self.failures.append(what)

    def ask(self, method: str, path: str, content: bytes | None = None) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            headers = {"Content-Type": "text/csv"} if content else {}
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise ValueError(f"{method} {path}: {answer.status} {text[:300]!r}")
            return text
        finally:
            connection.close()

    def predict(self, size: int) -> tuple[str, list[float]]:
        answer = json.loads(self.ask("POST", "/prediction", self.bodies[size]))
        return answer["model_version"], answer["probabilities"]

    def be_honest(self) -> None:
        draw = random.Random()
        while not self.is_over():
            try:
                if draw.random() < 0.3:
                    self.ask("GET", draw.choice(READS))
                else:
                    size = draw.choices(range(3), [10, 5, 1])[0]
                    release, probabilities = self.predict(size)
                    if probabilities != self.expected[release][size]:
                        raise ValueError(f"release {release} answers otherwise than before")
                self.count("honest requests")
            except Exception as error:  # Whatever went wrong, an honest client was not answered.
                self.fail(f"{type(error).__name__}: {error}")

    def be_hostile(self) -> None:
        while not self.is_over():
            try:
                random.choice(soak_hostile.ACTS)(self.port)
            except (OSError, ValueError):
                self.count("hostile clients cut off")
            self.count("hostile clients")

    def redeploy(self) -> None:
        place = 0
        while not self.is_over():
            place = 1 - place
            try:
                release = self.pipeline.releases[place]
                self.pipeline.run("deployment", "--quiet", "--rollback", release)
                self.count("redeployments")
            except subprocess.CalledProcessError as error:
                self.fail(str(error))
            if place:
                self.server.send_signal(signal.SIGHUP)
            time.sleep(REDEPLOY_SECONDS)

    def watch_memory(self) -> None:
        while not self.is_over():
            self.memory.append(status_mib(self.server.pid, "VmRSS"))
            time.sleep(1)

    def run(self) -> None:
        work = [self.be_honest] * HONEST + [self.be_hostile] * HOSTILE
        threads = [
            threading.Thread(target=target) for target in [*work, self.redeploy, self.watch_memory]
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        metrics = self.ask("GET", "/metrics").decode()
        time.sleep(REST_SECONDS)
        # An allocator may give back only when it is asked for something.
        self.ask("GET", "/livez")
        self.at_rest = status_mib(self.server.pid, "VmRSS")
        self.server.terminate()
        code = self.server.wait()
        if code != 0:
            self.fail(f"the server ended with exit code {code}")
        self.report(metrics)

    def report(self, metrics: str) -> None:
        log = self.log.read_text(errors="replace")
        panics = log.count("panicked at")
        # The first fifth is for what is made once; of the rest the beginning and the end count.
        fifth = max(1, len(self.memory) // 5)
        early = statistics.median(self.memory[fifth : 2 * fifth] or self.memory)
        late = statistics.median(self.memory[-fifth:])
        is_telling = len(self.memory) >= TELLING_SECONDS * 0.9
        has_grown = is_telling and late > early * (1 + GROWN_SHARE) + GROWN_MIB
        for what, count in sorted(self.counts.items()):
            print(f"{what}: {count:,}")
        print(f"honest requests that failed: {len(self.failures)}")
        for failure, count in Counter(self.failures).most_common(10):
            print(f"  {count} x {failure}")
        most = max(self.memory)
        print(f"memory: {early:.1f} MiB early, {late:.1f} MiB late, {most:.1f} MiB at most")
        print(f"memory {REST_SECONDS:.0f} s after the last request: {self.at_rest:.1f} MiB")
        if not is_telling:
            print(f"  in less than {TELLING_SECONDS} s that is not held against the server")
        print(f"panics in the log: {panics}; lines: {log.count(chr(10)):,}")
        for line in metrics.splitlines():
            if line.startswith(("risk_model_reloads_total", "http_connections_without_request")):
                print(line)
        if self.failures or has_grown or panics:
            sys.exit(1)


def body(rows: int) -> bytes:
    draw = random.Random(rows)
    lines = (
        f"c{n},{draw.randrange(1000)},{draw.randrange(9000)},{draw.randrange(1, 900)}\n"
        for n in range(rows)
    )
    return (HEADER + "".join(lines)).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=600)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        Soak(Path(work), options.programs.resolve(), options.seconds).run()


if __name__ == "__main__":
    main()

"""A pipeline with two releases and the server of it, for the scripts that put load on the API."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parent.parent
HEADER = "corporation,lastmonth_activity,lastyear_activity,number_of_employees\n"
# A peer that is imported and fitted takes seconds; ours milliseconds.
PATIENCE_SECONDS = 120.0


class Pipeline:
    """The sample data in a folder of its own, deployed twice."""

    def __init__(self, work: Path, programs: Path) -> None:
        self.work = work
        self.programs = programs
        written = ["ingesteddata", "models", "state"]
        shutil.copytree(TOP / "data", work / "data", ignore=shutil.ignore_patterns(*written))
        settings = json.loads((TOP / "config.json").read_text())
        # No figure may depend on the network.
        settings["diagnostics"] = {"check_updates": False}
        for folders in ["data/practicedata", ["data/practicedata", "data/sourcedata"]]:
            self.settings = {**settings, "input_folder_path": folders}
            self.configure({})
            self.run("fullprocess")
        releases = sorted((work / "production_deployment/releases").iterdir())
        self.releases = [release.name for release in releases]
        if len(self.releases) != 2:
            sys.exit(f"two releases were expected, not {self.releases}")

    def configure(self, api: dict[str, Any]) -> None:
        text = json.dumps({**self.settings, "api": api})
        (self.work / "config.json").write_text(text)

    def command(self, program: str, *options: str) -> list[str]:
        config = self.work / "config.json"
        return [str(self.programs / program), "--config", str(config), *options]

    def run(self, program: str, *options: str) -> None:
        subprocess.run(self.command(program, *options), check=True, stdout=subprocess.DEVNULL)

    def make_live(self, release: str) -> None:
        """At once, and without the checks and the record of the program that does it."""
        beside = self.work / "production_deployment/beside"
        beside.symlink_to(f"releases/{release}")
        os.replace(beside, self.work / "production_deployment/current")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait_until_ready(url: str, process: subprocess.Popen) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(f"{url}/readyz", timeout=5).read()
            return
        time.sleep(0.0005)
    sys.exit(f"{process.args} does not become ready; its exit code is {process.poll()}")


def status_mib(process: int, name: str) -> float:
    """A figure of the kernel's on a process: VmRSS is what it has, VmHWM the most it ever had."""
    text = Path(f"/proc/{process}/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)[1]) / 1024

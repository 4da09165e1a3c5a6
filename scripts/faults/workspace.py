"""A pipeline in a temporary folder, and the real programs that work on it."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

PATIENCE = 60  # Seconds that a command on a few dozen rows may take, also under strace.


class Ended(NamedTuple):
    """How a command ended. `code` is -9 after SIGKILL, and None if it had to be ended."""

    code: int | None
    out: str
    err: str

    def record(self):
        """The run record that `--json` printed; empty if there is none."""
        try:
            return json.loads(self.out)
        except ValueError:
            return {}


class Workspace:
    """The folder of a `config.json` with everything that it names."""

    def __init__(self, root: Path, programs: Path):
        self.root = root
        self.programs = programs
        self.clock = None  # For faketime, such as "-30d". None is the clock of the machine.

    def copy(self, root: Path) -> "Workspace":
        shutil.copytree(self.root, root, symlinks=True)
        return Workspace(root, self.programs)

    def write(self, name: str, text: str):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def set(self, key: str, value):
        """Sets `section.key` of the configuration."""
        config = json.loads((self.root / "config.json").read_text())
        *sections, last = key.split(".")
        inner = config
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[last] = value
        self.write("config.json", json.dumps(config))

    def run(self, program, *options, before=(), prepare=None) -> Ended:
        """Runs a program as cron would. `before` is the command that starts it, such as strace."""
        process = self.start(program, *options, before=before, prepare=prepare)
        return finish(process)

    def start(self, program, *options, before=(), prepare=None):
        config = str(self.root / "config.json")
        command = [*before, *self.with_clock(bool(before)), str(self.programs / program)]
        return subprocess.Popen(
            [*command, *options, "--config", config],
            cwd="/",
            env={"PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            restore_signals=False,  # SIGXFSZ stays ignored, so that a limit is an error.
            preexec_fn=prepare,
        )

    def with_clock(self, is_traced: bool):
        """`env` with faketime's library. strace has an option of its own, which spares strace."""
        if self.clock is None:
            return []
        settings = [f"LD_PRELOAD={FAKETIME}", f"FAKETIME={self.clock}", "NO_FAKE_STAT=1"]
        if is_traced:
            return [word for setting in settings for word in ("-E", setting)]
        return ["/usr/bin/env", *settings]


FAKETIME = next((str(path) for path in Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)


def finish(process) -> Ended:
    """Waits for a program, and ends it with all that it started when it takes too long."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        code = None
    return Ended(code, out.decode(errors="replace"), err.decode(errors="replace"))

"""Takes the turns of `scripts/bench-cluster.sh`, which builds the program.

    bench_cluster.py FOLDER --rows N --program FILE --turns N --cores "0 1"
"""

import argparse
import json
import math
import os
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import time

ASKED = re.compile(r'asked the engine query="([^"]*)" seconds=([0-9.e-]+)')
# The statements that bring rows to the engine.
STORING = {"the view of new rows", "the Parquet of new rows", "the end of the view of new rows"}
# Marks a folder of this program, whose content it may remove.
MARKER = ".bench-cluster"
HEADER = "corporation,lastmonth_activity,lastyear_activity,number_of_employees,exited\n"


def make_rows(file, count, prefix):
    """Writes rows of as many clients. The same arguments make the same rows."""
    file.parent.mkdir(parents=True)
    draw = random.Random(f"{prefix} {count}").random
    with file.open("w") as to:
        to.write(HEADER)
        for number in range(count):
            month, year, size = int(1000 * draw()), int(9000 * draw()), int(600 * draw())
            log_odds = 1.5 - month / 250 + year / 4500 - size / 400
            label = int(draw() < 1 / (1 + math.exp(-log_odds)))
            to.write(f"{prefix}{number},{month},{year},{size},{label}\n")


def say(text):
    print(text, file=sys.stderr, flush=True)


def claim(folder):
    """Marks a folder as one of this program. Ends the program if the folder has files of somebody else."""
    marker = folder / MARKER
    if not marker.is_file() and any(folder.iterdir()):
        sys.exit(f"{folder} is not empty, and no earlier measurement made it: name an empty or a new folder")
    marker.write_text("made by scripts/bench-cluster.sh, which may remove everything here\n")


def scripts(name, **settings):
    """Runs a script of this folder. Returns what it printed."""
    script = pathlib.Path(__file__).with_name(name)
    done = subprocess.run(
        [script], env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.strip()


class Pipeline:
    """A pipeline without data, in a folder of its own."""

    def __init__(self, folder, rows, engine):
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "input").mkdir(parents=True)
        (folder / "storage").mkdir()
        self.folder = folder
        config = {
            "input_folder_path": "input",
            "output_folder_path": "output",
            "test_data_path": str(rows / "test"),
            "output_model_path": "models",
            "prod_deployment_path": "production",
            "training": {"memory_limit_mib": 8192},
            "diagnostics": {"check_updates": False},
        }
        if engine:
            storage = f"file://{folder / 'storage'}"
            config["engine"] = {"kind": "flight_sql", "url": engine, "storage": storage}
        (folder / "config.json").write_text(json.dumps(config))

    def run(self, program, cores, files):
        """Seconds of a run, those that it waited for the engine, those of storing rows, and the number of
        statements."""
        for file in files:
            os.link(file, self.folder / "input" / f"{file.parent.name}_{file.name}")
        began = time.monotonic()
        done = subprocess.run(
            ["taskset", "--cpu-list", cores, program, "-v"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - began
        if done.returncode != 0:
            sys.exit(f"the run failed:\n{done.stderr[-2000:]}")
        asked = [(name, float(taken)) for name, taken in ASKED.findall(done.stderr)]
        storing = sum(taken for name, taken in asked if name in STORING)
        say(f"  {seconds:.1f} s, {done.stdout.splitlines()[0]}")
        return seconds, sum(taken for _, taken in asked) - storing, storing, len(asked)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--program", type=pathlib.Path, required=True)
    parser.add_argument("--turns", type=int, required=True)
    parser.add_argument("--cores", required=True)
    arguments = parser.parse_args()
    rows, program = arguments.folder / "rows", arguments.program.resolve()
    claim(arguments.folder)
    shutil.rmtree(rows, ignore_errors=True)
    base, later = [[rows / name / "clients.csv"] for name in ["base", "later"]]
    say(f"making {arguments.rows} rows, and one in a hundred more")
    make_rows(base[0], arguments.rows, "b")
    make_rows(later[0], arguments.rows // 100, "l")
    make_rows(rows / "test/clients.csv", 10_000, "t")
    first, second = arguments.cores.split()
    both = f"{first},{second}"
    places = [
        ("in memory, one core", first, None),
        ("in memory, both cores", both, None),
        ("Sail, one worker", both, [first]),
        ("Sail, two workers", both, [first, second]),
    ]
    measured = {name: ([], []) for name, _, _ in places}
    for turn in range(arguments.turns):
        for name, cores, workers in places:
            say(f"turn {turn + 1}, {name}, load {os.getloadavg()[0]:.1f}")
            engine = None
            if workers:
                engine = scripts(
                    "cluster-up.sh",
                    RISK_CLUSTER_WORKERS=str(len(workers)),
                    RISK_CLUSTER_CORES=" ".join(workers),
                )
            try:
                pipeline = Pipeline(arguments.folder / "pipeline", rows, engine)
                for files, runs in zip([base, later], measured[name], strict=True):
                    runs.append(pipeline.run(program, cores, files))
            finally:
                if engine:
                    scripts("cluster-down.sh")
    shutil.rmtree(arguments.folder / "pipeline")
    show(measured)


def show(measured):
    print("| rows | first run | engine | storing | statements | 1 % more | engine | storing | share |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for name, runs in measured.items():
        (whole, asked, storing, count), (more, asked_more, storing_more, _) = [
            [statistics.median(it) for it in zip(*turns, strict=True)] for turns in runs
        ]
        cells = [f"{whole:.1f} s", f"{more:.1f} s"]
        if count:
            share = 100 * (asked_more + storing_more) / (asked + storing)
            cells = [
                cells[0], f"{asked:.1f} s", f"{storing:.1f} s", f"{count:.0f}",
                cells[1], f"{asked_more:.1f} s", f"{storing_more:.1f} s", f"{share:.0f} %",
            ]
        else:
            cells = [cells[0], "", "", "", cells[1], "", "", ""]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()

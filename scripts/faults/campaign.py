"""A campaign: tries points until the time is over, and prints a table of what was tried and found.

The points are drawn in an order that the seed decides. A campaign that is started again goes on with
the points that were not tried yet with these programs.
"""

import argparse
import collections
import itertools
import json
import random
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import checker
import kinds
import trial
from stories import STORIES


NEEDS = {"disk": "the right to mount", "clock": "libfaketime"}
SHOWN = 5  # Problems of a finding that are printed: the first one is often the cause of the others.


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=Path, required=True, help="folder of the programs")
    parser.add_argument("--results", type=Path, required=True, help="file that a campaign goes on with")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1, help="decides the order of the points")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kind", action="append", choices=trial.KINDS, help="only this kind")
    names = [story.name for story in STORIES]
    parser.add_argument("--story", action="append", choices=names, help="only this story")
    parser.add_argument("--like", metavar="REGEX", default="", help="only points with such a text")
    parser.add_argument("--only", metavar="POINT", help="try one point, and keep its folder")
    parser.add_argument("--table", action="store_true", help="print the table of earlier results")
    return parser.parse_args()


class Campaign:
    """Points by kind and story, and the results so far."""

    def __init__(self, options, scratch: Path):
        self.options = options
        self.scratch = scratch
        self.programs = checker.digest(options.programs / "fullprocess")[:12]
        self.results = [it for it in earlier(options.results) if it["programs"] == self.programs]
        self.lock = threading.Lock()
        self.until = 0.0  # By the monotonic clock.

    def prepare(self, names) -> dict:
        stories = [story for story in STORIES if not names or story.name in names]
        return {
            story.name: trial.Prepared(story, self.scratch / story.name, self.options.programs.resolve())
            for story in stories
        }

    def points(self, prepared: dict):
        """Points in turn by kind and story, so that a short campaign tries something of each."""
        tried = {result["point"] for result in self.results}
        draw = random.Random(self.options.seed)
        queues, missing = [], set()
        for kind in self.options.kind or trial.KINDS:
            for one in prepared.values():
                points = [it for it in trial.points_of(one, kind) if re.search(self.options.like, it)]
                if kind in NEEDS and not trial.points_of(one, kind):
                    missing.add(kind)
                draw.shuffle(points)
                # A command reads far more often than it renames, and renames matter as much.
                points = in_turn(group(points, lambda point: point.split(":")[3].split("/")[0]))
                queues.append([point for point in points if point not in tried])
        for kind in missing:
            print(f"no point of the kind {kind}: it needs {NEEDS[kind]}", flush=True)
        yield from in_turn(queues)

    def work(self, prepared, points):
        while time.monotonic() < self.until:
            with self.lock:
                point = next(points, None)
            if point is None:
                return
            self.keep(attempt(prepared, point, self.scratch))

    def keep(self, result):
        result |= {"programs": self.programs}
        with self.lock:
            self.results.append(result)
            with self.options.results.open("a") as file:
                file.write(json.dumps(result) + "\n")
            if result["problems"]:
                tell(result)


def group(points, key) -> list[list[str]]:
    groups = {}
    for point in points:
        groups.setdefault(key(point), []).append(point)
    return list(groups.values())


def in_turn(queues):
    """The first of each queue, the second of each, and so on."""
    for places in itertools.zip_longest(*queues):
        yield from (point for point in places if point is not None)


def attempt(prepared: dict, point: str, scratch: Path, keeps=False) -> dict:
    folder = Path(tempfile.mkdtemp(prefix="try-", dir=scratch)) / "disk"
    begin = time.monotonic()
    problems = trial.attempt(prepared[point.split(":")[1]], point, folder)
    if not keeps:
        shutil.rmtree(folder.parent)
    return {
        "point": point,
        "came": problems is not None,
        "problems": problems or [],
        "seconds": round(time.monotonic() - begin, 2),
    }


def tell(finding):
    shown = finding["problems"][:SHOWN]
    print(f"\nfinding: {finding['point']}", *shown, sep="\n  ")
    print(f"  again: scripts/faults/run.sh --only '{finding['point']}'", flush=True)


def earlier(path: Path) -> list[dict]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def table(results) -> str:
    """Points at which the fault came, by story and kind, and the points with a finding."""
    came = collections.Counter()
    found = collections.Counter()
    for result in results:
        kind, story, *_ = result["point"].split(":")
        for cell in ((story, kind), (story, "all"), ("all", kind), ("all", "all")):
            came[cell] += result["came"]
            found[cell] += bool(result["problems"])
    columns = [kind for kind in trial.KINDS if ("all", kind) in came] + ["all"]
    lines = ["| story | " + " | ".join(columns) + " | findings |"]
    lines.append("|---|" + "---:|" * (len(columns) + 1))
    for story in [story.name for story in STORIES if (story.name, "all") in came] + ["all"]:
        cells = [str(came[story, column]) for column in columns] + [str(found[story, "all"])]
        lines.append(f"| {story} | " + " | ".join(cells) + " |")
    seconds = sum(result["seconds"] for result in results)
    missed = sum(not result["came"] for result in results)
    lines.append(
        f"\n{len(results)} points in {seconds / 60:.0f} minutes of work; at {missed} the fault did not come."
    )
    return "\n".join(lines)


def try_one(campaign: Campaign, point: str) -> int:
    form = re.fullmatch(r"(\w+):([\w-]+):\d+:.+", point)
    names = [story.name for story in STORIES]
    if form is None or form[1] not in trial.KINDS or form[2] not in names:
        print(f"{point} is no point: it has the form KIND:STORY:COMMAND:DETAIL", file=sys.stderr)
        return 2
    result = attempt(campaign.prepare([point.split(":")[1]]), point, campaign.scratch, keeps=True)
    if result["problems"]:
        tell(result)
    else:
        print("no finding" if result["came"] else "the fault did not come")
    print(f"kept: {campaign.scratch}")
    return int(bool(result["problems"]))


def run(campaign: Campaign):
    """Tries points until the time is over, or until somebody ends the campaign: then each worker
    finishes its point."""
    options = campaign.options
    prepared = campaign.prepare(options.story)
    points = campaign.points(prepared)
    campaign.until = time.monotonic() + 60 * options.minutes
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: setattr(campaign, "until", 0))
    workers = [threading.Thread(target=campaign.work, args=(prepared, points)) for _ in range(options.jobs)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def main() -> int:
    options = arguments()
    if options.only:
        return try_one(Campaign(options, Path(tempfile.mkdtemp(prefix="faults-"))), options.only)
    with tempfile.TemporaryDirectory(prefix="faults-") as scratch:
        campaign = Campaign(options, Path(scratch))
        if not options.table:
            run(campaign)
    print("\n" + table(campaign.results))
    return int(any(result["problems"] for result in campaign.results))


if __name__ == "__main__":
    if problem := kinds.strace_problem():
        print(f"skipped: {problem}")
        sys.exit(0)
    sys.exit(main())

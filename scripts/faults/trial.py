"""Tries one point: disturbs a story, and has the checker look at what is left and at the end."""

import re
import shutil
import threading
import time
from pathlib import Path

import checker
import kinds
from stories import FURTHER, INPUT, RUN, Story
from workspace import Workspace, finish


class Prepared:
    """A story that is ready to be disturbed, and what an undisturbed one comes to."""

    def __init__(self, story: Story, folder: Path, programs: Path):
        self.story = story
        self.folder = folder
        self.before = Workspace(folder / "before", programs)
        self.older = folder / "older"
        self.before.root.mkdir(parents=True)
        story.build(self.before, lambda: shutil.copytree(self.before.root, self.older, symlinks=True))
        self.runs = checker.runs(self.before.root) if self.older.exists() else []
        self.live = checker.live(self.before.root)
        undisturbed = self.before.copy(folder / "undisturbed")
        pages = size_in_pages(undisturbed.root)
        self.calls = [kinds.traced_calls(undisturbed, command) for command in story.commands]
        problems = close(undisturbed)
        self.grown_pages = size_in_pages(undisturbed.root) - pages
        self.state = checker.final_state(undisturbed.root, self.known_runs())
        problems += end_is_sound(undisturbed.root, self)
        further, self.further = go_on(undisturbed)
        if problems or further:
            raise RuntimeError(f"{story.name} is not sound undisturbed: {problems + further}")
        shutil.rmtree(undisturbed.root)

    def known_runs(self):
        return self.runs[-1]["id"] if self.runs else 0


def size_in_pages(root: Path) -> int:
    return sum(-(-path.lstat().st_size // 4096) for path in root.rglob("*"))


def close(workspace: Workspace) -> list[str]:
    """Runs until nothing is new, which is at most the second run."""
    ended = workspace.run(*RUN)
    if ended.code == 0 and ended.record().get("outcome") != "nothing_new":
        ended = workspace.run(*RUN)
    outcome = ended.record().get("outcome")
    if ended.code == 0 and outcome == "nothing_new":
        return []
    return [f"the next runs do not come to an end: {ended.code} {outcome} {ended.err[-400:]}"]


def end_is_sound(root: Path, prepared: Prepared) -> list[str]:
    return [
        *checker.live_is_whole(root),
        *checker.links_are_right(root),
        *checker.rows_are_right(root),
        *checker.history_is_sound(root),
        *checker.ledger_counts(root),
        *checker.history_goes_on(root, prepared.runs),
        *checker.history_tells_what_is_live(root),
        *checker.leftovers(root),
    ]


def go_on(workspace: Workspace):
    """A further run on further rows. Its answer shows what only later decisions need."""
    workspace.write(INPUT + "further.csv", FURTHER)
    ended = workspace.run(*RUN)
    if ended.code != 0:
        return [f"a further run ends with {ended.code}: {ended.err[-400:]}"], {}
    answer = checker.answer(ended.record())
    if checker.says_lost_predictions(ended.record()):
        answer["says lost predictions"] = True
    return checker.rows_are_right(workspace.root), answer


def came_to_the_same_end(workspace: Workspace, prepared: Prepared, apart_from=()) -> list[str]:
    """Compares with the undisturbed pipeline, and once more after a further run. `apart_from` has
    patterns of what may differ."""
    found = checker.final_state(workspace.root, prepared.known_runs())
    problems = end_is_sound(workspace.root, prepared)
    further, answer = go_on(workspace)
    problems += further
    if answer.pop("says lost predictions", False):
        apart_from = (*apart_from, *WITHOUT_PREDICTIONS)
    if ("deployment",) in prepared.story.commands:
        apart_from = (*apart_from, checker.NUMBERED_BY_HAND)
    expected = prepared.state | {"further run": prepared.further}
    for difference in checker.differences(found | {"further run": answer}, expected):
        if not any(re.match(pattern, difference) for pattern in apart_from):
            problems.append(difference)
    return problems


# --- One command is disturbed -------------------------------------------------------------------


def disturbed_command(prepared: Prepared, workspace: Workspace, kind: str, number: int, detail: str):
    """Returns problems, or None if the fault never came."""
    commands = prepared.story.commands
    for command in commands[:number]:
        workspace.run(*command)
    disturb, _ = kinds.DISTURB[kind]
    ended, place = disturb(workspace, commands[number], detail)
    if place is None:
        return None
    problems = []
    if ended.code != -9:
        problems += checker.ended_as_documented(ended, workspace.root, place)
    problems += state_at_any_instant(workspace, prepared)
    problems += promised_and_done(workspace, prepared, in_copy=commands[number] != RUN)
    for command in commands[number:]:
        again = workspace.run(*command)
        if again.code != 0:
            problems.append(f"{' '.join(command)} again: exit code {again.code}: {again.err[-400:]}")
    problems += close(workspace)
    if ended.record().get("call_list_problem") and "data/models/riskranking.csv" in prepared.state:
        workspace.run("scoring", "--rank")  # What the documentation says to do then.
    apart_from = documented_differences(workspace, prepared, ended, place)
    problems += came_to_the_same_end(workspace, prepared, apart_from)
    return [f"{problem} [{place}]" for problem in problems]


def documented_differences(workspace: Workspace, prepared: Prepared, ended, place: str):
    """What the documentation allows to be different after such an end."""
    patterns = []
    if ended.code == 69:
        patterns.append("predictions by the API")  # It could not serve its own calls.
    if ended.code == 0 and "/data/practicedata/" in place:
        patterns.append("")  # A file that could not be read was left for the next run.
    new = [run for run in checker.runs(workspace.root) if run["id"] > prepared.known_runs()]
    reviews = [it for run in new for it in (run["record"].get("evidence") or {}).get("reviews") or ()]
    if any(review.get("problem") for review in reviews):
        patterns.append("further run > evidence > reviews")  # "This batch is not counted".
    return tuple(patterns)


def state_at_any_instant(workspace: Workspace, prepared: Prepared) -> list[str]:
    problems = [*checker.live_is_whole(workspace.root), *checker.history_is_sound(workspace.root)]
    live = checker.live(workspace.root)
    last = prepared.state["number of the live release"]
    allowed = {prepared.live, last}
    if ("deployment",) in prepared.story.commands:
        # Killed before its release is live, and repeated, `deployment` makes a second one.
        allowed.add(f"{int(last) + 1:06}")
    if live not in allowed:
        problems.append(f"{live} is live, and should be one of {allowed}")
    return problems


def promised_and_done(workspace: Workspace, prepared: Prepared, in_copy: bool) -> list[str]:
    """A dry run changes nothing and tells what the next run does. A run that follows something else
    than a run happens in a copy. It undoes no change by hand, and may finish one."""
    before = checker.snapshot(workspace.root)
    dry = workspace.run(*RUN, "--dry-run")
    problems = [] if checker.snapshot(workspace.root) == before else ["a dry run wrote"]
    problems += checker.ended_as_documented(dry, workspace.root, "a dry run")
    is_full = workspace.root.parent.is_mount()
    if is_full:
        kinds.set_size(workspace.root.parent, "64")  # Somebody has made room.
    next_one = workspace.copy(workspace.root.with_name("next")) if in_copy else workspace
    kept_live = {checker.live(workspace.root), prepared.state["number of the live release"]}
    done = next_one.run(*RUN)
    if done.code != 0:
        problems.append(f"the next run ends with {done.code}: {done.err[-400:]}")
    elif dry.code not in ((0, 74) if is_full else (0,)):
        problems.append(f"a dry run ends with {dry.code}, and the run does not: {dry.err[-400:]}")
    elif dry.code == 0:
        promised, kept = checker.promise(dry.record()), checker.promise(done.record())
        problems += [f"dry run, then run: {it}" for it in checker.differences(promised, kept)]
    outcome = done.record().get("outcome")
    deploys = outcome in ("cold_start", "redeployed")
    if in_copy and not deploys and checker.live(next_one.root) not in kept_live:
        problems.append(f"the next run ({outcome}) changed what is live")
    if in_copy:
        shutil.rmtree(next_one.root)
    return problems


# --- Other kinds --------------------------------------------------------------------------------


def damaged_file(prepared: Prepared, workspace: Workspace, detail: str):
    """A run comes to the same end, or names the file. With the file put back, it comes to that end."""
    good = workspace.copy(workspace.root.with_name("good"))
    name = kinds.damage(workspace, prepared.older, detail)
    if name is None:
        return None
    problems = promised_and_done(workspace, prepared, in_copy=True)
    problems = [it for it in problems if not it.startswith("the next run ends with")]
    ended = workspace.run(*RUN)
    problems += checker.ended_as_documented(ended, workspace.root, name)
    apart_from = ()
    if ended.code == 0:
        apart_from = may_differ(detail, ended)
    else:
        problems += names_the_damage(ended, detail)
        put_back(good.root, workspace.root, detail.split("/", 2)[2])
    problems += close(workspace)
    if ended.code == 0 and name == "data/state/history.db" and detail.startswith("remove"):
        return problems + goes_on_without_history(workspace, prepared)
    return problems + came_to_the_same_end(workspace, prepared, apart_from)


def goes_on_without_history(workspace: Workspace, prepared: Prepared) -> list[str]:
    """What the documentation promises to somebody who moves the history away."""
    problems = [*checker.rows_are_right(workspace.root), *checker.ledger_counts(workspace.root)]
    problems += [*checker.live_is_whole(workspace.root), *checker.leftovers(workspace.root)]
    if checker.live(workspace.root) not in (prepared.live, prepared.state["number of the live release"]):
        problems.append(f"{checker.live(workspace.root)} is live without the history")
    return problems


# What may differ once a run has said that predictions are lost.
WITHOUT_PREDICTIONS = (r"data/state/predictions", "further run > evidence > realised")

SAME_AFTER_A_REBUILD = (
    "outcomes|evaluated|number|ledger|ingested|data/ingesteddata|further run > (outcome|rows)"
)


def may_differ(detail: str, ended) -> tuple[str, ...]:
    """What may be another after a run that did not need the file, or made it again."""
    name = detail.split("/", 2)[2]
    patterns = [re.escape(name), f"release {Path(name).parent.name}"]
    if checker.says_lost_predictions(ended.record()):
        patterns += WITHOUT_PREDICTIONS
    if name.endswith("apireturns.json"):
        patterns.append("predictions by the API")
    if name.endswith("manifest.json") or name.endswith("trainedmodel.msgpack"):
        patterns.append("further run > evidence > reviews")  # A review says that it cannot compare.
    if (ended.record().get("ingestion") or {}).get("rebuilt"):
        # All rows are one batch then, so a candidate may be fitted to other rows.
        patterns.append(f"(?!{SAME_AFTER_A_REBUILD})")
    return tuple(patterns)


def names_the_damage(ended, detail: str) -> list[str]:
    name = Path(detail.split("/", 2)[2])
    words = (name.name.removesuffix("-journal"), f"release {name.parent.name}", name.parent.name)
    if any(word in ended.err + ended.out for word in words):
        return []
    return [f"exit code {ended.code} does not name {name}: {ended.err[-300:]}"]


def put_back(good: Path, root: Path, name: str):
    path = root / name
    if path.is_symlink() or path.exists():
        path.unlink()
    shutil.copy2(good / name, path, follow_symlinks=False)


def crowd(prepared: Prepared, workspace: Workspace, detail: str):
    """Processes at once, some of them killed, while a reader looks at the live release."""
    problems, processes, timers = [], [], []
    watching = threading.Event()
    reader = threading.Thread(target=watch, args=(workspace.root, watching, problems))
    reader.start()
    for delay, command, killed_after in kinds.crowd(detail):
        time.sleep(delay)
        process = workspace.start(*command)
        processes.append((command, process))
        if killed_after is not None:
            timers.append(threading.Timer(killed_after, process.kill))
            timers[-1].start()
    for command, process in processes:
        ended = finish(process)
        if ended.code != -9:
            said = checker.ended_as_documented(ended, workspace.root, "a crowd")
            problems += [f"{' '.join(command)}: {it}" for it in said]
    for timer in timers:
        timer.cancel()
    watching.set()
    reader.join()
    for _ in range(2):  # A change by hand that was cut short is settled, and then new rows are judged.
        ended = workspace.run(*RUN)
        if ended.code != 0:
            problems.append(f"the next run ends with {ended.code}: {ended.err[-400:]}")
    problems += close(workspace)
    problems += checker.evaluated_once(workspace.root, prepared.before.root, prepared.known_runs())
    return problems + end_is_sound(workspace.root, prepared)


def watch(root: Path, done: threading.Event, problems: list):
    while not done.is_set():
        before = checker.live(root)
        found = checker.live_is_whole(root)
        # A release that was replaced in between may have been removed as too old.
        if found and before == checker.live(root):
            problems += [f"a reader: {it}" for it in found]
            return
        time.sleep(0.002)


def times(prepared: Prepared, workspace: Workspace, detail: str):
    """Files with times of the past and future make no difference."""
    kinds.age_input(workspace, detail)
    problems = []
    for command in prepared.story.commands:
        ended = workspace.run(*command)
        if ended.code != 0:
            problems.append(f"exit code {ended.code}: {ended.err[-400:]}")
    return problems + close(workspace) + came_to_the_same_end(workspace, prepared)


# --- Points -------------------------------------------------------------------------------------


def points_of(prepared: Prepared, kind: str) -> list[str]:
    name = prepared.story.name
    if kind in kinds.DISTURB:
        _, points = kinds.DISTURB[kind]
        return [
            f"{kind}:{name}:{number}:{detail}"
            for number in range(len(prepared.story.commands))
            for detail in points(prepared, number)
        ]
    if kind == "damage":
        # Damage meets a run; a story of other commands would come to another end.
        is_run = prepared.story.commands == [RUN] and prepared.older.exists()
        return [f"damage:{name}:0:{detail}" for detail in kinds.damage_points(prepared)] if is_run else []
    return [f"{kind}:{name}:0:{seed}" for seed in range(300 if kind == "crowd" else 30)]


KINDS = (*kinds.DISTURB, "damage", "crowd", "times")


def keep_input_elsewhere(workspace: Workspace):
    """An input folder on another device than before would be a problem of its own."""
    folder = workspace.root / INPUT
    elsewhere = workspace.root.parent.with_name("input")
    shutil.copytree(folder, elsewhere)
    shutil.rmtree(folder)
    folder.parent.joinpath(folder.name).symlink_to(elsewhere)


def attempt(prepared: Prepared, point: str, folder: Path):
    """Tries a point in a folder of its own. Returns problems, or None if the fault never came."""
    kind, _, number, detail = point.split(":", 3)
    is_disk = kind == "disk"
    if is_disk:
        kinds.mount(folder)
    else:
        folder.mkdir(parents=True)
    try:
        workspace = prepared.before.copy(folder / "pipeline")
        if is_disk:
            keep_input_elsewhere(workspace)
        if kind in kinds.DISTURB:
            return disturbed_command(prepared, workspace, kind, int(number), detail)
        if kind == "damage":
            return damaged_file(prepared, workspace, detail)
        return (crowd if kind == "crowd" else times)(prepared, workspace, detail)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [f"the checker cannot read what is there: {type(error).__name__}: {error}"]
    finally:
        if is_disk:
            kinds.unmount(folder)

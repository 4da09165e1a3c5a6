"""What a user relies on, checked from outside.

It shares no code with the programs: it reads the folders itself, counts the rows of the input files
itself, and opens the history with Python's own SQLite. Each check returns sentences, one a problem.
"""

import csv
import hashlib
import json
import os
import re
import shutil
import sqlite3
import tempfile
from contextlib import contextmanager
from pathlib import Path

FEATURES = ("lastmonth_activity", "lastyear_activity", "number_of_employees")
COLUMNS = ("corporation", *FEATURES, "exited")
OUTCOMES = {
    "cold_start", "nothing_new", "steady", "drift_noted", "redeployed", "candidate_refused",
    "candidate_waiting", "training_refused", "not_judged", "failed", "interrupted",
}  # fmt: skip
NAMES_SOMETHING = r"data/|production_deployment|release \d{6}|failed to \w+|run `\w+`|a thread could not be started"
CODES = {0, 1, 2, 65, 69, 74, 75, 78}
OF_FILE = ("folder", "sha256", "status", "rows_read", "rows_kept", "rows_duplicate", "rows_rejected")
OF_LEDGER = ("rows", "seen_rows", "judged_rows", "digest")
WITHOUT_WORK = {None, "nothing_new", "failed", "interrupted"}
LINKS = ("trainedmodel.msgpack", "latestscore.txt", "ingestedfiles.txt", "confusionmatrix.png")
# Input, reports of runs, and state that is made again when it is needed.
NOT_COMPARED = r"data/(practicedata/|state/runs/|state/row\.fingerprints/|state/ingestion\.carry$)"
DATED = ("manifest.json", "report.html", "apireturns.txt", "apireturns.json")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- Rows ---------------------------------------------------------------------------------------


def row_key(cells):
    """What makes two rows the same: the id by bytes, the values as numbers, the label."""
    name, *values, label = cells
    return (name, *(float(value) if value.strip() else None for value in values), label.strip())


def rows_of_input(root: Path):
    """The distinct accepted rows of all input files, and the number of rejected ones."""
    accepted, rejected = set(), 0
    for path in sorted((root / "data/practicedata").glob("**/*.csv")):
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            if not set(COLUMNS[:-1]) <= set(reader.fieldnames or ()):
                continue
            for row in reader:
                try:
                    accepted.add(row_key([row.get(column) or "" for column in COLUMNS]))
                except ValueError:
                    rejected += 1
    return accepted, rejected


def rows_of_file(final_data: Path):
    with final_data.open(newline="") as file:
        return [row_key([line[column] for column in COLUMNS]) for line in csv.DictReader(file)]


def rows_are_right(root: Path) -> list[str]:
    """finaldata.csv has each accepted row of the input once, and rejectedrows.csv the rejected."""
    expected, n_rejected = rows_of_input(root)
    found = rows_of_file(root / "data/ingesteddata/finaldata.csv")
    problems = []
    if lost := expected - set(found):
        problems.append(f"{len(lost)} rows of the input are lost, such as {min(lost, key=str)}")
    if foreign := set(found) - expected:
        problems.append(f"{len(foreign)} rows are of no input file, such as {min(foreign, key=str)}")
    if len(found) != len(set(found)):
        problems.append(f"{len(found) - len(set(found))} rows are in finaldata.csv twice")
    with (root / "data/ingesteddata/rejectedrows.csv").open(newline="") as file:
        rejected = sum(1 for _ in csv.reader(file)) - 1
    if rejected != n_rejected:
        problems.append(f"rejectedrows.csv has {rejected} rows, and the input has {n_rejected}")
    return problems


# --- Releases -----------------------------------------------------------------------------------


def live(root: Path) -> str | None:
    """The name of the live release; None if there is no link."""
    try:
        return os.path.basename(os.readlink(root / "production_deployment/current"))
    except FileNotFoundError:
        return None


def manifest(folder: Path):
    return json.loads((folder / "manifest.json").read_text())


def readable_releases(root: Path):
    """Folder and manifest of each release, without those whose manifest is damaged."""
    found = []
    for folder in sorted((root / "production_deployment/releases").glob("[0-9]*")):
        try:
            found.append((folder, manifest(folder)))
        except (OSError, ValueError):
            continue
    return found


def release_is_whole(folder: Path) -> list[str]:
    try:
        listed = manifest(folder)["files"]
        files = {path.name for path in folder.iterdir()} - {"manifest.json"}
        wrong = [name for name in listed if name in files and digest(folder / name) != listed[name]]
    except (OSError, ValueError, KeyError) as error:
        return [f"release {folder.name} cannot be read: {error}"]
    problems = [f"release {folder.name}: {name} is not what was published" for name in wrong]
    if files != set(listed):
        problems.append(f"release {folder.name} has {sorted(files)}, published {sorted(listed)}")
    return problems


def live_is_whole(root: Path) -> list[str]:
    """Whoever resolves `current` finds a whole release, also through the links beside it."""
    production = root / "production_deployment"
    name = live(root)
    if name is None:
        linked = [link for link in LINKS if (production / link).exists()]
        return [f"no release is live, and {linked} lead somewhere"] if linked else []
    target = os.readlink(production / "current")
    if not re.fullmatch(r"releases/\d{6}", target):
        return [f"current leads to {target}"]
    return release_is_whole(production / "releases" / name)


def links_are_right(root: Path) -> list[str]:
    production = root / "production_deployment"
    return [
        f"{link} does not lead to the live release"
        for link in LINKS
        if os.path.realpath(production / link) != os.path.realpath(production / "current" / link)
    ]


# --- The history --------------------------------------------------------------------------------


@contextmanager
def history(root: Path):
    """A connection to a copy, so that a journal is played back there and not in the pipeline."""
    with tempfile.TemporaryDirectory() as folder:
        for path in (root / "data/state").glob("history.db*"):
            shutil.copy(path, folder)
        connection = sqlite3.connect(Path(folder) / "history.db")
        connection.row_factory = sqlite3.Row
        try:
            yield connection
        finally:
            connection.close()


def table(root: Path, name: str, order: str):
    with history(root) as connection:
        try:
            return [dict(row) for row in connection.execute(f"SELECT * FROM {name} ORDER BY {order}")]
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):  # Killed before the first commit.
                return []
            raise


def history_is_sound(root: Path) -> list[str]:
    """Readable at any instant, and what it committed of finaldata.csv is there."""
    with history(root) as connection:
        try:
            found = connection.execute("PRAGMA integrity_check").fetchone()[0]
        except sqlite3.DatabaseError as error:
            found = str(error)
    if found != "ok":
        return [f"the history is damaged: {found}"]
    problems = []
    for ledger in table(root, "ledger", "id"):
        path = root / "data/ingesteddata/finaldata.csv"
        kept = path.read_bytes()[: ledger["committed_bytes"]] if path.exists() else b""
        is_there = hashlib.sha256(kept).hexdigest() == ledger["digest"]
        if not is_there and not ledger["rebuilding"] and ledger["rows"]:
            problems.append("finaldata.csv has not the bytes that the history committed")
        if not ledger["judged_rows"] <= ledger["rows"] or not ledger["seen_rows"] <= ledger["rows"]:
            problems.append(f"the ledger counts {ledger}")
    return problems


def runs(root: Path):
    """Runs in order, with the record read; it is empty if it is damaged."""
    found = table(root, "runs", "id")
    for run in found:
        try:
            run["record"] = json.loads(run["record"])
        except ValueError:
            run["record"] = {}
    return found


def history_goes_on(root: Path, before) -> list[str]:
    """No finished run was lost or changed, and none is open."""
    now = runs(root)
    problems = [
        f"run {run['id']} has the outcome {run['outcome']}"
        for run in now
        if run["outcome"] not in OUTCOMES
    ]
    kept = {run["id"]: run for run in now}
    for run in before:
        is_kept = run["outcome"] not in (None, "nothing_new")  # Runs without news are pruned.
        if is_kept and kept.get(run["id"]) != run:
            problems.append(f"run {run['id']} was {run['outcome']} and is now {kept.get(run['id'])}")
    return problems


def history_tells_what_is_live(root: Path) -> list[str]:
    """The last deployment or rollback of the history is the live release; manifests agree."""
    events = []  # (position, release): a change by hand follows the run that began before it.
    for run in runs(root):
        if run["outcome"] in ("cold_start", "redeployed"):
            events.append(((run["id"], 0), run["record"].get("release")))
    for change in table(root, "changes", "id"):
        if change["kind"] in ("deployment", "rollback") and change["is_done"]:
            events.append(((change["after_run"], change["id"]), change["to_release"]))
    told = max(events)[1] if events else None
    problems = []
    if told != live(root):
        problems.append(f"the history tells that {told} is live, and {live(root)} is")
    numbers = {run["id"] for run in runs(root)}
    made_by = [content.get("run") for _, content in readable_releases(root)]
    makers = [run for run in made_by if run is not None]
    if len(makers) != len(set(makers)):
        problems.append(f"a run made two releases: {makers}")
    if not set(makers) <= numbers:
        unknown = sorted(set(makers) - numbers)
        problems.append(f"releases are of the runs {unknown}, which are not in the history")
    return problems


def ledger_counts(root: Path) -> list[str]:
    """The counts of the history are those of the checker's own parse."""
    expected, n_rejected = rows_of_input(root)
    [ledger] = table(root, "ledger", "id")
    files = table(root, "files", "position")
    problems = []
    if ledger["rows"] != len(expected):
        problems.append(f"the ledger has {ledger['rows']} rows, and the input {len(expected)}")
    for name, total in (("rows_kept", len(expected)), ("rows_rejected", n_rejected)):
        found = sum(file[name] for file in files if file["status"] == "ingested")
        if found != total:
            problems.append(f"{name} of all files is {found}, and should be {total}")
    for file in files:
        parts = file["rows_kept"] + file["rows_duplicate"] + file["rows_rejected"]
        if file["rows_read"] != parts:
            read = file["rows_read"]
            problems.append(f"{read} rows of {file['name']} were read, and its parts are {parts}")
    return problems


def evaluated_once(root: Path, before: Path, known_runs: int) -> list[str]:
    """No run evaluates a row that an earlier one evaluated: together they evaluate at most the rows
    that are new to the pipeline as it was before, and those that waited there."""
    expected, _ = rows_of_input(root)
    path = before / "data/ingesteddata/finaldata.csv"
    known = rows_of_file(path) if path.exists() else []
    waiting = sum(ledger["rows"] - ledger["judged_rows"] for ledger in table(before, "ledger", "id"))
    limit = len(expected - set(known)) + waiting
    new = [run for run in runs(root) if run["id"] > known_runs and run["outcome"] != "not_judged"]
    found = sum(evaluated_rows(run) for run in new if has_work(run))
    return [f"runs evaluated {found} rows, and {limit} were new"] if found > limit else []


# --- Files --------------------------------------------------------------------------------------


def snapshot(root: Path):
    """Every path with its content and time. Two snapshots are equal if nothing was written."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(root))] = os.readlink(path)
        elif path.is_file():
            found[str(path.relative_to(root))] = (digest(path), path.stat().st_mtime_ns)
    return found


def leftovers(root: Path) -> list[str]:
    """Temporary files. After a good run there is none."""
    return [
        f"{path.relative_to(root)} is left over"
        for path in root.rglob("*")
        if path.name.startswith(".") or path.suffix in (".partial", ".tmp")
        or (path.name.endswith("-journal") and path.stat().st_size > 0)
    ]  # fmt: skip


def final_state(root: Path, known_runs: int) -> dict:
    """What has to be the same in the end, whatever happened on the way: rows, releases, predictions,
    decisions. Times and numbers of runs are left out."""
    state = {"number of the live release": live(root)}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_dir() or re.match(NOT_COMPARED, name):
            continue
        if name.endswith("-journal") and path.stat().st_size == 0:
            continue  # SQLite removes it when it has undone a transaction, and makes it again.
        is_dated = name.startswith("data/state/") or path.name in DATED
        if name.startswith("data/state/awaiting-"):  # Numbered by generation.
            name, is_dated = "data/state/awaiting", True
        state[name] = "leads nowhere" if not path.exists() else "there" if is_dated else digest(path)
    for folder, content in readable_releases(root):
        content["files"].pop("report.html", None)
        state[f"release {folder.name}"] = {key: content[key] for key in ("parent", "files")}
        if folder.name == live(root):
            state["live release"] = {key: content[key] for key in ("score", "data", "answers")}
    for file in table(root, "files", "position"):
        state[f"ingested {file['name']}"] = [file[name] for name in OF_FILE]
    for ledger in table(root, "ledger", "id"):
        state["ledger"] = [ledger[name] for name in OF_LEDGER]
    new = [run for run in runs(root) if run["id"] > known_runs and has_work(run)]
    state["outcomes"] = [run["outcome"] for run in new]
    state["evaluated rows"] = sum(evaluated_rows(run) for run in new)
    calls = root / "data/models/apireturns.json"
    if calls.exists():
        state["predictions by the API"] = predictions(calls)
    return state


def evaluated_rows(run) -> int:
    return (run["record"].get("evidence") or {}).get("new_rows", 0)


def says_lost_predictions(record: dict) -> bool:
    return any(notice["kind"] == "lost_predictions" for notice in record.get("notices") or ())


def has_work(run) -> bool:
    """False for a run that had nothing to decide. If it is cut short behind its ingestion, then there
    is nothing to finish, and its outcome is `interrupted`."""
    if run["outcome"] == "not_judged":
        return evaluated_rows(run) > 0
    return run["outcome"] not in WITHOUT_WORK


def predictions(calls: Path):
    """What the API answered to the last calls; None if the file is damaged."""
    try:
        return [
            (call["endpoint"], call["status"], (call.get("answer") or {}).get("probabilities"))
            for call in json.loads(calls.read_text())["calls"]
        ]
    except (ValueError, KeyError, TypeError):
        return None


# What has another number in it when a deployment by hand was begun twice.
NUMBERED_BY_HAND = r"release |number of|\S*(releases/|confusionmatrix)"

# What a dry run knows beforehand of a run.
PROMISED = (
    "outcome", "decision", "verdict", "candidate_model", "candidate_score", "new_score", "rows", "files",
)  # fmt: skip


def promise(record: dict) -> dict:
    """What a dry run says, and the next run keeps."""
    return without_run_numbers({part: record.get(part) for part in PROMISED})


def answer(record: dict) -> dict:
    """What a run found and decided, without times and numbers of runs."""
    return promise(record) | without_run_numbers({"evidence": record.get("evidence")})


NUMBERED = ("run", "release", "seconds")


def without_run_numbers(value):
    if isinstance(value, dict):
        return {key: without_run_numbers(inner) for key, inner in value.items() if key not in NUMBERED}
    if isinstance(value, list):
        return [without_run_numbers(inner) for inner in value]
    return re.sub(r"\brun \d+", "run N", value) if isinstance(value, str) else value


def differences(found: dict, expected: dict) -> list[str]:
    found, expected = flat(found), flat(expected)
    return [
        f"{key}: {str(found.get(key))[:300]}, undisturbed {str(expected.get(key))[:300]}"
        for key in sorted(found.keys() | expected.keys())
        if found.get(key) != expected.get(key)
    ]


def flat(value: dict, before: str = "") -> dict:
    """The leaves of nested objects, by their path."""
    leaves = {}
    for key, inner in value.items():
        leaves |= flat(inner, f"{before}{key} > ") if isinstance(inner, dict) else {before + key: inner}
    return leaves


def ended_as_documented(ended, root: Path, place: str) -> list[str]:
    """A documented exit code, and a message that names a file or a step."""
    if ended.code is None:
        return ["it did not end by itself"]
    if ended.code not in CODES or ended.code == 1 or "panicked" in ended.err:
        return [f"it ended with exit code {ended.code}: {ended.err[-400:]}"]
    if ended.code != 74:
        return [] if ended.code == 0 or ended.err.strip() else [f"exit code {ended.code} without a word"]
    said = ended.err + ended.out
    if str(root) in said or re.search(NAMES_SOMETHING, said):
        return []
    return [f"exit code {ended.code} without the name of a file or step at {place}: {said[-400:]}"]

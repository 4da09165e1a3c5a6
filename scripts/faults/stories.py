"""Stories: commands on a pipeline of a few dozen artificial clients, which the faults disturb."""

import random
from typing import Callable, NamedTuple

from workspace import Workspace

HEADER = "corporation,lastmonth_activity,lastyear_activity,number_of_employees,exited\n"
RUN = ("fullprocess", "--json")
INPUT = "data/practicedata/"


class Story(NamedTuple):
    """`build` makes the pipeline as it is before `commands`. It may call `remember`, which keeps a
    copy: damage puts files of that copy in the place of newer ones."""

    name: str
    build: Callable[[Workspace, Callable[[], None]], None]
    commands: list[tuple[str, ...]]


def clients(first, last, leaves, labelled=True) -> str:
    """A file of the clients from `first` to `last`, each with the same values in every file."""
    lines = []
    for number in range(first, last):
        draw = random.Random(number)
        month, year, size = draw.randrange(101), draw.randrange(997), draw.randrange(83)
        label = int(leaves(month, number)) if labelled else ""
        lines.append(f"Client {number},{month},{year},{size},{label}\n")
    return HEADER + "".join(lines)


def mostly_quiet(month, number):
    """Quiet clients leave, with an exception in seven, so that a fit has coefficients."""
    return (month < 50) != (number % 7 == 0)


def busy(month, number):
    """The rule after a drift."""
    return month >= 50


def noisy(month, number):
    """The first rule with more exceptions: the score is lower, and no drift is found."""
    return (month < 50) != (number % 4 == 0)


def empty(workspace: Workspace, remember=None):
    """Input and test data, with a repeated row, a rejected row and a rejected file."""
    workspace.write("config.json", "{}")
    for key, folder in {
        "input_folder_path": "data/practicedata",
        "output_folder_path": "data/ingesteddata",
        "test_data_path": "data/testdata",
        "output_model_path": "data/models",
        "prod_deployment_path": "production_deployment",
        "state_folder_path": "data/state",
    }.items():
        workspace.set(key, folder)
    workspace.set("diagnostics.check_updates", False)
    workspace.write(INPUT + "first.csv", clients(0, 60, mostly_quiet) + "Broken Co,many,1,1,0\n")
    workspace.write(INPUT + "second.csv", clients(50, 90, mostly_quiet))
    workspace.write(INPUT + "no_size.csv", "corporation,lastmonth_activity,exited\nA,1,0\n")
    workspace.write("data/testdata/held_back.csv", clients(1000, 1060, mostly_quiet))


def must(workspace, program, *options):
    ended = workspace.run(program, *options)
    if ended.code != 0:
        raise RuntimeError(f"a story cannot be built: {program}: {ended.code} {ended.err}")
    return ended


def started(workspace, remember):
    empty(workspace)
    must(workspace, *RUN)
    remember()


def later(rows):
    def build(workspace, remember):
        started(workspace, remember)
        workspace.write(INPUT + "later.csv", rows)

    return build


def two_releases(workspace, remember):
    """Another model is trained and deployed by hand."""
    started(workspace, remember)
    workspace.set("training.c", 0.5)
    for stage in ("training", "scoring", "deployment"):
        must(workspace, stage)
    workspace.set("training.c", 1.0)


def drift(workspace, remember):
    """Two releases where one is kept, rows that wait for labels, and then another rule."""
    two_releases(workspace, remember)
    workspace.write(INPUT + "awaited.csv", clients(200, 212, busy, labelled=False))
    must(workspace, *RUN)
    workspace.set("deployment.keep_releases", 1)
    workspace.write(INPUT + "later.csv", clients(200, 240, busy))


def after_rollback(workspace, remember):
    two_releases(workspace, remember)
    must(workspace, "deployment", "--rollback", "000001")
    workspace.write(INPUT + "later.csv", clients(200, 240, mostly_quiet))


def changed(workspace, remember):
    started(workspace, remember)
    workspace.write(INPUT + "third.csv", clients(100, 130, mostly_quiet))
    must(workspace, *RUN)
    workspace.write(INPUT + "second.csv", clients(45, 80, mostly_quiet))
    (workspace.root / INPUT / "third.csv").rename(workspace.root / INPUT / "renamed.csv")


def waiting(workspace, remember):
    later(clients(190, 230, mostly_quiet, labelled=False))(workspace, remember)
    must(workspace, *RUN)
    workspace.write(INPUT + "labels.csv", clients(200, 240, mostly_quiet))


def refusal(workspace, remember):
    later(clients(200, 240, noisy))(workspace, remember)
    workspace.set("drift.trigger", "score")


BY_HAND = [("ingestion",), ("training",), ("scoring",), ("deployment",)]

STORIES = [
    Story("first-run", empty, [RUN]),
    Story("new-rows", later(clients(200, 240, mostly_quiet)), [RUN]),
    Story("drift", drift, [RUN]),
    Story("refusal", refusal, [RUN]),
    Story("rollback", two_releases, [("deployment", "--rollback", "000001")]),
    Story("after-rollback", after_rollback, [RUN]),
    Story("rebuild", changed, [RUN]),
    Story("predictions", later(clients(200, 230, mostly_quiet, labelled=False)), [RUN]),
    Story("late-labels", waiting, [RUN]),
    Story("by-hand", later(clients(200, 240, busy)), [*BY_HAND, ("reporting",)]),
    Story("first-by-hand", empty, BY_HAND),
]

# Rows for a further run: new clients, labels for rows that may wait, and rows that are known. Its
# answer shows whether something was lost that only later decisions need.
FURTHER = clients(5, 20, mostly_quiet) + "".join(
    clients(205, 300, mostly_quiet).splitlines(keepends=True)[1:]
)

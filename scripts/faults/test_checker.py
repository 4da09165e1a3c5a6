"""Pipelines that are wrong on purpose: the checker has to say so, or it would find nothing at all."""

import os
import sqlite3
import tempfile
import unittest
from pathlib import Path

import checker
import kinds
import trial
from stories import STORIES


@unittest.skipIf(kinds.strace_problem(), kinds.strace_problem())
class WrongOnPurpose(unittest.TestCase):
    """Each test breaks one promise in a finished pipeline of two releases."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        story = next(story for story in STORIES if story.name == "drift")
        programs = Path(os.environ["PROGRAMS"]).resolve()
        cls.prepared = trial.Prepared(story, Path(cls.folder.name) / "story", programs)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def setUp(self):
        self.pipeline = self.prepared.before.copy(Path(self.folder.name) / self.id())
        self.root = self.pipeline.root
        self.pipeline.run("fullprocess")

    def found(self, part):
        problems = trial.end_is_sound(self.root, self.prepared)
        state = checker.final_state(self.root, self.prepared.known_runs())
        problems += checker.differences(state, self.prepared.state)
        self.assertTrue(any(part in it for it in problems), f"{part!r} is not in {problems}")

    def edit(self, name, change):
        path = self.root / name
        path.write_text(change(path.read_text()))

    def in_history(self, statement):
        with sqlite3.connect(self.root / "data/state/history.db") as connection:
            connection.execute(statement)
        connection.close()

    def test_a_sound_pipeline_has_no_problem(self):
        self.assertEqual(trial.came_to_the_same_end(self.pipeline, self.prepared), [])

    def test_a_lost_row(self):
        self.edit("data/ingesteddata/finaldata.csv", lambda text: text[: text.rindex("Client")])
        self.found("rows of the input are lost")

    def test_a_row_that_counts_twice(self):
        self.edit("data/ingesteddata/finaldata.csv", lambda text: text + text[text.rindex("Client") :])
        self.found("twice")

    def test_a_changed_label(self):
        self.edit("data/ingesteddata/finaldata.csv", lambda text: text.replace(",0\n", ",1\n", 1))
        self.found("are of no input file")

    def test_a_release_with_another_model(self):
        path = self.root / "production_deployment/current/trainedmodel.msgpack"
        path.write_bytes(path.read_bytes() + b"x")
        self.found("is not what was published")

    def test_a_release_with_a_file_too_few(self):
        (self.root / "production_deployment/current/scorecard.csv").unlink()
        self.found("published")

    def test_a_rollback_that_the_history_does_not_know(self):
        current = self.root / "production_deployment/current"
        current.unlink()
        current.symlink_to("releases/000002")
        self.found("the history tells that 000003 is live")

    def test_a_temporary_file(self):
        (self.root / "data/models/.latestscore.txt.partial").touch()
        self.found("left over")

    def test_a_run_that_is_lost(self):
        self.in_history("DELETE FROM runs WHERE id = 1")
        self.found("run 1 was cold_start")

    def test_a_count_of_the_ledger(self):
        self.in_history("UPDATE ledger SET rows = rows + 1, judged_rows = judged_rows + 1")
        self.found("the ledger has")

    def test_another_prediction(self):
        another = lambda text: text.replace('"probabilities":[0.', '"probabilities":[0.9')
        self.edit("data/models/apireturns.json", another)
        self.found("predictions by the API")

    def test_a_run_that_evaluated_rows_again(self):
        columns = "started_at, outcome, record"
        again = f"SELECT {columns} FROM runs WHERE outcome = 'redeployed'"
        self.in_history(f"INSERT INTO runs ({columns}) {again}")
        self.found("evaluated rows")
        before = self.prepared.before.root
        self.assertTrue(checker.evaluated_once(self.root, before, self.prepared.known_runs()))


if __name__ == "__main__":
    unittest.main()

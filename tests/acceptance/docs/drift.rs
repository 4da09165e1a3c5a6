//! The page on drift and promotion.

use acceptance::sample_data::{World, clients, to_csv};

use super::each_block_of;
use crate::workspace::{Workspace, outcome};

#[test]
fn drift_and_promotion() {
    each_block_of("docs/drift-and-promotion.md", |page| {
        let retrained = Workspace::after_cold_start();
        assert_eq!(outcome(&retrained.fullprocess()), "nothing_new");
        retrained.copy_sample("sourcedata", "practicedata");
        let trial = retrained.run("fullprocess", &["--dry-run"]);
        let run = retrained.run("fullprocess", &[]);
        page.shows("a run with drift", &run);
        // The page says that a trial prints the same.
        let reasons = ["why", "F1", "features", "window", "gate"];
        for reason in reasons.map(|name| format!("\n  {name} ")) {
            let of = |text: &str| -> Vec<String> {
                let parts = text.split(&reason).skip(1);
                parts.map(|part| part.lines().take(1).collect()).collect()
            };
            assert_eq!(of(&trial.stdout), of(&run.stdout), "{reason}");
        }

        let workspace = Workspace::after_cold_start();
        let mut larger = clients(World::Before, 50, 400);
        for client in &mut larger {
            client.number_of_employees += 100;
        }
        workspace.write("data/practicedata/larger.csv", to_csv(&larger));
        let run = workspace.run("fullprocess", &[]);
        page.shows("a run with feature drift", &run);

        let workspace = Workspace::after_cold_start();
        let mut unknown = clients(World::Before, 53, 500);
        for client in unknown.iter_mut().step_by(50) {
            client.number_of_employees = 9999;
        }
        workspace.write("data/practicedata/unknown.csv", to_csv(&unknown));
        let run = workspace.run("fullprocess", &[]);
        page.shows("a run with a placeholder", &run);

        let later = to_csv(&clients(World::After, 52, 500));
        retrained.write("data/practicedata/later.csv", later);
        let run = retrained.run("fullprocess", &[]);
        page.shows("a run after a retrain", &run);

        let workspace = Workspace::after_cold_start();
        assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
        let (left, stayed): (Vec<_>, Vec<_>) = clients(World::Before, 51, 40)
            .into_iter()
            .partition(|client| client.exited);
        let few = [&left[..5], &stayed[..6]].concat();
        workspace.write("data/practicedata/few.csv", to_csv(&few));
        let run = workspace.run("fullprocess", &[]);
        page.shows("a run with too few labels", &run);
    });
}

//! The page on the call list.

use acceptance::sample_data::{World, clients, to_csv};

use super::each_block_of;
use crate::workspace::Workspace;

#[test]
fn call_list() {
    each_block_of("docs/call-list.md", |page| {
        let mut workspace = Workspace::after_redeployment();
        workspace.copy_sample("newclients", "newclients");
        let ranked = page.follow(&workspace);
        page.follow(&workspace);

        let actions = page.json();
        workspace.set("scoring", actions);
        let path = workspace.path("data/newclients/clients_2026_q3.csv");
        let path = path.to_str().expect("UTF-8");
        let with_actions = workspace.run("scoring", &["--rank", path]);
        assert_ne!(with_actions.stdout, ranked.stdout);
        page.shows("scoring --rank with actions", &with_actions);

        let mut workspace = Workspace::after_cold_start();
        workspace.set("scoring", page.json());
        let export = String::from_utf8(to_csv(&clients(World::Before, 30, 400))).expect("UTF-8");
        let rows = export.lines().filter_map(|line| line.rsplit_once(','));
        let unlabelled: String = rows.map(|(row, _)| format!("{row}\n")).collect();
        workspace.write("data/practicedata/march.csv", unlabelled);
        workspace.fullprocess();
        workspace.write("data/practicedata/april.csv", export);
        let run = workspace.run("fullprocess", &[]);
        page.shows("a run with labels of held-out clients", &run);
        page.shows("the predictions of its list", &run);
    });
}

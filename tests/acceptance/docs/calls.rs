//! The page on the call list.

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
    });
}

//! The page on the call list.

use super::each_block_of;
use crate::workspace::Workspace;

#[test]
fn call_list() {
    each_block_of("docs/call-list.md", |page| {
        let workspace = Workspace::after_redeployment();
        workspace.copy_sample("newclients", "newclients");
        page.follow(&workspace);
        page.follow(&workspace);
    });
}

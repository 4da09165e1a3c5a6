//! The page on reports.

use super::each_block_of;
use crate::workspace::Workspace;

#[test]
fn report() {
    each_block_of("docs/report.md", |page| {
        let workspace = Workspace::after_cold_start();
        page.follow(&workspace);
        page.follow(&workspace);
        for file in ["gain.svg", "gain.png", "roc.svg", "effect_1.png"] {
            assert!(workspace.path("figures").join(file).exists(), "{file}");
        }
    });
}

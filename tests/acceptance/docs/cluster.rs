//! The page on a distributed engine. The tested programs are built without a client for such an engine.

use super::each_block_of;
use crate::workspace::Workspace;

#[test]
fn a_distributed_engine() {
    each_block_of("docs/cluster.md", |page| {
        let mut workspace = Workspace::with_sample_data();
        workspace.set("engine", page.json()["engine"].clone());
        let build = "cargo build --release -p fullprocess --features cluster";
        workspace.run("fullprocess", &[]).failed(78, build);
    });
}

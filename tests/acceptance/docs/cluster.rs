//! The page on a distributed engine. The tested programs are built without a client for such an engine.

use super::each_block_of;
use crate::workspace::Workspace;

#[test]
fn a_distributed_engine() {
    each_block_of("docs/cluster.md", |page| {
        for _with_ingestion in [false, true] {
            let mut workspace = Workspace::with_sample_data();
            for (key, value) in page.json().as_object().expect("a configuration") {
                workspace.set(key, value.clone());
            }
            let build = "cargo build --release -p fullprocess --features cluster";
            workspace.run("fullprocess", &[]).failed(78, build);
        }
    });
}

//! The pages for the first hour: README, tutorial, and the switch to another input folder.

use super::each_block_of;
use crate::server::Server;
use crate::workspace::{Workspace, outcome};

#[test]
fn readme() {
    each_block_of("README.md", |page| {
        let mut workspace = Workspace::with_sample_data();
        page.follow(&workspace);

        let clients = workspace.text("data/testdata/clients_held_back.csv");
        workspace.write("clients.csv", clients);
        let tried = page.follow(&workspace);
        assert!(tried.stdout.contains("\"schema\""), "{}", tried.stdout);

        let line = page.follow(&workspace).stdout;
        workspace.runs_by_cron(&line);

        let server = Server::start(&mut workspace);
        let (path, body) = request(&page.commands());
        // curl sends this type.
        let answer = server.post(&path, "application/x-www-form-urlencoded", &body);
        assert!(answer.json(200)["predictions"].is_array());
        assert_eq!(server.stop(), 0);

        let workspace = Workspace::after_redeployment();
        page.follow(&workspace);
        assert_eq!(workspace.live(), "000001");
        page.follow(&workspace);
    });
}

/// Path and body of a request that a page makes with curl. The test sends the request itself, because
/// not every machine has curl.
fn request(commands: &str) -> (String, String) {
    let rest = commands.strip_prefix("curl -s http://127.0.0.1:8000");
    let (path, rest) = rest
        .and_then(|rest| rest.split_once(" -d '"))
        .expect("an address and a body");
    let (body, rest) = rest.split_once('\'').expect("the end of the body");
    assert_eq!(rest.trim_end(), " | head -c 300");
    (path.to_owned(), body.to_owned())
}

#[test]
fn tutorial() {
    each_block_of("docs/tutorial.md", |page| {
        let workspace = Workspace::with_sample_data();
        for _ in ["first run", "nothing new", "changed world", "rollback"] {
            page.follow(&workspace);
        }
        assert_eq!(workspace.live(), "000001");
        page.follow(&workspace);
        let again = workspace.fullprocess();
        assert_eq!(
            (outcome(&again), &again["run_id"]),
            ("cold_start", &1.into())
        );
        assert_eq!(again["rows"]["read"], 5200);
    });
}

#[test]
fn switching_folders() {
    each_block_of("docs/switching-folders.md", |page| {
        let workspace = Workspace::after_cold_start();
        page.follow(&workspace);
        assert_eq!(workspace.live(), "000002");
    });
}

//! The page on comparing two files.

use std::fmt::Write;

use super::each_block_of;
use crate::workspace::Workspace;

/// Clients with the probability to leave, the prediction and the label.
fn predicted(rows: usize) -> String {
    let mut text = String::from("corporation,spend,probability,prediction,exited\n");
    for row in 0..rows {
        let tenth = row * 7 % 10;
        let (predicted, left) = (
            u8::from(tenth > 4),
            u8::from(row * 31 % 97 < 5 + 10 * tenth),
        );
        let spend = row * 53 % 101;
        writeln!(text, "c{row},{spend},0.{tenth}5,{predicted},{left}").expect("a string takes all");
    }
    text
}

#[test]
fn comparing_files() {
    each_block_of("docs/comparing-files.md", |page| {
        let workspace = Workspace::with_sample_data();
        page.follow(&workspace);

        workspace.write("before.csv", predicted(900));
        workspace.write("predicted.csv", predicted(600));
        let names = [
            ("REFERENCE", "before.csv"),
            ("CURRENT", "predicted.csv"),
            ("--probability COLUMN", "--probability probability"),
            ("--prediction COLUMN", "--prediction prediction"),
        ];
        page.follow_by(|commands| {
            let named = |text: String, (word, name): &(&str, &str)| text.replace(word, name);
            workspace.shell(&names.iter().fold(commands.to_owned(), named))
        });
    });
}

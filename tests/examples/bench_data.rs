//! Writes seeded client files of any size for `scripts/bench.sh`.
//!
//! `cargo run --release -p acceptance --example bench_data -- FOLDER ROWS FILES before|after`
//!
//! The last tenth of each file is repeated at the beginning of the next one, because exports
//! overlap.

use std::collections::VecDeque;
use std::env;
use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::Path;

use acceptance::sample_data::{Client, World, clients};

/// Number of clients that are drawn at a time; a seed has no more.
const BATCH: usize = 100_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder, rows, files, world] = arguments.as_slice() else {
        return Err("usage: bench_data FOLDER ROWS FILES before|after".into());
    };
    let (rows, files): (usize, usize) = (rows.parse()?, files.parse()?);
    let (world, first_seed) = match world.as_str() {
        "before" => (World::Before, 1_000),
        "after" => (World::After, 2_000_000),
        other => return Err(format!("no such world: {other}").into()),
    };
    let folder = Path::new(folder);
    fs::create_dir_all(folder)?;
    let per_file = rows / files.max(1);
    let repeated = per_file / 10;
    let mut stream = Stream {
        world,
        seed: first_seed,
        batch: VecDeque::new(),
        drawn: 0,
        prefix: world_prefix(world),
    };
    let mut tail: Vec<String> = Vec::new();
    for file in 0..files {
        let path = folder.join(format!("clients_{file:03}.csv"));
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        let mut writer = BufWriter::new(file);
        writer.write_all(
            b"corporation,lastmonth_activity,lastyear_activity,number_of_employees,exited\n",
        )?;
        let head = std::mem::take(&mut tail);
        for line in &head {
            writer.write_all(line.as_bytes())?;
        }
        let fresh = per_file - head.len();
        for row in 0..fresh {
            let line = stream.next_line();
            writer.write_all(line.as_bytes())?;
            if row >= fresh - repeated {
                tail.push(line);
            }
        }
        writer.flush()?;
    }
    Ok(())
}

/// A stream of clients of one world, with short ids.
struct Stream {
    world: World,
    seed: u64,
    batch: VecDeque<Client>,
    drawn: u64,
    prefix: char,
}

impl Stream {
    fn next_line(&mut self) -> String {
        if self.batch.is_empty() {
            self.batch = clients(self.world, self.seed, BATCH).into();
            self.seed += 1;
        }
        let id = self.drawn;
        self.drawn += 1;
        // A batch is never empty, so there is always a client.
        self.batch.pop_front().map_or_else(String::new, |client| {
            format!(
                "{}{id},{},{},{},{}\n",
                self.prefix,
                client.lastmonth_activity,
                client.lastyear_activity,
                client.number_of_employees,
                u8::from(client.exited)
            )
        })
    }
}

fn world_prefix(world: World) -> char {
    match world {
        World::Before => 'b',
        World::After => 'a',
        World::Clear => 'c',
    }
}

//! Steps that may happen to a pipeline between two ingestions.

use std::fs;

use common::History;
use common::schema::{Kind, MissingShare, NumberRules};
use dataset::FingerprintKey;
use proptest::prelude::*;

use super::pipeline::{Pipeline, damage};
use crate::mark_evaluated;

#[derive(Clone, Debug)]
pub(super) enum Step {
    Write {
        file: u8,
        rows: Vec<(u8, u8)>,
    },
    Remove {
        file: u8,
    },
    /// Marks all rows as evaluated.
    Evaluate,
    LoseFinalData,
    ChangeFinalData,
    LeaveUncommittedTail,
    LoseKey,
    LoseFingerprints,
    /// Changes one byte of the key.
    DamageKey {
        byte: u8,
    },
    /// Changes one byte of a committed fingerprint of an evaluated row.
    DamageFingerprints {
        byte: u16,
    },
    /// Restores the carry of an earlier ingestion, as a kill after the commit leaves it.
    RestoreOldCarry,
    DamageCarry,
    DamageRowFingerprints {
        run: u8,
        byte: u16,
    },
    /// Sets the memory limit: zero or plenty.
    LimitMemory {
        mib: u64,
    },
    /// Sets the largest share of missing values that a file may have, in quarters.
    LimitMissing {
        quarters: u8,
    },
}

impl Pipeline {
    /// Without key or fingerprints, only the rows at the front of finaldata.csv are known to be evaluated.
    fn forget_evaluated(&mut self) {
        let evaluated = self.ledger().evaluated_rows as usize;
        self.evaluated = self.final_lines()[..evaluated].iter().cloned().collect();
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a test plays the foreign program"
    )]
    pub(super) fn apply(&mut self, step: &Step) {
        let layout = &self.config.layout;
        match step {
            Step::Write { file, rows } => {
                let lines: String = rows.iter().map(|(id, value)| row(*id, *value)).collect();
                fs::write(self.input(*file), format!("client,x,left\n{lines}")).unwrap();
            }
            Step::Remove { file } => {
                let _ = fs::remove_file(self.input(*file));
            }
            Step::LoseFinalData => {
                let _ = fs::remove_file(layout.final_data());
            }
            Step::ChangeFinalData => {
                if let Ok(mut bytes) = fs::read(layout.final_data()) {
                    let middle = bytes.len() / 2;
                    bytes[middle] ^= 1;
                    fs::write(layout.final_data(), bytes).unwrap();
                }
            }
            Step::LoseKey | Step::LoseFingerprints => {
                let lost = match step {
                    Step::LoseKey => layout.fingerprint_key(),
                    _ => layout.evaluated_fingerprints(),
                };
                if fs::remove_file(lost).is_ok() {
                    self.forget_evaluated();
                }
            }
            Step::DamageKey { byte } => {
                if let Ok(mut key) = fs::read(layout.fingerprint_key()) {
                    key[usize::from(*byte) % 16] ^= 1 << (byte / 16 % 8);
                    fs::write(layout.fingerprint_key(), key).unwrap();
                    self.forget_evaluated();
                }
            }
            Step::DamageFingerprints { byte } => {
                let path = layout.evaluated_fingerprints();
                let committed = match path.exists() {
                    true => self.ledger().evaluated_fingerprints as usize * 16,
                    false => 0,
                };
                if committed > 0 {
                    damage(&path, usize::from(*byte) % committed);
                    self.forget_evaluated();
                }
            }
            Step::RestoreOldCarry => {
                let old = std::mem::take(&mut self.old_carry);
                if !old.is_empty() {
                    let _ = fs::remove_dir_all(layout.row_fingerprints());
                    fs::create_dir_all(layout.row_fingerprints()).unwrap();
                }
                for (path, bytes) in old {
                    fs::write(path, bytes).unwrap();
                }
            }
            Step::DamageCarry => damage(&layout.ingestion_carry(), 100),
            Step::DamageRowFingerprints { run, byte } => {
                if let Ok(entries) = fs::read_dir(layout.row_fingerprints()) {
                    let mut runs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
                    runs.sort();
                    if let Some(run) = runs.get(usize::from(*run) % runs.len().max(1)) {
                        damage(run, usize::from(*byte));
                    }
                }
            }
            Step::LimitMemory { mib } => self.config.ingestion.memory_limit_mib = *mib,
            Step::LimitMissing { quarters } => {
                let share = MissingShare::new(f64::from(*quarters) / 4.0).unwrap();
                self.config.schema.features[0].kind = Kind::Number(NumberRules {
                    missing_share: share,
                    ..NumberRules::default()
                });
            }
            Step::LeaveUncommittedTail => {
                if let Ok(mut bytes) = fs::read(layout.final_data()) {
                    bytes.extend(b"half a r");
                    fs::write(layout.final_data(), bytes).unwrap();
                }
            }
            Step::Evaluate => {
                let history = History::open(layout).unwrap();
                let ledger = history.ledger().unwrap();
                let Some(key) = FingerprintKey::load(layout).unwrap() else {
                    return;
                };
                if let Ok(rows) = super::pipeline::fingerprints(&self.config, &ledger, &key) {
                    let evaluated = mark_evaluated(layout, &ledger, &rows, ledger.rows).unwrap();
                    history.save_ledger(&evaluated).unwrap();
                    self.evaluated.extend(self.final_lines());
                }
            }
        }
    }
}

/// A row as a line of CSV. Value 9 is an invalid row, 8 a missing value, 10 and more an unlabelled
/// row.
fn row(id: u8, value: u8) -> String {
    match value {
        10.. => format!("c{id},{},\n", value - 10),
        9 => format!("c{id},bad,0\n"),
        8 => format!("c{id},,0\n"),
        _ => format!("c{id},{value},{}\n", value % 2),
    }
}

/// Any step; usual steps come more often.
pub(super) fn step() -> impl Strategy<Value = Step> {
    let rows = prop::collection::vec((0..6u8, 0..13u8), 0..8);
    prop_oneof![
        6 => (0..4u8, rows).prop_map(|(file, rows)| Step::Write { file, rows }),
        2 => (0..4u8).prop_map(|file| Step::Remove { file }),
        2 => Just(Step::Evaluate),
        1 => Just(Step::LoseFinalData),
        1 => Just(Step::ChangeFinalData),
        1 => Just(Step::LeaveUncommittedTail),
        1 => Just(Step::LoseKey),
        1 => Just(Step::LoseFingerprints),
        1 => any::<u8>().prop_map(|byte| Step::DamageKey { byte }),
        1 => any::<u16>().prop_map(|byte| Step::DamageFingerprints { byte }),
        1 => Just(Step::RestoreOldCarry),
        1 => Just(Step::DamageCarry),
        1 => (any::<u8>(), any::<u16>())
            .prop_map(|(run, byte)| Step::DamageRowFingerprints { run, byte }),
        1 => prop_oneof![Just(0), Just(1024)].prop_map(|mib| Step::LimitMemory { mib }),
        2 => (0..=4u8).prop_map(|quarters| Step::LimitMissing { quarters }),
    ]
}

//! The dependencies as text: a line of counts, and a table of those that are outdated or yanked.

use std::collections::BTreeSet;
use std::fmt;

use super::dependency::{Dependencies, Dependency, Status};

impl fmt::Display for Dependencies {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts();
        write!(
            to,
            "dependencies: {} direct ({} outdated, {} yanked, {} unknown) and {} indirect",
            counts.direct,
            counts.outdated,
            counts.yanked.len(),
            counts.unknown,
            self.others
        )?;
        match self.asked_at {
            Some(at) => writeln!(to, ", asked {}", at.strftime("%Y-%m-%d %H:%M:%SZ"))?,
            None => writeln!(to)?,
        }
        for reason in self.reasons() {
            writeln!(to, "unknown: {reason}")?;
        }
        self.write_table(to)
    }
}

impl Dependencies {
    /// The distinct reasons for the status `unknown`.
    fn reasons(&self) -> BTreeSet<&str> {
        let reasons = self.direct.iter().filter_map(|one| one.reason.as_deref());
        reasons.collect()
    }

    fn write_table(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_shown = |one: &&Dependency| matches!(one.status, Status::Outdated | Status::Yanked);
        let shown: Vec<&Dependency> = self.direct.iter().filter(is_shown).collect();
        let widths = shown.iter().map(|one| one.name.len());
        let width = widths.max().unwrap_or(0).max("crate".len());
        if !shown.is_empty() {
            writeln!(
                to,
                "{:width$} {:>12} {:>12} {:>12}",
                "crate", "current", "compatible", "latest"
            )?;
        }
        for one in shown {
            let [current, compatible, latest] = [
                Some(&one.current),
                one.compatible.as_ref(),
                one.latest.as_ref(),
            ]
            .map(|version| version.map_or("-".into(), ToString::to_string));
            let mark = if one.status == Status::Yanked {
                "  yanked"
            } else {
                ""
            };
            writeln!(
                to,
                "{:width$} {current:>12} {compatible:>12} {latest:>12}{mark}",
                one.name
            )?;
        }
        Ok(())
    }
}

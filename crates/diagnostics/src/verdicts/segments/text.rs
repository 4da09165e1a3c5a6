//! Segments as text for people.

use std::fmt;

use common::numbers::{bound, bounds, count, p_value, two_digits};
use dataset::escaped;

use super::{Segment, SegmentCheck, SegmentPart};
use crate::compare::Verdict;

impl SegmentCheck {
    /// The worst segment that differs, as a sentence, and how many more there are. `None` if no segment
    /// differs.
    pub fn finding(&self) -> Option<String> {
        let worst = self.segments.first();
        let worst = worst.filter(|worst| worst.verdict == Verdict::Drift)?;
        let more = match self.differing.saturating_sub(1) {
            0 => String::new(),
            1 => "; 1 more segment differs".into(),
            more => format!("; {} more segments differ", count(more)),
        };
        Some(format!(
            "{worst} ({}){more}",
            p_value(worst.corrected_p_value)
        ))
    }

    /// The same as [`finding`](Self::finding), without names of levels. Ends of bins stay, although
    /// each is the value of a training row: without them, nobody would know which clients are
    /// meant.
    pub fn finding_without_levels(&self) -> Option<String> {
        let mut hidden = self.clone();
        for segment in &mut hidden.segments {
            if let SegmentPart::Level { level } = &mut segment.part {
                *level = None;
            }
        }
        hidden.finding()
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |positives: f64| two_digits(100.0 * positives / self.rows as f64);
        write!(
            to,
            "{}: {} % positive, {} % expected, n = {}",
            self.clients(),
            share(self.positives as f64),
            share(self.expected),
            count(self.rows)
        )
    }
}

impl Segment {
    /// The clients of the segment, such as `clients with number_of_employees 10 to 49`.
    pub fn clients(&self) -> String {
        let name = self.feature.as_deref().unwrap_or("a value");
        match &self.part {
            SegmentPart::All => "all clients".into(),
            SegmentPart::Numbers { from, to } => {
                format!("clients with {name}{}", range_in_words(*from, *to))
            }
            SegmentPart::OtherNumbers => format!("clients with any other {name}"),
            SegmentPart::Level { level: Some(level) } => {
                format!("clients with {name} = {}", escaped(level.as_bytes()))
            }
            SegmentPart::Level { level: None } => {
                format!("clients with one of the levels of {name}")
            }
            SegmentPart::OtherLevels => format!("clients with any other level of {name}"),
            SegmentPart::Missing => format!("clients without {name}"),
        }
    }
}

/// The range of a bin in words, to be written after the name of the feature.
fn range_in_words(from: Option<f64>, to: Option<f64>) -> String {
    match (from, to) {
        (None, None) => String::new(),
        (None, Some(to)) => format!(" at most {}", bound(to)),
        (Some(from), None) => format!(" {} or more", bound(from)),
        (Some(from), Some(to)) if from == to => format!(" {}", bound(from)),
        (Some(from), Some(to)) => {
            let [from, to] = bounds([from, to]);
            format!(" {from} to {to}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(feature: Option<&str>, part: SegmentPart) -> Segment {
        Segment {
            feature: feature.map(str::to_owned),
            part,
            rows: 212,
            positives: 66,
            expected: 38.2,
            statistic: 4.9,
            p_value: 1e-6,
            corrected_p_value: 3.1e-5,
            odds_ratio: Some(2.06),
            verdict: Verdict::Drift,
        }
    }

    #[test]
    fn a_segment_is_reported_with_its_expected_count() {
        let bin = SegmentPart::Numbers {
            from: Some(10.0),
            to: Some(49.0),
        };
        assert_eq!(
            segment(Some("number_of_employees"), bin).to_string(),
            "clients with number_of_employees 10 to 49: 31 % positive, 18 % expected, n = 212"
        );
        let rare = Segment {
            rows: 12_000,
            positives: 60,
            expected: 27.4,
            ..segment(None, SegmentPart::All)
        };
        assert_eq!(
            rare.to_string(),
            "all clients: 0.50 % positive, 0.23 % expected, n = 12,000"
        );
    }

    #[test]
    fn clients_of_every_segment_part_in_words() {
        let numbers = |from, to| SegmentPart::Numbers { from, to };
        let level = |level: Option<&str>| SegmentPart::Level {
            level: level.map(str::to_owned),
        };
        for (part, wanted) in [
            (numbers(None, Some(9.0)), "clients with x at most 9"),
            (numbers(Some(5000.0), None), "clients with x 5000 or more"),
            (numbers(Some(3.0), Some(3.0)), "clients with x 3"),
            (
                numbers(Some(0.123_456), Some(0.987_654)),
                "clients with x 0.123 to 0.988",
            ),
            (
                numbers(Some(-0.512_34), Some(-0.512_29)),
                "clients with x -0.51234 to -0.51229",
            ),
            (
                numbers(Some(1.5e-7), Some(2.25e12)),
                "clients with x 1.50e-7 to 2.25e12",
            ),
            (SegmentPart::OtherNumbers, "clients with any other x"),
            (level(Some("gold\n")), "clients with x = gold\\x0A"),
            (level(None), "clients with one of the levels of x"),
            (
                SegmentPart::OtherLevels,
                "clients with any other level of x",
            ),
            (SegmentPart::Missing, "clients without x"),
        ] {
            assert_eq!(segment(Some("x"), part).clients(), wanted);
        }
    }

    #[test]
    fn the_worst_segment_is_found_and_its_level_can_be_hidden() {
        let part = SegmentPart::Level {
            level: Some("gold".into()),
        };
        let check = SegmentCheck {
            verdict: Verdict::Drift,
            rows: 500,
            tested: 30,
            differing: 3,
            level: 0.005,
            segments: vec![segment(Some("plan"), part)],
        };
        let rest = ": 31 % positive, 18 % expected, n = 212 (p < 0.0001); 2 more segments differ";
        let [shown, hidden] = ["plan = gold", "one of the levels of plan"]
            .map(|who| Some(format!("clients with {who}{rest}")));
        assert_eq!(check.finding(), shown);
        assert_eq!(check.finding_without_levels(), hidden);
        let mut ok = check;
        ok.segments[0].verdict = Verdict::Ok;
        assert_eq!(ok.finding(), None);
    }
}

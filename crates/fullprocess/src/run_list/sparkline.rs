//! The score of the runs in one line of text.

use common::numbers::Scores;
use record::RunRecord;

/// Characters for scores, from the lowest score to the highest.
const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Character of a run without a score.
const NONE: char = '·';
/// Maximum number of runs in the line.
const MAX_RUNS: usize = 60;

/// One character for the F1 of each run that evaluated the deployed model. The line shows the newest
/// such runs, the newest on the right, and then the lowest and the highest F1 as numbers. `None` for
/// fewer than two scores.
pub(super) fn sparkline<'r>(newest_first: impl Iterator<Item = &'r RunRecord>) -> Option<String> {
    let evaluated = newest_first.filter(|run| run.evidence.is_some());
    let mut runs: Vec<&RunRecord> = evaluated.take(MAX_RUNS).collect();
    runs.reverse();
    let scores: Vec<f64> = runs.iter().filter_map(|run| run.new_score).collect();
    let (first, last) = (runs.first()?, runs.last()?);
    if scores.len() < 2 {
        return None;
    }
    let lowest = scores.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let line: String = runs
        .iter()
        .map(|run| {
            run.new_score
                .map_or(NONE, |score| step(score, [lowest, highest]))
        })
        .collect();
    let shown = Scores::of([lowest, highest]);
    Some(format!(
        "F1 on new rows, runs {} to {}: {line} (lowest {}, highest {})",
        first.run_id.unwrap_or_default(),
        last.run_id.unwrap_or_default(),
        shown.number(lowest),
        shown.number(highest)
    ))
}

/// The character of a score between the lowest and the highest.
fn step(score: f64, [lowest, highest]: [f64; 2]) -> char {
    let share = match highest > lowest {
        true => (score - lowest) / (highest - lowest),
        false => 0.5,
    };
    let last = STEPS.len() - 1;
    STEPS[((share * last as f64).round() as usize).min(last)]
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use record::Evidence;

    use super::*;

    fn runs(newest_first: &[Option<f64>]) -> Vec<RunRecord> {
        let run = |(place, score): (usize, &Option<f64>)| RunRecord {
            run_id: Some((newest_first.len() - place) as i64),
            new_score: *score,
            evidence: Some(Evidence::default()),
            ..RunRecord::begin(Timestamp::UNIX_EPOCH)
        };
        newest_first.iter().enumerate().map(run).collect()
    }

    fn sparkline_of(runs: &[RunRecord]) -> Option<String> {
        sparkline(runs.iter())
    }

    #[test]
    fn the_line_goes_from_the_lowest_to_the_highest_score() {
        let line = sparkline_of(&runs(&[Some(0.7), None, Some(0.6), Some(0.5), None])).unwrap();
        assert_eq!(
            line,
            "F1 on new rows, runs 1 to 5: ·▁▅·█ (lowest 0.50, highest 0.70)"
        );
        let equal = sparkline_of(&runs(&[Some(0.5), Some(0.5)])).unwrap();
        assert!(equal.contains(": ▅▅ ("), "{equal}");
    }

    #[test]
    fn fewer_than_two_scores_have_no_line_and_many_runs_are_cut() {
        assert_eq!(sparkline_of(&[]), None);
        assert_eq!(sparkline_of(&runs(&[None, Some(0.5)])), None);
        let many: Vec<Option<f64>> = (0..500).map(|run| Some(f64::from(run) / 500.0)).collect();
        let line = sparkline_of(&runs(&many)).unwrap();
        assert!(line.contains("runs 441 to 500:"), "{line}");
    }
}

//! The score file of a model: written, read, and compared.

use std::path::Path;

use common::{Config, Failure, files};

use crate::gate::SCORE_TOLERANCE;

/// Maximum number of bytes of an invalid score file that an error message shows.
const SHOWN: usize = 40;

/// Content of a score file: the shortest decimal that reads back as exactly this score, and a
/// newline.
pub fn score_text(f1: f64) -> String {
    format!("{f1}\n")
}

/// Writes the candidate's score file, and creates its folder if needed.
pub fn write_score(config: &Config, f1: f64) -> anyhow::Result<()> {
    files::create_folder(config.layout.models())?;
    files::replace(&config.layout.candidate_score(), score_text(f1).as_bytes())
}

/// Reads a score file. Returns an error if the file is missing, or holds anything except a number from 0 to
/// 1.
pub fn read_score(path: &Path) -> anyhow::Result<f64> {
    let content = files::read_if_present(path)?
        .ok_or_else(|| Failure::input_output(format!("there is no score at {}", path.display())))?;
    let score = std::str::from_utf8(&content)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .filter(|score| (0.0..=1.0).contains(score));
    score.ok_or_else(|| {
        let shown = &content[..content.len().min(SHOWN)];
        Failure::input_output(format!(
            "{} does not hold a number from 0 to 1: it holds \"{}\"",
            path.display(),
            dataset::escaped(shown.trim_ascii())
        ))
        .into()
    })
}

/// True if two scores are equal within rounding.
pub fn same_score(one: f64, other: f64) -> bool {
    (one - other).abs() <= SCORE_TOLERANCE
}

#[cfg(test)]
mod tests {
    use common::exit::{Exit, classify};

    use super::*;

    fn config(folder: &Path) -> Config {
        let text = r#"{"input_folder_path":"in","output_folder_path":"out",
            "test_data_path":"test","output_model_path":"models","prod_deployment_path":"prod"}"#;
        Config::parse(&folder.join("config.json"), text).unwrap()
    }

    #[test]
    fn a_score_survives_its_file_to_the_last_bit() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        for score in [0.0, 1.0, 0.1 + 0.2, 2.0 / 3.0, 1e-7] {
            write_score(&config, score).unwrap();
            assert_eq!(read_score(&config.layout.candidate_score()).unwrap(), score);
        }
        write_score(&config, 0.000_000_1).unwrap();
        let text = std::fs::read_to_string(config.layout.candidate_score()).unwrap();
        assert_eq!(text, "0.0000001\n");
    }

    #[test]
    fn an_invalid_score_file_is_an_error_with_its_path_and_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latestscore.txt");
        for text in [
            "", "\n", "high", "NaN", "inf", "-0.1", "1.5", "0.5 0.6", "\u{7}",
        ] {
            files::replace(&path, text.as_bytes()).unwrap();
            let error = read_score(&path).unwrap_err();
            let shown = dataset::escaped(text.trim().as_bytes());
            assert!(error.to_string().contains("latestscore.txt"), "{error}");
            assert!(error.to_string().contains(&shown), "{error}");
            assert_eq!(classify(&error), Exit::InputOutput);
        }
        files::replace(&path, b"\xff\xfe").unwrap();
        assert!(read_score(&path).unwrap_err().to_string().contains(r"\xFF"));
        files::replace(&path, b" 0.75\r\n").unwrap();
        assert_eq!(read_score(&path).unwrap(), 0.75);
    }

    #[test]
    fn scores_are_equal_within_rounding_only() {
        assert!(same_score(0.7, 0.7 + 9e-10));
        assert!(!same_score(0.7, 0.7 + 2e-9));
    }
}

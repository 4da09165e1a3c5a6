//! The folders that the configuration names, and what must not coincide.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::section::{Problems, Section};
use crate::Layout;

/// A folder that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFolder {
    /// As written in the configuration, normalised; files are known by this name.
    pub name: String,
    /// Absolute.
    pub path: PathBuf,
}

/// The folder keys as written.
pub(super) struct Folders {
    input: OneOrMany,
    output: String,
    test: String,
    models: String,
    production: String,
    state: String,
}

/// The folder keys resolved.
pub(super) struct ResolvedFolders {
    pub(super) inputs: Vec<InputFolder>,
    pub(super) test: InputFolder,
    pub(super) layout: Layout,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "must be a folder or a list of folders")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Folders {
    /// `None` when a required key is missing or of a wrong type.
    pub(super) fn read(root: &mut Section<'_>) -> Option<Self> {
        let input = root.required("input_folder_path");
        let output = root.required("output_folder_path");
        let test = root.required("test_data_path");
        let models = root.required("output_model_path");
        let production = root.required("prod_deployment_path");
        let state = root.value("state_folder_path", "data/state".to_owned());
        Some(Self {
            input: input?,
            output: output?,
            test: test?,
            models: models?,
            production: production?,
            state,
        })
    }

    pub(super) fn resolve(self, base: &Path, problems: &Problems) -> ResolvedFolders {
        let inputs: Vec<InputFolder> = match self.input {
            OneOrMany::One(folder) => vec![input_folder(base, &folder)],
            OneOrMany::Many(folders) => folders
                .iter()
                .map(|folder| input_folder(base, folder))
                .collect(),
        };
        let resolved = ResolvedFolders {
            inputs,
            test: input_folder(base, &self.test),
            layout: Layout {
                output: absolute(base, &self.output),
                models: absolute(base, &self.models),
                production: absolute(base, &self.production),
                state: absolute(base, &self.state),
            },
        };
        resolved.check(problems);
        resolved
    }
}

impl ResolvedFolders {
    fn check(&self, problems: &Problems) {
        self.check_inputs(problems);
        let written = [
            ("output_folder_path", &self.layout.output),
            ("output_model_path", &self.layout.models),
            ("prod_deployment_path", &self.layout.production),
            ("state_folder_path", &self.layout.state),
        ];
        for (key, path) in written {
            check_is_folder(key, path, problems);
            for input in self.inputs.iter().chain([&self.test]) {
                if path.starts_with(&input.path) {
                    let text = format!(
                        "lies in the input folder {}; what is written there would be read as data",
                        input.name
                    );
                    problems.add(key, &text);
                }
            }
            if key != "prod_deployment_path" && *path == self.layout.production {
                problems.add(
                    key,
                    "is the folder of prod_deployment_path; releases need their own",
                );
            }
        }
    }

    fn check_inputs(&self, problems: &Problems) {
        if self.inputs.is_empty() {
            problems.add("input_folder_path", "names no folder");
        }
        for (position, folder) in self.inputs.iter().enumerate() {
            check_is_folder("input_folder_path", &folder.path, problems);
            for earlier in &self.inputs[..position] {
                if overlap(&earlier.path, &folder.path) {
                    let text = format!("names the folder {} twice", folder.name);
                    problems.add("input_folder_path", &text);
                }
            }
            if overlap(&folder.path, &self.test.path) {
                let text = format!(
                    "overlaps the input folder {}; test data must be kept apart",
                    folder.name
                );
                problems.add("test_data_path", &text);
            }
        }
        check_is_folder("test_data_path", &self.test.path, problems);
    }
}

/// Whether one folder is the other or lies in it.
fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

fn check_is_folder(key: &str, path: &Path, problems: &Problems) {
    if path.exists() && !path.is_dir() {
        problems.add(key, &format!("{} is a file, not a folder", path.display()));
    }
}

fn input_folder(base: &Path, written: &str) -> InputFolder {
    InputFolder {
        name: normalised(Path::new(written)).display().to_string(),
        path: absolute(base, written),
    }
}

/// A path of the configuration, resolved against its folder.
pub(super) fn absolute(base: &Path, written: &str) -> PathBuf {
    normalised(&base.join(written))
}

/// The path without `.` and inner `..`, without asking the file system.
fn normalised(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(clean.components().next_back(), Some(Component::Normal(_))) =>
            {
                clean.pop();
            }
            component => clean.push(component),
        }
    }
    clean
}

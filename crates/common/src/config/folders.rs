//! The configured folders, and the checks that they do not overlap.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::section::{Problems, Section};
use crate::Layout;

/// A folder that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFolder {
    /// Normalised name from the configuration; files are identified by it.
    pub name: String,
    /// Absolute path.
    pub path: PathBuf,
    /// Folders whose files are never read through a link in this folder.
    pub excluded: Vec<ExcludedFolder>,
}

/// A folder whose files are no input of another folder, even when a link leads to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExcludedFolder {
    /// Configuration key of the folder.
    pub key: &'static str,
    /// Path with all links resolved.
    pub real: PathBuf,
}

const PRODUCTION: &str = "prod_deployment_path";
const STATE: &str = "state_folder_path";

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
    /// The folder keys; `None` when a required key is missing, empty or of a wrong type.
    pub(super) fn read(root: &mut Section<'_>) -> Option<Self> {
        let input = root.required_as(
            "input_folder_path",
            "is required: name the folder of the input files, or a list of folders",
        );
        let output = root.required_as(
            "output_folder_path",
            "is required: name the folder for the ingested data",
        );
        let test = root.required_as(
            "test_data_path",
            "is required: name the folder of the test data",
        );
        let models = root.required_as(
            "output_model_path",
            "is required: name the folder for candidates and reports",
        );
        let production = root.required_as(
            "prod_deployment_path",
            "is required: name the folder for the deployed model",
        );
        let state = root.value("state_folder_path", "data/state".to_owned());
        let folders = Self {
            input: input?,
            output: output?,
            test: test?,
            models: models?,
            production: production?,
            state,
        };
        let unnamed = folders.unnamed();
        for key in &unnamed {
            root.problem(key, "is empty: name a folder");
        }
        unnamed.is_empty().then_some(folders)
    }

    /// The keys whose value is empty.
    fn unnamed(&self) -> Vec<&'static str> {
        let inputs = match &self.input {
            OneOrMany::One(folder) => std::slice::from_ref(folder),
            OneOrMany::Many(folders) => folders,
        };
        let inputs = inputs.iter().map(|folder| ("input_folder_path", folder));
        let others = [
            ("output_folder_path", &self.output),
            ("test_data_path", &self.test),
            ("output_model_path", &self.models),
            (PRODUCTION, &self.production),
            (STATE, &self.state),
        ];
        let all = inputs.chain(others);
        all.filter(|(_, folder)| folder.trim().is_empty())
            .map(|(key, _)| key)
            .collect()
    }

    pub(super) fn resolve(self, base: &Path, problems: &Problems) -> ResolvedFolders {
        let inputs: Vec<InputFolder> = match self.input {
            OneOrMany::One(folder) => vec![input_folder(base, &folder)],
            OneOrMany::Many(folders) => folders
                .iter()
                .map(|folder| input_folder(base, folder))
                .collect(),
        };
        let mut resolved = ResolvedFolders {
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
    /// Notes a problem if the storage of an engine is not apart from the folders of the pipeline.
    pub(super) fn check_storage(&self, storage: &Path, problems: &Problems) {
        let storage = real(storage);
        let written = self.written().map(|folder| (folder.key, folder.real));
        let inputs = self
            .inputs
            .iter()
            .map(|it| ("input_folder_path", real(&it.path)));
        let test = ("test_data_path", real(&self.test.path));
        for (key, folder) in written.into_iter().chain(inputs).chain([test]) {
            if overlap(&storage, &folder) {
                let text = format!(
                    "overlaps the folder of {key}; the rows of the engine need a folder of their own"
                );
                problems.add("engine.storage", &text);
            }
        }
    }

    fn check(&mut self, problems: &Problems) {
        self.check_inputs(problems);
        let written = self.written();
        let cleaned = self.cleaned();
        for place in &written {
            check_is_folder(place.key, &place.path, problems);
            if place.key != PRODUCTION && place.real == real(&self.layout.production) {
                problems.add(
                    place.key,
                    "is the folder of prod_deployment_path; releases need their own",
                );
            }
            for (owner, cleaned) in &cleaned {
                if place.real.starts_with(cleaned) {
                    let text = format!(
                        "lies in {}, which a run makes and cleans ({owner}); name another folder",
                        cleaned.display()
                    );
                    problems.add(place.key, &text);
                }
            }
        }
        // A cleaned folder may be a link that leads out of the written folders.
        let elsewhere = cleaned.into_iter().filter(|(_, cleaned)| {
            let mut written = written.iter();
            !written.any(|place| cleaned.starts_with(&place.real))
        });
        let elsewhere: Vec<WrittenFolder> = elsewhere
            .map(|(owner, cleaned)| WrittenFolder::of(owner, cleaned))
            .collect();
        let written: Vec<WrittenFolder> = written.into_iter().chain(elsewhere).collect();
        let of_users = self
            .inputs
            .iter()
            .map(|folder| ("input_folder_path", folder));
        let of_users = of_users.chain([("test_data_path", &self.test)]);
        for (key, folder) in of_users {
            let input = real(&folder.path);
            for place in &written {
                if place.real.starts_with(&input) {
                    let text = format!(
                        "lies in the input folder {}; what is written there would be read as data",
                        folder.name
                    );
                    problems.add(place.key, &text);
                } else if input.starts_with(&place.real) {
                    let text = format!(
                        "{} lies in the folder of {}, where runs write and clean up; client data needs a folder of its own",
                        folder.name, place.key
                    );
                    problems.add(key, &text);
                }
            }
        }
        // A link may appear in an input folder at any time. The listing therefore does not follow
        // links into these folders.
        let mut excluded: Vec<ExcludedFolder> =
            written.iter().map(WrittenFolder::as_excluded).collect();
        self.test.excluded.clone_from(&excluded);
        excluded.push(ExcludedFolder {
            key: "test_data_path",
            real: real(&self.test.path),
        });
        for folder in &mut self.inputs {
            folder.excluded.clone_from(&excluded);
        }
    }

    /// The folders that runs write to.
    fn written(&self) -> [WrittenFolder; 4] {
        let Layout {
            output,
            models,
            production,
            state,
        } = self.layout.clone();
        [
            WrittenFolder::of("output_folder_path", output),
            WrittenFolder::of("output_model_path", models),
            WrittenFolder::of(PRODUCTION, production),
            WrittenFolder::of(STATE, state),
        ]
    }

    /// Folders inside the written ones that runs create and clean, each with the key of the written
    /// folder.
    fn cleaned(&self) -> [(&'static str, PathBuf); 4] {
        let layout = &self.layout;
        [
            (PRODUCTION, real(&layout.releases())),
            (PRODUCTION, real(&layout.current())),
            (STATE, real(&layout.row_fingerprints())),
            (STATE, real(&layout.runs())),
        ]
    }

    fn check_inputs(&self, problems: &Problems) {
        if self.inputs.is_empty() {
            problems.add("input_folder_path", "names no folder");
        }
        let test = real(&self.test.path);
        for (position, folder) in self.inputs.iter().enumerate() {
            let input = real(&folder.path);
            check_is_folder("input_folder_path", &folder.path, problems);
            for earlier in &self.inputs[..position] {
                if overlap(&real(&earlier.path), &input) {
                    let text = format!("names the folder {} twice", folder.name);
                    problems.add("input_folder_path", &text);
                }
            }
            if overlap(&input, &test) {
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

/// A folder that runs write to.
struct WrittenFolder {
    key: &'static str,
    path: PathBuf,
    real: PathBuf,
}

impl WrittenFolder {
    fn of(key: &'static str, path: PathBuf) -> Self {
        Self {
            key,
            real: real(&path),
            path,
        }
    }

    fn as_excluded(&self) -> ExcludedFolder {
        ExcludedFolder {
            key: self.key,
            real: self.real.clone(),
        }
    }
}

/// Path with its links resolved, as far as the path exists.
fn real(path: &Path) -> PathBuf {
    let existing = path.ancestors().find_map(|ancestor| {
        let real = ancestor.canonicalize().ok()?;
        Some(real.join(path.strip_prefix(ancestor).ok()?))
    });
    // Joining an empty path adds a trailing slash, which comparisons ignore.
    existing.unwrap_or_else(|| path.to_owned())
}

/// True if one folder equals or contains the other.
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
        excluded: Vec::new(),
    }
}

/// A path of the configuration, resolved against the folder of the configuration file.
pub(super) fn absolute(base: &Path, written: &str) -> PathBuf {
    normalised(&base.join(written))
}

/// The path without `.` and inner `..`, computed from the text alone.
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

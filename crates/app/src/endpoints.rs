//! The endpoints: one entry for each address, without its handler. Routes, metrics, access rules and
//! documentation are made from them.

use reporting::dashboard::paths;

use crate::accept::Media;

/// Scope that a key needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// No key is needed.
    Open,
    /// Reading.
    Read,
    /// Predictions.
    Predict,
}

/// Method of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
}

/// An address, or a pattern of addresses.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Pattern of the address.
    pub(crate) path: &'static str,
    pub(crate) verb: Verb,
    pub(crate) access: Access,
    /// One line that describes the answer.
    pub(crate) summary: &'static str,
    /// Query parameters.
    pub(crate) parameters: &'static [Parameter],
    /// Media types of its answer, the default first.
    pub(crate) media: &'static [Media],
    /// Name of the answer's schema.
    pub(crate) schema: &'static str,
    /// Codes of the problems specific to it.
    pub(crate) problems: &'static [&'static str],
    /// A request and its answer; `None` for pages.
    pub(crate) example: Option<Example>,
}

/// An example of the documentation. The answer is one that the server gave on the sample data of
/// the repository. Lists are shortened; "…" marks what is left out.
#[derive(Debug)]
pub(crate) struct Example {
    /// Address with its query.
    pub(crate) address: &'static str,
    /// Body of the request, as CSV.
    pub(crate) body: Option<&'static str>,
    /// Body of the answer.
    pub(crate) answer: &'static str,
}

/// A query parameter.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) kind: ParameterKind,
    pub(crate) summary: &'static str,
}

/// Allowed values of a parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ParameterKind {
    Bool,
    /// A number from 0 to 1.
    Share,
    /// A whole number from 1 to this limit.
    Count(u32),
    /// The number of a run or a release, or a place in a list, from 1.
    Number,
    /// Any text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// Upper limit of items on a page of a list.
pub(crate) const MAX_PAGE: u32 = 200;

const PAGE: &[Parameter] = &[
    Parameter {
        name: "limit",
        kind: ParameterKind::Count(MAX_PAGE),
        summary: "how many, the newest first; 20 by default",
    },
    Parameter {
        name: "before",
        kind: ParameterKind::Number,
        summary: "only items older than the one with this number: the last one of the previous page, named by its member next",
    },
];

/// Names of the bands of the call list.
pub(crate) const BANDS: &[&str] = &[
    "high",
    "medium",
    "low",
    "decile_1",
    "decile_2",
    "decile_3",
    "decile_4",
    "decile_5",
    "decile_6",
    "decile_7",
    "decile_8",
    "decile_9",
    "decile_10",
];

/// Problems of a list: one page may exceed the memory limit.
const LISTED: &[&str] = &["body-too-large"];

const GET: Endpoint = Endpoint {
    path: "",
    verb: Verb::Get,
    access: Access::Read,
    summary: "",
    parameters: &[],
    media: &[Media::Json],
    schema: "",
    problems: &[],
    example: None,
};

/// The example of an endpoint that is only read.
const fn read(address: &'static str, answer: &'static str) -> Option<Example> {
    Some(Example {
        address,
        body: None,
        answer,
    })
}

/// The example of a problem: a row that cannot be read.
pub(crate) static PROBLEM_EXAMPLE: Example = Example {
    address: "/prediction",
    body: Some(include_str!("../assets/examples/problem.csv")),
    answer: include_str!("../assets/examples/problem.json"),
};

pub(crate) static PREDICTION: Endpoint = Endpoint {
    path: "/prediction",
    verb: Verb::Post,
    access: Access::Predict,
    summary: "Predictions for the rows of the body; missing cells and unseen levels are counted",
    parameters: &[
        Parameter {
            name: "threshold",
            kind: ParameterKind::Share,
            summary: "the label 1 is predicted where its probability is above this; the model's own threshold by default",
        },
        Parameter {
            name: "explain",
            kind: ParameterKind::Bool,
            summary: "whether each prediction is explained, as JSON or CSV",
        },
    ],
    media: &[Media::Json, Media::Csv, Media::Text],
    schema: "Predictions",
    problems: &[
        "json-invalid",
        "not-utf8",
        "gzip-invalid",
        "ambiguous-input",
        "body-incomplete",
        "path-not-allowed",
        "file-not-found",
        "body-timeout",
        "body-too-large",
        "too-many-rows",
        "too-many-columns",
        "field-too-long",
        "content-type",
        "content-encoding",
        "row-invalid",
        "missing-column",
        "duplicate-column",
        "csv-invalid",
        "no-rows",
        "no-model",
    ],
    example: Some(Example {
        address: "/prediction?explain=true",
        body: Some(include_str!("../assets/examples/prediction.csv")),
        answer: include_str!("../assets/examples/prediction.json"),
    }),
};
pub(crate) static SCORING: Endpoint = Endpoint {
    path: "/scoring",
    summary: "The deployed model on the test data as it is now",
    media: &[Media::Json, Media::Text],
    schema: "Score",
    problems: &["no-data", "no-model", "overloaded"],
    example: read("/scoring", include_str!("../assets/examples/scoring.json")),
    ..GET
};
pub(crate) static SUMMARYSTATS: Endpoint = Endpoint {
    path: "/summarystats",
    summary: "Statistics of the ingested data, of a category its most frequent levels, as the last ingestion stored them",
    schema: "Summary",
    problems: &["no-data", "overloaded"],
    example: read(
        "/summarystats",
        include_str!("../assets/examples/summarystats.json"),
    ),
    ..GET
};
pub(crate) static DIAGNOSTICS: Endpoint = Endpoint {
    path: "/diagnostics",
    summary: "Durations, missing values, dependencies, drift and the last run, from the history",
    schema: "Diagnostics",
    problems: &["no-data", "overloaded"],
    example: read(
        "/diagnostics",
        include_str!("../assets/examples/diagnostics.json"),
    ),
    ..GET
};
pub(crate) static LIVEZ: Endpoint = Endpoint {
    path: "/livez",
    access: Access::Open,
    summary: "Liveness check",
    schema: "Health",
    example: read("/livez", include_str!("../assets/examples/livez.json")),
    ..GET
};
pub(crate) static READYZ: Endpoint = Endpoint {
    path: "/readyz",
    access: Access::Open,
    summary: "Whether predictions can be made; 503 with the same body when not",
    schema: "Health",
    example: read("/readyz", include_str!("../assets/examples/readyz.json")),
    ..GET
};
pub(crate) static METRICS: Endpoint = Endpoint {
    path: "/metrics",
    summary: "Counters and gauges in the text form of Prometheus",
    media: &[Media::Metrics],
    schema: "Text",
    example: read("/metrics", include_str!("../assets/examples/metrics.txt")),
    ..GET
};
pub(crate) static VERSION: Endpoint = Endpoint {
    path: "/version",
    summary: "The versions of the server and of the model",
    schema: "Version",
    example: read("/version", include_str!("../assets/examples/version.json")),
    ..GET
};
pub(crate) static RUNS: Endpoint = Endpoint {
    path: "/v1/runs",
    summary: "The runs that ended, with what they found and decided, newest first",
    parameters: PAGE,
    schema: "Runs",
    problems: LISTED,
    example: read(
        "/v1/runs?limit=1",
        include_str!("../assets/examples/v1_runs.json"),
    ),
    ..GET
};
pub(crate) static RUN: Endpoint = Endpoint {
    path: "/v1/runs/{id}",
    summary: "Everything that one run recorded",
    schema: "Run",
    problems: &["no-data", "overloaded"],
    example: read(
        "/v1/runs/2",
        include_str!("../assets/examples/v1_runs_id.json"),
    ),
    ..GET
};
pub(crate) static DRIFT: Endpoint = Endpoint {
    path: "/v1/drift",
    summary: "How runs evaluated the deployed model on new rows, newest first",
    parameters: PAGE,
    schema: "Drift",
    problems: LISTED,
    example: read(
        "/v1/drift?limit=1",
        include_str!("../assets/examples/v1_drift.json"),
    ),
    ..GET
};
pub(crate) static MODEL: Endpoint = Endpoint {
    path: "/v1/model",
    summary: "The model that is served: columns, coefficients (of a category one a level, and one for any other), and where it came from",
    schema: "Model",
    problems: &["no-model"],
    example: read(
        "/v1/model",
        include_str!("../assets/examples/v1_model.json"),
    ),
    ..GET
};
pub(crate) static RELEASES: Endpoint = Endpoint {
    path: "/v1/releases",
    summary: "The releases that are kept, newest first",
    parameters: PAGE,
    schema: "Releases",
    problems: LISTED,
    example: read(
        "/v1/releases?limit=1",
        include_str!("../assets/examples/v1_releases.json"),
    ),
    ..GET
};
pub(crate) static RISKS: Endpoint = Endpoint {
    path: "/v1/risks",
    summary: "The call list: clients without a label by risk, with reasons, as the last ranking stored it",
    parameters: &[
        Parameter {
            name: "limit",
            kind: ParameterKind::Count(MAX_PAGE),
            summary: "how many, those to call first at the top; 20 by default",
        },
        Parameter {
            name: "band",
            kind: ParameterKind::Word(BANDS),
            summary: "only clients of this band",
        },
        Parameter {
            name: "before",
            kind: ParameterKind::Number,
            summary: "only clients after this rank: the rank of the last client of the previous page, named by its member next",
        },
    ],
    media: &[Media::Json, Media::Csv],
    schema: "Risks",
    problems: &["no-data", "body-too-large", "call-list-damaged"],
    example: read(
        "/v1/risks?limit=1",
        include_str!("../assets/examples/v1_risks.json"),
    ),
    ..GET
};
pub(crate) static REPORT: Endpoint = Endpoint {
    path: "/v1/reports/{run}",
    summary: "The report of one run, as a page",
    media: &[Media::Html],
    schema: "Text",
    problems: &["no-data", "overloaded"],
    ..GET
};
pub(crate) static OPENAPI: Endpoint = Endpoint {
    path: "/openapi.json",
    access: Access::Open,
    summary: "This description",
    schema: "Document",
    example: read(
        "/openapi.json",
        include_str!("../assets/examples/openapi_json.json"),
    ),
    ..GET
};
pub(crate) static DOCS: Endpoint = Endpoint {
    path: "/docs",
    access: Access::Open,
    summary: "This description for people, with all problem types",
    media: &[Media::Html],
    schema: "Text",
    ..GET
};
/// Common values of the pages of the dashboard.
const PAGE_FOR_PEOPLE: Endpoint = Endpoint {
    media: &[Media::Html],
    schema: "Text",
    problems: &["overloaded"],
    ..GET
};

/// The parameter of a page that shows a part of a list.
const BEFORE: Parameter = Parameter {
    name: "before",
    kind: ParameterKind::Number,
    summary: "only items older than the one with this number",
};
const BAND: Parameter = Parameter {
    name: "band",
    kind: ParameterKind::Word(BANDS),
    summary: "only clients of this band",
};
const CALL: Parameter = Parameter {
    name: "call",
    kind: ParameterKind::Word(CALLS_IN_WORDS),
    summary: "only clients to call, clients not to call, or held-out clients",
};
const CLIENT: Parameter = Parameter {
    name: "client",
    kind: ParameterKind::Text,
    summary: "only clients whose id contains this text, whatever the case of its letters",
};
/// Values of the parameter `call`.
pub(crate) const CALLS_IN_WORDS: &[&str] = &["yes", "no", "held_out"];

pub(crate) static START: Endpoint = Endpoint {
    path: paths::OVERVIEW,
    summary: "The dashboard: state now, and what needs attention",
    ..PAGE_FOR_PEOPLE
};
pub(crate) static SCORE_PAGE: Endpoint = Endpoint {
    path: paths::SCORE,
    summary: "Dashboard: the score of the deployed model by run",
    parameters: &[BEFORE],
    ..PAGE_FOR_PEOPLE
};
pub(crate) static DRIFT_PAGE: Endpoint = Endpoint {
    path: paths::DRIFT,
    summary: "Dashboard: drift by feature, or one feature",
    parameters: &[
        Parameter {
            name: "feature",
            kind: ParameterKind::Text,
            summary: "the page of the feature with this name",
        },
        BEFORE,
    ],
    problems: &["no-data"],
    ..PAGE_FOR_PEOPLE
};
pub(crate) static CALLS_PAGE: Endpoint = Endpoint {
    path: paths::CALLS,
    summary: "Dashboard: the call list with a filter",
    parameters: &[
        BAND,
        CALL,
        CLIENT,
        Parameter {
            name: "before",
            kind: ParameterKind::Number,
            summary: "only clients after this rank",
        },
    ],
    ..PAGE_FOR_PEOPLE
};
pub(crate) static CALLS_FILE: Endpoint = Endpoint {
    path: paths::CALLS_CSV,
    summary: "Dashboard: the clients of the call list that a filter selects, as a file",
    parameters: &[BAND, CALL, CLIENT],
    media: &[Media::Csv],
    problems: &["no-data", "body-too-large", "call-list-damaged"],
    ..PAGE_FOR_PEOPLE
};
pub(crate) static RUNS_PAGE: Endpoint = Endpoint {
    path: paths::RUNS,
    summary: "Dashboard: the runs with their reasons",
    parameters: &[BEFORE],
    ..PAGE_FOR_PEOPLE
};
pub(crate) static RUN_PAGE: Endpoint = Endpoint {
    path: paths::RUN,
    summary: "Dashboard: one run",
    problems: &["no-data"],
    ..PAGE_FOR_PEOPLE
};
pub(crate) static RELEASES_PAGE: Endpoint = Endpoint {
    path: paths::RELEASES,
    summary: "Dashboard: the releases",
    parameters: &[BEFORE],
    ..PAGE_FOR_PEOPLE
};
pub(crate) static RELEASE_PAGE: Endpoint = Endpoint {
    path: paths::RELEASE,
    summary: "Dashboard: one release, what changed, and how to go back to it",
    parameters: &[Parameter {
        name: "with",
        kind: ParameterKind::Number,
        summary: "the release to compare with; by default the one that it replaced",
    }],
    problems: &["no-data", "body-too-large"],
    ..PAGE_FOR_PEOPLE
};
pub(crate) static ALERTS_PAGE: Endpoint = Endpoint {
    path: paths::ALERTS,
    summary: "Dashboard: the alerts, each with its run",
    parameters: &[BEFORE],
    ..PAGE_FOR_PEOPLE
};
pub(crate) static REPORTS_PAGE: Endpoint = Endpoint {
    path: paths::REPORTS,
    summary: "Dashboard: the reports of runs",
    parameters: &[BEFORE],
    ..PAGE_FOR_PEOPLE
};
/// All endpoints.
pub(crate) static ALL: [&Endpoint; 28] = [
    &PREDICTION,
    &SCORING,
    &SUMMARYSTATS,
    &DIAGNOSTICS,
    &LIVEZ,
    &READYZ,
    &METRICS,
    &VERSION,
    &RUNS,
    &RUN,
    &DRIFT,
    &MODEL,
    &RELEASES,
    &RISKS,
    &REPORT,
    &OPENAPI,
    &DOCS,
    &START,
    &SCORE_PAGE,
    &DRIFT_PAGE,
    &CALLS_PAGE,
    &CALLS_FILE,
    &RUNS_PAGE,
    &RUN_PAGE,
    &RELEASES_PAGE,
    &RELEASE_PAGE,
    &ALERTS_PAGE,
    &REPORTS_PAGE,
];

impl Endpoint {
    /// Identifies the endpoint in the documentation: the words of its path.
    pub(crate) fn id(&self) -> String {
        let words: Vec<&str> = self
            .path
            .split(|character: char| !character.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        match words.as_slice() {
            [] => "start".into(),
            words => words.join("_"),
        }
    }

    /// True for a check of the server's health. Such an answer has no entity tag, and does not
    /// depend on the header `Accept`.
    pub(crate) fn is_health_check(&self) -> bool {
        self.schema == "Health"
    }

    /// True for an endpoint that monitoring asks by the address of the server: the health checks
    /// and the metrics.
    pub(crate) fn is_monitoring(&self) -> bool {
        self.is_health_check() || self.media == [Media::Metrics]
    }

    /// True for a page or file that people ask for with a browser. A browser can send a key only as a
    /// password.
    pub(crate) fn is_for_browsers(&self) -> bool {
        let is_for_people = |media: &Media| matches!(media, Media::Html | Media::Csv);
        self.access != Access::Open && self.media.iter().all(is_for_people)
    }

    /// The methods, as in the header `Allow`.
    pub(crate) fn allowed(&self) -> &'static str {
        match self.verb {
            Verb::Get => "GET, HEAD, OPTIONS",
            Verb::Post => "POST, OPTIONS",
        }
    }

    fn is_at(&self, path: &str) -> bool {
        match self.path.split_once('{') {
            None => self.path == path,
            Some((before, _)) => path
                .strip_prefix(before)
                .is_some_and(|rest| !rest.is_empty() && !rest.contains('/')),
        }
    }
}

/// True for the addresses of the dashboard, also those that do not exist. Their errors are pages.
pub(crate) fn is_of_dashboard(path: &str) -> bool {
    let rest = path.strip_prefix("/dashboard");
    path == paths::OVERVIEW || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The position in [`ALL`] of the endpoint of an address.
pub(crate) fn endpoint_index(path: &str) -> Option<usize> {
    ALL.iter().position(|endpoint| endpoint.is_at(path))
}

/// The usual form of an address that is written in another common form: with a slash at the end, or
/// with the version of the API at the beginning. Also for the folder of the dashboard, and for the name
/// that other servers give their health check.
pub(crate) fn endpoint_address_of(path: &str) -> Option<&str> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let unversioned = path.strip_prefix("/v1");
    let unversioned = unversioned.filter(|rest| !rest.starts_with("/v1"));
    let candidates = [Some(path), unversioned];
    match path {
        "/healthz" => Some(LIVEZ.path),
        // The folder of the other pages leads to the overview.
        "/dashboard" => Some(START.path),
        _ => candidates
            .into_iter()
            .flatten()
            .find(|path| *path != START.path && endpoint_index(path).is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_belongs_to_its_pattern() {
        let pattern = |path| endpoint_index(path).map(|index| ALL[index].path);
        assert_eq!(pattern("/scoring"), Some("/scoring"));
        assert_eq!(pattern("/v1/runs"), Some("/v1/runs"));
        assert_eq!(pattern("/v1/runs/12"), Some("/v1/runs/{id}"));
        assert_eq!(pattern("/"), Some("/"));
        assert_eq!(pattern("/dashboard/runs"), Some("/dashboard/runs"));
        assert_eq!(pattern("/dashboard/runs/7"), Some("/dashboard/runs/{id}"));
        for (other_form, path) in [
            ("/scoring/", Some("/scoring")),
            ("/v1/runs/", Some("/v1/runs")),
            ("/v1/runs/7/", Some("/v1/runs/7")),
            ("/v1/prediction", Some("/prediction")),
            ("/v1/prediction/", Some("/prediction")),
            ("/v1/scoring", Some("/scoring")),
            ("/healthz", Some("/livez")),
            ("/healthz/", Some("/livez")),
            ("/dashboard", Some("/")),
            ("/dashboard/", Some("/")),
            ("/dashboard//", None),
            ("/v1/dashboard", None),
            ("//", None),
            ("/v1", None),
            ("/v1/", None),
            ("/v1//", None),
            ("/v1/v1/runs", None),
            ("/v1/runs/7/8/", None),
            ("/scoring//", None),
            ("", None),
        ] {
            assert_eq!(endpoint_address_of(other_form), path, "{other_form}");
        }
        for nowhere in ["//", "/scoring/", "/v1/runs/", "/v1/runs/1/2", "/v1", ""] {
            assert_eq!(pattern(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn only_pages_and_files_for_people_take_a_password() {
        let with_password = ALL.iter().filter(|endpoint| endpoint.is_for_browsers());
        let paths: Vec<&str> = with_password.map(|endpoint| endpoint.path).collect();
        let others = |path: &&&str| !is_of_dashboard(path);
        assert_eq!(paths.iter().filter(others).count(), 1, "{paths:?}");
        assert!(paths.contains(&"/v1/reports/{run}") && paths.contains(&"/"));
        for path in ["/dashboard", "/dashboard/", "/dashboard/x", "/"] {
            assert!(is_of_dashboard(path), "{path}");
        }
        for path in ["/dashboards", "/docs", "/v1/runs", ""] {
            assert!(!is_of_dashboard(path), "{path}");
        }
    }
}

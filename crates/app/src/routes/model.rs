//! `GET /v1/model` and `GET /v1/releases`: the served model, and the releases that are kept.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use common::ledger::DataPosition;
use common::schema::{Feature, Labels};
use dataset::passes::Encoding;
use jiff::Timestamp;
use model::{Check, Coefficient, Convergence, Form, FormResult, PairTable, WindowResult};
use schemars::JsonSchema;
use serde::Serialize;

use super::json::{self, expect_json};
use super::page::{Listing, Page};
use super::query::expect_no_parameters;
use crate::accept::Media;
use crate::answer;
use crate::endpoints;
use crate::error::ApiError;
use crate::snapshot::Snapshot;
use crate::state::AppState;

/// The served model.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Model")]
pub(crate) struct ServedModel<'a> {
    /// Number of the release that is served.
    model_version: &'a str,
    /// Time when the release was created.
    #[schemars(with = "common::DateTime")]
    created_at: Timestamp,
    /// The run that made the release; `null` when it was deployed by hand.
    run: Option<i64>,
    /// The release that was live before it; `null` for the first one.
    parent: Option<&'a str>,
    /// F1 on the test data at deployment, 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    deployed_score: f64,
    /// Version of the program that fitted the model.
    program: &'a str,
    /// Column of the id; `null` if rows have none.
    id: Option<&'a str>,
    /// Column of the label.
    target: &'a str,
    /// Texts of the labels; absent where they are 0 and 1.
    #[serde(skip_serializing_if = "Labels::are_numbers")]
    labels: &'a Labels,
    /// The part of the log-odds that does not depend on any feature.
    intercept: f64,
    /// The features in the order of the schema.
    features: Vec<ServedFeature<'a>>,
    /// Effects of pairs of features, in addition to the effects of each; empty unless the form is
    /// `pairs`.
    pairs: Vec<PairTable<'a>>,
    /// Inverse strength of the penalty (`training.c`).
    c: f64,
    /// Probability above which the label 1 is predicted, unless a request names another.
    #[schemars(range(min = 0, max = 1))]
    threshold: f64,
    /// How the log-odds depend on the features.
    form: Form,
    /// The forms that were tried; empty without a choice.
    forms: &'a [FormResult],
    /// Training windows that were tried; empty if there was no choice.
    windows: &'a [WindowResult],
    /// Number of labelled rows that the model was fitted to.
    rows: u64,
    /// Number of positive labels among these rows.
    positives: u64,
    /// How the fit ended.
    convergence: Convergence,
    /// Result of an independent calculation of the fit.
    check: Check,
    /// The ingested data that the model was trained on.
    data: &'a DataPosition,
}

/// A feature of the served model.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ModelFeature")]
struct ServedFeature<'a> {
    /// Column of the feature.
    name: &'a str,
    #[serde(flatten)]
    coefficients: Coefficients<'a>,
    /// Rules for the values that a request may send, as configured; `null` without rules.
    allowed: Option<&'a Feature>,
}

/// Coefficients of a feature: of a number with a straight effect, of a number with a curve, or of a
/// category.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Coefficients<'a> {
    /// A number with a straight effect.
    Number {
        /// Weight of the number in the log-odds.
        coefficient: f64,
        /// Replacement of a missing value.
        imputed: f64,
    },
    /// A number with a curve.
    Curve {
        /// Increasing numbers, between which the effect is straight. It is constant outside.
        knots: &'a [f64],
        /// Log-odds at each knot; their mean over the training rows is 0.
        effect: &'a [f64],
        /// The coefficient of missing cells; absent if a missing cell has the effect 0.
        #[serde(skip_serializing_if = "Option::is_none")]
        missing: Option<ServedMissing>,
    },
    /// A category.
    Category {
        /// The levels with their coefficients.
        levels: Vec<ServedLevel<'a>>,
        /// The level of missing cells; absent if they are imputed.
        #[serde(skip_serializing_if = "Option::is_none")]
        missing: Option<ServedMissing>,
    },
}

/// A level of a category.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ModelLevel")]
struct ServedLevel<'a> {
    /// The level; `null` for all levels without a coefficient of their own.
    level: Option<&'a str>,
    /// Weight of the level in the log-odds.
    coefficient: f64,
    /// Share of the training rows with this level, 0 to 1. It replaces a missing level.
    #[schemars(range(min = 0, max = 1))]
    imputed: f64,
}

/// Coefficient of the missing cells of a feature.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MissingCells")]
struct ServedMissing {
    /// Weight of a missing cell in the log-odds.
    coefficient: f64,
    /// Share of the training rows without a value, 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    share: f64,
}

/// Answers with the served model.
pub(super) async fn show(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    expect_json(&request)?;
    let snapshot = state.models.current()?;
    json::answer(&request, &served(&snapshot))
}

fn served(snapshot: &Snapshot) -> ServedModel<'_> {
    let Snapshot {
        release,
        manifest,
        model,
        schema,
        ..
    } = snapshot;
    let mut columns: Vec<Coefficient<'_>> = model.coefficients().collect();
    let features = schema.features.iter().map(|allowed| {
        let width = columns
            .iter()
            .take_while(|column| column.feature == allowed.name && column.other_feature.is_none());
        let own: Vec<Coefficient<'_>> = columns.drain(..width.count()).collect();
        ServedFeature {
            name: &allowed.name,
            coefficients: Coefficients::of(&own),
            allowed: Some(allowed)
                .filter(|allowed| **allowed != Feature::from(allowed.name.as_str())),
        }
    });
    ServedModel {
        model_version: release,
        created_at: manifest.created_at,
        run: manifest.run,
        parent: manifest.parent.as_deref(),
        deployed_score: manifest.score,
        program: &model.program,
        id: schema.id.as_deref(),
        target: &schema.target,
        labels: &schema.labels,
        intercept: model.predictor.expression().intercept,
        features: features.collect(),
        pairs: columns.iter().filter_map(Coefficient::pair_table).collect(),
        c: model.c,
        threshold: model.threshold.probability(),
        form: model.predictor.form(),
        forms: &model.forms,
        windows: &model.windows,
        rows: model.rows,
        positives: model.positives,
        convergence: model.convergence,
        check: model.check,
        data: &model.data,
    }
}

impl<'a> Coefficients<'a> {
    /// The coefficients of one feature.
    fn of(own: &[Coefficient<'a>]) -> Self {
        let level = |of: &Coefficient<'a>, level| ServedLevel {
            level,
            coefficient: of.value,
            imputed: of.imputed,
        };
        let levels = own.iter().filter_map(|of| match of.encoding {
            Encoding::Level(it) => Some(level(of, Some(it.text()))),
            Encoding::OtherThan(_) => Some(level(of, None)),
            _ => None,
        });
        let missing = own.iter().find(|of| of.encoding == Encoding::Missing);
        let missing = missing.map(|of| ServedMissing {
            coefficient: of.value,
            share: of.imputed,
        });
        let mut curves = own.iter().filter_map(|of| match of.encoding {
            Encoding::Curve(curve) => Some(curve),
            _ => None,
        });
        if let Some(curve) = curves.next() {
            return Self::Curve {
                knots: curve.knots(),
                effect: curve.values(),
                missing,
            };
        }
        match own {
            [only] if only.encoding == Encoding::Number => Self::Number {
                coefficient: only.value,
                imputed: only.imputed,
            },
            _ => Self::Category {
                levels: levels.collect(),
                missing,
            },
        }
    }
}

/// Answers with a page of the kept releases.
pub(super) async fn releases(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let page = Page::of(&request)?;
    expect_json(&request)?;
    let listing = Listing::begin("releases", page, state.in_flight.permit());
    let reading = state.clone();
    let job = move || {
        let mut listing = listing;
        deployment::visit_newest(&reading.config.layout, page.before(), |number, release| {
            listing.push(number, || Ok(release))
        })?;
        Ok::<_, ApiError>(listing.end(endpoints::RELEASES.path))
    };
    let listed = state.work.run(&request, job).await??;
    Ok(answer::tagged(&request, Media::Json, listed))
}

//! `GET /v1/reports/{run}`: the report of a run.

use std::io::{ErrorKind, Read};
use std::path;

use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use anyhow::Context;
use common::layout::names;
use common::regular;

use super::page::run_number;
use super::query::expect_no_parameters;
use crate::accept;
use crate::answer;
use crate::content::Content;
use crate::endpoints;
use crate::error::ApiError;
use crate::in_flight::Permit;
use crate::state::AppState;

/// Maximum size of a report.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

const NO_REPORT: ApiError = ApiError::NoData(
    "there is no report of a run with that number: a run that failed, was interrupted or found nothing new has none",
);

/// A report and its Content-Security-Policy.
struct Report {
    content: Content,
    policy: HeaderValue,
}

/// Answers with the report of a run.
pub(super) async fn one(
    request: HttpRequest,
    run: Path<String>,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    let media = accept::choose(request.headers(), endpoints::REPORT.media)?;
    let run = run_number(&run).ok_or(NO_REPORT)?;
    let folder = state.config.layout.run_folder(run);
    let permit = state.in_flight.permit();
    let job = move || read(&folder.join(names::REPORT), permit);
    let Report { content, policy } = state.work.run(&request, job).await??;
    let mut response = answer::tagged(&request, media, content);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

fn read(path: &path::Path, mut permit: Permit) -> Result<Report, ApiError> {
    let cannot_read = || format!("failed to read {}", path.display());
    // A link could lead to any file.
    if path.symlink_metadata().is_ok_and(|found| !found.is_file()) {
        return Err(NO_REPORT);
    }
    let file = match regular::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(NO_REPORT),
        Err(error) => return Err(anyhow::Error::new(error).context(cannot_read()).into()),
    };
    let metadata = file.metadata().with_context(cannot_read)?;
    if metadata.len() > MAX_BYTES {
        let error = anyhow::anyhow!("{} is too large for a report", path.display());
        return Err(error.into());
    }
    permit.grow(metadata.len() as usize)?;
    let mut page = String::new();
    // The file may have grown since.
    file.take(metadata.len())
        .read_to_string(&mut page)
        .with_context(cannot_read)?;
    let policy = format!(
        "{}; frame-ancestors 'none'",
        reporting::style_policy(reporting::style_of(&page))
    );
    Ok(Report {
        policy: HeaderValue::from_str(&policy).map_err(anyhow::Error::new)?,
        content: Content::counted(page.into(), permit),
    })
}

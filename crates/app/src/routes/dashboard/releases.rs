//! `GET /dashboard/releases` and `GET /dashboard/releases/{id}`: the list of the releases, and the page of
//! one release with its changes.

use std::path;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use common::layout::names;
use common::manifest::PublishedManifests;
use common::{Layout, Manifest};
use deployment::Release;
use model::Model;
use reporting::dashboard::{OtherRelease, Paged, ReleaseLine, ReleasePage, ReleasesPage};

use super::list::{ITEMS, PageItems};
use super::state::name_of;
use super::{Page, Reading, absent, answer, answer_list};
use crate::error::ApiError;
use crate::routes::query::QueryParameters;
use crate::state::AppState;

/// Answers with a page of the releases.
pub(in crate::routes) async fn list(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    answer_list(&request, state, |reading, before| {
        let page = ReleasesPage {
            now: common::clock::now(),
            releases: reading.logged(lines(reading, before)),
            return_to: return_to_of_all(reading),
            state: reading.pipeline_state(),
        };
        Page::about(&page.releases, page.html())
    })
    .await
}

fn lines(reading: &Reading, before: Option<i64>) -> anyhow::Result<Paged<ReleaseLine>> {
    let layout = &reading.state.config.layout;
    let live = live_name(reading);
    let mut items = PageItems::begin(ITEMS, before);
    let all = deployment::newest_first(layout)?.into_iter();
    let is_asked = |number: &u64| before.is_none_or(|before| *number < before.unsigned_abs());
    for (number, folder) in all.filter(|(number, _)| is_asked(number)) {
        let name = name_of(&folder);
        let line = || ReleaseLine {
            is_live: live.as_ref() == Some(&name),
            manifest: Manifest::read(&folder),
            name,
        };
        if items.push(number, line).is_break() {
            break;
        }
    }
    Ok(items.end())
}

/// Name of the undamaged release to roll back to, for the page of all releases. Returns an error also if a
/// model is too large to read.
fn return_to_of_all(reading: &Reading) -> anyhow::Result<Option<String>> {
    let all = deployment::newest_first(&reading.state.config.layout)?;
    let live = live_name(reading).unwrap_or_default();
    return_to(reading, &all, &live).map_err(anyhow::Error::new)?
}

/// Name of the live release. `None` if nothing is deployed, or if the link cannot be read. The releases
/// are listed in both cases, because a rollback to one of them is the repair.
fn live_name(reading: &Reading) -> Option<String> {
    let live = deployment::live_name(&reading.state.config.layout);
    reading.logged(live).ok().flatten()
}

/// Answers with the page of a release.
pub(in crate::routes) async fn one(
    request: HttpRequest,
    id: Path<String>,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let given = QueryParameters::of_form(&request, &["with"], "the only parameter is \"with\"")?;
    let with = given.read("with", WITH_INVALID, |text| Some(number(text)))?;
    let number = number(&id);
    answer(&request, state, move |reading| {
        read_one(reading, number, with)
    })
    .await
}

/// The number of a release; leading zeros do not matter. `None` if the text is no number.
fn number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

const WITH_INVALID: ApiError = ApiError::InvalidParameter {
    name: "with",
    expected: "the number of a release",
};

/// The page of a release, compared with another one if the query names it.
fn read_one(
    reading: &Reading,
    number: Option<u64>,
    with: Option<Option<u64>>,
) -> Result<Page, ApiError> {
    let layout = &reading.state.config.layout;
    let all = deployment::newest_first(layout)?;
    let no_release = || {
        let names: Vec<String> = all.iter().map(|(_, folder)| name_of(folder)).collect();
        absent::release(&names, &reading.pipeline_state())
    };
    let place = all.iter().position(|(known, _)| Some(*known) == number);
    let place = place.ok_or_else(no_release)?;
    let folder = &all[place].1;
    let name = name_of(folder);
    count_model(reading, folder)?;
    let release = reading.logged(open(layout, folder));
    let parent = release
        .as_ref()
        .ok()
        .and_then(|(manifest, _)| manifest.parent.clone());
    let other = match with {
        Some(with) => Some(
            all.iter()
                .find(|(known, _)| Some(*known) == with && with != number)
                .ok_or_else(no_release)?,
        ),
        None => {
            let parent = all
                .iter()
                .find(|(_, folder)| Some(name_of(folder)) == parent);
            // If the parent was removed, the release before this one is taken, or else the one
            // after it.
            let next = || {
                all.get(place + 1)
                    .or_else(|| all.get(place.checked_sub(1)?))
            };
            parent.or_else(next)
        }
    };
    let other = other.filter(|_| release.is_ok());
    let other = other.map(|(_, folder)| open_other(reading, folder));
    let other = other.transpose()?;
    let is_live = live_name(reading).as_ref() == Some(&name);
    let return_to = match is_live {
        true => return_to(reading, &all, &name)?,
        false => Ok(None),
    };
    let page = ReleasePage {
        return_to,
        now: common::clock::now(),
        is_live,
        other,
        all: all.iter().map(|(_, folder)| name_of(folder)).collect(),
        name,
        release,
    };
    Ok(Page::whole(page.html()))
}

/// The release to compare with. If its model is too large to be read, the page is shown without it.
fn open_other(reading: &Reading, folder: &path::Path) -> Result<OtherRelease, ApiError> {
    let release = match count_model(reading, folder) {
        Ok(()) => open(&reading.state.config.layout, folder),
        Err(error @ ApiError::BodyTooLarge { .. }) => {
            Err(anyhow::Error::new(error).context(format!("failed to read {}", folder.display())))
        }
        Err(error) => return Err(error),
    };
    Ok(OtherRelease {
        name: name_of(folder),
        release: reading.logged(release),
    })
}

/// Name of the undamaged release to roll back to from the live one; `None` if there is none. The outer
/// error ends the request. After an inner error the page is shown without that release: the releases cannot
/// be read, or a model is too large to read.
fn return_to(
    reading: &Reading,
    all: &[(u64, path::PathBuf)],
    live: &str,
) -> Result<anyhow::Result<Option<String>>, ApiError> {
    // Only the largest model counts, because the models are read one after the other.
    let largest = all.iter().map(|(_, folder)| model_bytes(folder)).max();
    match reading.count(largest.unwrap_or(0)) {
        Ok(()) => {}
        Err(error @ ApiError::BodyTooLarge { .. }) => {
            return Ok(reading.logged(Err(anyhow::Error::new(error))));
        }
        Err(error) => return Err(error),
    }
    let target = deployment::previous_release(&reading.state.config.layout, live);
    let name = target.map(|target| target.map(|release| release.name().to_owned()));
    Ok(reading.logged(name))
}

/// Counts the memory of a release's model before it is read.
pub(super) fn count_model(reading: &Reading, folder: &path::Path) -> Result<(), ApiError> {
    reading.count(model_bytes(folder))
}

/// Bytes of memory that reading a release's model needs: for its file, and for the decoded model.
fn model_bytes(folder: &path::Path) -> u64 {
    // A file that is missing is reported when it is read.
    let metadata = folder.join(names::MODEL).symlink_metadata();
    metadata.map_or(0, |metadata| metadata.len().saturating_mul(2))
}

/// The manifest and the model of a release, after its files and the manifest are checked.
fn open(layout: &Layout, folder: &path::Path) -> anyhow::Result<(Manifest, Model)> {
    let release = Release::open_published(folder, &PublishedManifests::read(layout)?)?;
    let model = release.verify()?;
    Ok((release.manifest, model))
}

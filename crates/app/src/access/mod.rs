//! Who may ask for what: the name that a client knows the server by, its key, and its origin.

mod guesses;
mod hosts;
mod keys;
mod new_key;
mod origins;

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderName};
use common::config::ApiSettings;

use self::guesses::Guesses;
use self::hosts::Hosts;
use self::keys::Keys;
pub(crate) use self::keys::Scope;
pub use self::new_key::{NewKey, make_key};
pub(crate) use self::origins::Origins;
use crate::error::ApiError;
use crate::routes::Access;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What is checked of a request before it is looked at.
pub(crate) struct Gate {
    hosts: Hosts,
    /// `None` where no key is asked for.
    keys: Option<RwLock<Arc<Keys>>>,
    guesses: Guesses,
    pub(crate) origins: Origins,
}

impl Gate {
    /// The gate that the settings describe.
    pub(crate) fn of(api: &ApiSettings) -> anyhow::Result<Self> {
        let keys = api.keys_file.as_deref().map(Keys::read).transpose()?;
        Ok(Self {
            keys: keys.map(|keys| RwLock::new(Arc::new(keys))),
            ..Self::without_keys(api)
        })
    }

    /// The gate that the settings describe, but for the keys: this one is let in, and nobody else.
    pub(crate) fn for_one(api: &ApiSettings, key: &NewKey) -> anyhow::Result<Self> {
        let keys = Keys::only(key).map_err(|flaw| anyhow::anyhow!("the key: {flaw}"))?;
        Ok(Self {
            keys: Some(RwLock::new(Arc::new(keys))),
            ..Self::without_keys(api)
        })
    }

    fn without_keys(api: &ApiSettings) -> Self {
        Self {
            hosts: Hosts::of(&api.allowed_hosts),
            keys: None,
            guesses: Guesses::default(),
            origins: Origins::of(&api.allowed_origins),
        }
    }

    /// Reads the keys again; those before stay where that fails.
    pub(crate) fn read_keys_again(&self, file: &Path) -> anyhow::Result<()> {
        let Some(keys) = &self.keys else {
            return Ok(());
        };
        let read = Arc::new(Keys::read(file)?);
        *keys.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// Refuses a request that names another server or shows no key that is for it.
    pub(crate) fn admit(&self, request: &ServiceRequest, needs: Access) -> Result<(), ApiError> {
        self.hosts.admit(request)?;
        match (&self.keys, needs) {
            (None, _) | (_, Access::Open) => Ok(()),
            (Some(keys), needs) => {
                let keys = Arc::clone(&keys.read().unwrap_or_else(PoisonError::into_inner));
                let shown = shown_key(request).ok_or(ApiError::KeyMissing)?;
                let Some(scope) = keys.scope_of(shown) else {
                    return Err(self.guesses.refuse(peer(request)));
                };
                scope.admit(needs)
            }
        }
    }
}

fn shown_key(request: &ServiceRequest) -> Option<&[u8]> {
    let headers = request.headers();
    if let Some(key) = headers.get(API_KEY) {
        return Some(key.as_bytes());
    }
    let (scheme, key) = headers
        .get(AUTHORIZATION)?
        .as_bytes()
        .split_at_checked("Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| key.trim_ascii())
}

fn peer(request: &ServiceRequest) -> Option<IpAddr> {
    request.peer_addr().map(|address| address.ip())
}

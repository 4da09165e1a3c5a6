//! Access control: host name, key and origin of a request.

mod basic;
mod hosts;
mod keys;
mod new_key;
mod origins;
mod wrong_keys;

use std::borrow::Cow;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use common::config::ApiSettings;

use self::hosts::Hosts;
pub(crate) use self::keys::Key;
use self::keys::Keys;
pub use self::new_key::{NewKey, make_key};
pub(crate) use self::origins::Origins;
use self::wrong_keys::WrongKeys;
use crate::endpoints::Access;
use crate::error::ApiError;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Who asks for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// A program.
    Program,
    /// A person with a browser.
    Browser,
}

/// Checks that every request passes before it is processed.
pub(crate) struct AccessControl {
    hosts: Hosts,
    /// `None` if no key is required.
    keys: Option<RwLock<Arc<Keys>>>,
    wrong_keys: WrongKeys,
    pub(crate) origins: Origins,
}

impl AccessControl {
    /// Access control as configured.
    pub(crate) fn of(api: &ApiSettings) -> anyhow::Result<Self> {
        let keys = api.keys_file.as_deref().map(Keys::read).transpose()?;
        Ok(Self {
            keys: keys.map(|keys| RwLock::new(Arc::new(keys))),
            ..Self::without_keys(api)
        })
    }

    /// Access control as configured, except that only `key` is accepted.
    pub(crate) fn with_single_key(api: &ApiSettings, key: &NewKey) -> anyhow::Result<Self> {
        let keys = Keys::parse(&key.line).map_err(|flaw| anyhow::anyhow!("the key: {flaw}"))?;
        Ok(Self {
            keys: Some(RwLock::new(Arc::new(keys))),
            ..Self::without_keys(api)
        })
    }

    fn without_keys(api: &ApiSettings) -> Self {
        Self {
            hosts: Hosts::of(api),
            keys: None,
            wrong_keys: WrongKeys::default(),
            origins: Origins::of(&api.allowed_origins),
        }
    }

    /// Reads the keys again; the old keys stay if that fails.
    pub(crate) fn reload_keys(&self, file: &Path) -> anyhow::Result<()> {
        let Some(keys) = &self.keys else {
            return Ok(());
        };
        let read = Arc::new(Keys::read(file)?);
        *keys.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// Rejects a request with a wrong host name, from a page of another origin, or without a known
    /// key. Returns the key, if one was needed. The caller must check the scope of the key. A
    /// browser may send the key as a password.
    pub(crate) fn identify(
        &self,
        request: &ServiceRequest,
        needs: Access,
        is_monitoring: bool,
        client: Client,
    ) -> Result<Option<Arc<Key>>, ApiError> {
        self.hosts.admit(request, is_monitoring)?;
        match (&self.keys, needs) {
            (None, _) => self.origins.admit(request).map(|()| None),
            (_, Access::Open) => Ok(None),
            (Some(keys), _) => {
                let keys = Arc::clone(&keys.read().unwrap_or_else(PoisonError::into_inner));
                let shown = request_key(request, client).ok_or(ApiError::KeyMissing)?;
                let Some(key) = keys.find(&shown) else {
                    return Err(self.wrong_keys.count(peer(request)));
                };
                Ok(Some(key))
            }
        }
    }
}

fn request_key(request: &ServiceRequest, client: Client) -> Option<Cow<'_, [u8]>> {
    let headers = request.headers();
    if let Some(key) = headers.get(API_KEY) {
        return Some(key.as_bytes().into());
    }
    let credentials = headers.get(AUTHORIZATION)?.as_bytes();
    let password = || basic::password(credentials).map(Cow::Owned);
    match bearer(credentials) {
        Some(key) => Some(key.into()),
        None if client == Client::Browser => password(),
        None => None,
    }
}

/// True if the key of a request was sent as a password. The key must be a known one.
pub(crate) fn shows_password(request: &ServiceRequest) -> bool {
    let headers = request.headers();
    let credentials = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let is_password = |credentials: &[u8]| bearer(credentials).is_none();
    !headers.contains_key(API_KEY) && credentials.is_some_and(is_password)
}

fn bearer(credentials: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = credentials.split_at_checked("Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| key.trim_ascii())
}

fn peer(request: &ServiceRequest) -> Option<IpAddr> {
    request.peer_addr().map(|address| address.ip())
}

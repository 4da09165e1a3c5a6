//! Posts alerts to a webhook: no redirection, no proxy, and a signature if a secret is configured.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, bail};
use common::config::WebhookSettings;
use common::digest::hexadecimal;
use common::{Failure, files};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Error};

/// Header with the signature: `sha256=`, then the HMAC-SHA-256 of the body in hexadecimal digits. The
/// key of the HMAC is the secret.
const SIGNATURE_HEADER: &str = "X-Risk-Signature-256";
/// Configuration key of the file with the secret.
const SECRET_KEY: &str = "alerts.webhook.secret_file";

/// Statuses that may be temporary, or come from a wrong address or key, so that a later attempt may
/// succeed.
const MAY_SUCCEED_LATER: [u16; 9] = [401, 403, 404, 405, 407, 408, 410, 425, 429];

/// Posts a message. The error gives the reason of the failure, but never the address: anybody who
/// knows the address can post there.
pub(crate) fn post(settings: &WebhookSettings, body: &str, within: Duration) -> anyhow::Result<()> {
    let mut request = agent(within)
        .post(&settings.url)
        .content_type("application/json");
    if let Some(file) = &settings.secret_file {
        let secret = files::read_private(file, SECRET_KEY)?;
        request = request.header(SIGNATURE_HEADER, signature(secret.trim(), body)?);
    }
    let response = match request.send(body) {
        Ok(response) => response,
        Err(error) => bail!(reason(&error, within, settings)),
    };
    match response.status().as_u16() {
        200..=299 => Ok(()),
        status @ 300..=399 => {
            bail!("it answered with status {status}, and redirections are not followed")
        }
        status @ 400..=499 if !MAY_SUCCEED_LATER.contains(&status) => {
            Err(PermanentRejection { status }.into())
        }
        status => bail!("it answered with status {status}"),
    }
}

/// The receiver rejects this message permanently.
#[derive(Debug)]
pub(crate) struct PermanentRejection {
    status: u16,
}

impl fmt::Display for PermanentRejection {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "it rejected the message with status {}", self.status)
    }
}

impl std::error::Error for PermanentRejection {}

fn agent(within: Duration) -> Agent {
    // Trusts the same certificates as this machine, because the certificate of a company's chat
    // server may be known only to the company's machines.
    let trusted = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
    let config = Agent::config_builder()
        .tls_config(trusted.build())
        .timeout_global(Some(within))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .proxy(None)
        .build();
    http_client::agent(config)
}

fn signature(secret: &str, body: &str) -> anyhow::Result<String> {
    if secret.is_empty() {
        return Err(Failure::configuration(format!(
            "{SECRET_KEY}: the file is empty; write the secret into it"
        ))
        .into());
    }
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).context("failed to use the secret")?;
    mac.update(body.as_bytes());
    Ok(format!(
        "sha256={}",
        hexadecimal(&mac.finalize().into_bytes())
    ))
}

fn reason(error: &Error, within: Duration, settings: &WebhookSettings) -> String {
    match error {
        Error::Timeout(_) => format!(
            "it did not answer within {:.3} s (alerts.timeout_seconds)",
            within.as_secs_f64()
        ),
        Error::BadUri(_) => "alerts.webhook.url is not a usable address".into(),
        error => error
            .to_string()
            .replace(&settings.url, "alerts.webhook.url"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uses test cases 1 and 2 of RFC 4231.
    #[test]
    fn signatures_match_the_test_cases_of_the_standard() {
        // A key of twenty bytes 0x0b.
        let key = "\u{b}".repeat(20);
        for (secret, body, digest) in [
            (
                key.as_str(),
                "Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                "Jefe",
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
        ] {
            assert_eq!(signature(secret, body).unwrap(), format!("sha256={digest}"));
        }
        assert!(signature("", "x").is_err());
    }
}

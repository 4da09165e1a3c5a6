//! The trace of a request (W3C Trace Context): passed through to answer and log.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// Header that names the trace.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Lengths of the parts: version, trace, parent and flags.
const PARTS: [usize; 4] = [2, 32, 16, 2];

/// The valid header of a request. It begins with the four parts of version 00. The header of a
/// later version may have further parts.
#[derive(Clone, Debug)]
pub(crate) struct Trace(HeaderValue);

impl Trace {
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(TRACEPARENT)?;
        is_valid(value.as_bytes()).then(|| Self(value.clone()))
    }

    /// Id of the whole trace, 32 hexadecimal digits.
    pub(crate) fn id(&self) -> &str {
        let text = self.0.to_str().unwrap_or_default();
        text.get(3..35).unwrap_or_default()
    }

    /// The value of the header.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

fn is_valid(value: &[u8]) -> bool {
    let mut parts = value.split(|byte| *byte == b'-');
    let is_hexadecimal = |part: &[u8]| {
        let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
        part.iter().all(is_digit)
    };
    let is_zero = |part: &[u8]| part.iter().all(|byte| *byte == b'0');
    let known = PARTS.map(|length| {
        let part = parts.next()?;
        (part.len() == length && is_hexadecimal(part)).then_some(part)
    });
    match known {
        // The version 255 is forbidden, and only later versions may have further parts.
        [Some(b"ff"), ..] => false,
        [Some(version), Some(trace), Some(parent), Some(_)] => {
            let is_whole = version != b"00" || parts.next().is_none();
            is_whole && !is_zero(trace) && !is_zero(parent)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_valid_trace_is_passed_through() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let valid = format!("00-{trace}-b7ad6b7169203331-01");
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_str(&valid).unwrap());
        let found = Trace::of(&headers).unwrap();
        assert_eq!(
            (found.id(), found.header().to_str().unwrap()),
            (trace, valid.as_str())
        );
        for later in [
            format!("01{}", &valid[2..]),
            format!("01{}-extra", &valid[2..]),
            format!("fe{}-a-b", &valid[2..]),
        ] {
            headers.insert(TRACEPARENT, HeaderValue::from_str(&later).unwrap());
            let found = Trace::of(&headers).map(|found| found.id().to_owned());
            assert_eq!(found.as_deref(), Some(trace), "{later}");
        }
        for invalid in [
            format!("01{}.extra", &valid[2..]),
            format!("01{}x", &valid[2..]),
            "".to_owned(),
            "00".into(),
            valid.to_uppercase(),
            format!("{valid}-00"),
            format!("ff{}", &valid[2..]),
            format!("{}x", &valid[..54]),
            valid[..54].into(),
            format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("{valid}\t"),
            format!("00-{trace} b7ad6b7169203331-01"),
        ] {
            assert!(!is_valid(invalid.as_bytes()), "{invalid}");
        }
    }
}

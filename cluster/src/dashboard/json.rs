//! JSON in which no text ends a script or begins an element, wherever it is put: `<`, `>`, `&`, control
//! characters and the two line ends of JavaScript leave escaped. So it has no line end either, which a
//! server-sent event could not carry.

use std::io::{self, Write};
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;

/// The JSON of a value.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> String {
    let mut out = Vec::new();
    let mut to = serde_json::Serializer::with_formatter(&mut out, Escaped);
    if let Err(error) = value.serialize(&mut to) {
        // What is told has no keys but texts, and memory takes all of it.
        tracing::error!("the dashboard cannot tell what it should: {error}");
        return "null".to_owned();
    }
    String::from_utf8(out).unwrap_or_default()
}

struct Escaped;

impl Formatter for Escaped {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        to: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_special) {
            let (plain, from) = rest.split_at(at);
            to.write_all(plain.as_bytes())?;
            let mut chars = from.chars();
            if let Some(special) = chars.next() {
                // All of these are within the first plane.
                write!(to, "\\u{:04x}", u32::from(special))?;
            }
            rest = chars.as_str();
        }
        to.write_all(rest.as_bytes())
    }
}

fn is_special(c: char) -> bool {
    c.is_control() || matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}')
}

/// Seconds, to the millisecond.
pub(super) fn seconds<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(rounded(*time))
}

/// The same of a time that may be missing.
pub(super) fn some_seconds<S: Serializer>(
    time: &Option<Duration>,
    to: S,
) -> Result<S::Ok, S::Error> {
    time.map(rounded).serialize(to)
}

fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde::Serialize;

    use super::json;

    #[test]
    fn a_text_ends_no_script_and_begins_no_element() {
        let bad = "</script><b>&\u{2028}\u{2029}\"\\\n\t\u{1}\u{7f}\u{85}é€😀";
        let told =
            r#""\u003c/script\u003e\u003cb\u003e\u0026\u2028\u2029\"\\\n\t\u0001\u007f\u0085é€😀""#;
        assert_eq!(json(bad), told);
        assert_eq!(json(""), r#""""#);
        assert_eq!(serde_json::from_str::<String>(told).unwrap(), bad);
    }

    #[test]
    fn times_are_seconds_to_the_millisecond() {
        #[derive(Serialize)]
        struct Times {
            #[serde(serialize_with = "super::seconds")]
            one: Duration,
            #[serde(serialize_with = "super::some_seconds")]
            none: Option<Duration>,
        }
        let times = Times {
            one: Duration::from_micros(1_234_567),
            none: None,
        };
        assert_eq!(json(&times), r#"{"one":1.235,"none":null}"#);
    }
}

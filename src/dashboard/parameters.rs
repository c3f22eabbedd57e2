//! The parameters of a request, from its query or from the body of a form.
//!
//! All of it comes from outside: its length is bounded, each name is known and comes once, and what
//! is wrong is told by name.

use super::refusal::Refusal;

/// The longest text of parameters, in bytes. The longest id needs a fifth of it, with each byte
/// escaped.
pub(super) const LONGEST: usize = 8_192;

/// The parameters that were not taken yet.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Parses `name=value&name=value`, with `%` escapes and `+` for a space.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        if text.len() > LONGEST {
            let rule = format!("parameters of {} bytes: at most {LONGEST}", text.len());
            return Err(Refusal::bad(rule));
        }
        let mut found: Vec<(String, String)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if found.iter().any(|(known, _)| *known == name) {
                return Err(Refusal::bad(format!("{:?} comes twice", short(&name))));
            }
            if found.len() == MOST {
                return Err(Refusal::bad(format!("more than {MOST} parameters")));
            }
            found.push((name, value));
        }
        Ok(Self(found))
    }

    /// The value of a parameter. An empty one is none.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        let (_, value) = self.0.swap_remove(at);
        (!value.is_empty()).then_some(value)
    }

    /// A parameter that there has to be.
    pub(super) fn need(&mut self, name: &str) -> Result<String, Refusal> {
        let missing = || Refusal::bad(format!("{name} is missing"));
        self.take(name).ok_or_else(missing)
    }

    /// Fails if there are others than those that were taken.
    pub(super) fn end(self) -> Result<(), Refusal> {
        match self.0.first() {
            Some((name, _)) => Err(Refusal::bad(format!("{:?} is no parameter", short(name)))),
            None => Ok(()),
        }
    }
}

/// How many parameters at most.
const MOST: usize = 16;

/// The beginning of a text from outside, for a message.
pub(super) fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

/// The error for a value that is not allowed.
pub(super) fn not(name: &str, value: &str, rule: &str) -> Refusal {
    Refusal::bad(format!("{name}: {:?} is not {rule}", short(value)))
}

fn decode(text: &str) -> Result<String, Refusal> {
    let hex = |digit: Option<u8>| digit.and_then(|digit| char::from(digit).to_digit(16));
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => match (hex(bytes.next()), hex(bytes.next())) {
                (Some(high), Some(low)) => u8::try_from(high * 16 + low).unwrap_or(b'?'),
                _ => {
                    let rule = "escaped as in a URL";
                    return Err(not("a parameter", text, rule));
                }
            },
            byte => byte,
        });
    }
    String::from_utf8(decoded).map_err(|_| not("a parameter", text, "UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, Parameters};

    #[test]
    fn values_are_decoded_and_taken_once() {
        let text = "id=a%2Fb%26%3D+c%F0%9F%98%80&&limit=&find=x=y";
        let mut parameters = Parameters::parse(text).unwrap();
        assert_eq!(parameters.take("id").as_deref(), Some("a/b&= c😀"));
        assert_eq!(parameters.take("id"), None);
        assert_eq!(parameters.take("limit"), None);
        assert_eq!(parameters.take("find").as_deref(), Some("x=y"));
        assert!(parameters.need("id").is_err());
        assert!(parameters.end().is_ok());
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let long = "x".repeat(LONGEST + 1);
        let many: Vec<_> = (0..17).map(|n| format!("p{n}=1")).collect();
        for bad in ["a=%", "a=%4", "a=%zz", "a=%ff", "%c3=1", "a=1&a=2", &long] {
            assert!(Parameters::parse(bad).is_err(), "{bad}");
        }
        assert!(Parameters::parse(&many.join("&")).is_err());
        assert!(Parameters::parse("unknown=1").unwrap().end().is_err());
    }
}

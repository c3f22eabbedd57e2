//! JSON as text. What the dashboard sends is small and flat, so it needs no further crate.
//!
//! `<`, `>`, `&` and the two line ends of JavaScript leave escaped. So no text of a user's ends a
//! script or begins an element, wherever the JSON is put.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::SessionId;

/// What can be written as JSON.
pub(super) trait ToJson {
    /// Appends it.
    fn write(&self, out: &mut String);

    /// The text of it alone.
    fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }
}

/// An object that is being written: `object(out).field("id", &id).end()`.
pub(super) struct Object<'a> {
    out: &'a mut String,
    /// What stands before the next field.
    before: char,
}

/// Begins an object.
pub(super) fn object(out: &mut String) -> Object<'_> {
    Object { out, before: '{' }
}

impl Object<'_> {
    /// One more field.
    pub(super) fn field<T: ToJson + ?Sized>(&mut self, key: &'static str, value: &T) -> &mut Self {
        self.out.push(self.before);
        self.before = ',';
        key.write(self.out);
        self.out.push(':');
        value.write(self.out);
        self
    }

    /// Ends it.
    pub(super) fn end(&mut self) {
        if self.before == '{' {
            self.out.push('{');
        }
        self.out.push('}');
    }
}

/// A value that writes itself by a function.
pub(super) struct By<F>(pub(super) F);

impl<F: Fn(&mut String)> ToJson for By<F> {
    fn write(&self, out: &mut String) {
        (self.0)(out);
    }
}

impl ToJson for str {
    fn write(&self, out: &mut String) {
        out.push('"');
        for c in self.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                c if c.is_control() || matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}') => {
                    // These are all within the first plane.
                    write!(out, "\\u{:04x}", u32::from(c)).ok();
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

impl ToJson for String {
    fn write(&self, out: &mut String) {
        self.as_str().write(out);
    }
}

impl ToJson for SessionId {
    fn write(&self, out: &mut String) {
        self.as_str().write(out);
    }
}

impl<T: ToJson + ?Sized> ToJson for Arc<T> {
    fn write(&self, out: &mut String) {
        (**self).write(out);
    }
}

impl<T: ToJson + ?Sized> ToJson for &T {
    fn write(&self, out: &mut String) {
        (**self).write(out);
    }
}

impl ToJson for u64 {
    fn write(&self, out: &mut String) {
        write!(out, "{self}").ok();
    }
}

impl ToJson for bool {
    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

/// Seconds, to the millisecond.
impl ToJson for Duration {
    fn write(&self, out: &mut String) {
        write!(out, "{}.{:03}", self.as_secs(), self.subsec_millis()).ok();
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn write(&self, out: &mut String) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("null"),
        }
    }
}

impl<T: ToJson> ToJson for [T] {
    fn write(&self, out: &mut String) {
        list(self, out);
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn write(&self, out: &mut String) {
        list(self, out);
    }
}

impl<T: ToJson> ToJson for VecDeque<T> {
    fn write(&self, out: &mut String) {
        list(self, out);
    }
}

/// An array.
pub(super) fn list<T: ToJson>(values: impl IntoIterator<Item = T>, out: &mut String) {
    let mut before = '[';
    for value in values {
        out.push(before);
        before = ',';
        value.write(out);
    }
    if before == '[' {
        out.push('[');
    }
    out.push(']');
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{By, ToJson, object};

    #[test]
    fn a_text_ends_no_script_and_begins_no_element() {
        let bad = "</script><b>&\u{2028}\u{2029}\"\\\n\t\u{1}\u{7f}\u{85}é€😀";
        let told = r#""\u003c/script\u003e\u003cb\u003e\u0026\u2028\u2029\"\\\n\u0009\u0001\u007f\u0085é€😀""#;
        assert_eq!(bad.to_json(), told);
    }

    #[test]
    fn values_are_written_as_json() {
        let empty: [u64; 0] = [];
        let whole = By(|out: &mut String| {
            object(out)
                .field("n", &7_u64)
                .field("on", &true)
                .field("none", &None::<u64>)
                .field("list", &[1_u64, 2][..])
                .field("empty", &empty[..])
                .field("took", &Duration::from_micros(1_234_567))
                .field("inner", &By(|out: &mut String| object(out).end()))
                .end();
        });
        let told =
            r#"{"n":7,"on":true,"none":null,"list":[1,2],"empty":[],"took":1.234,"inner":{}}"#;
        assert_eq!(whole.to_json(), told);
    }
}

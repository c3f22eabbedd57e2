//! Texts of users within a sentence: what would break the line, move the cursor of a terminal or turn
//! the direction of the text is escaped.

use std::fmt::{self, Write};

/// A text of a user's, on one line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain<'a>(pub(crate) &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_unruly(*c)) {
            f.write_str(&rest[..at])?;
            for escaped in c.escape_default() {
                f.write_char(escaped)?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        f.write_str(rest)
    }
}

/// Whether a character is shown escaped: control characters, the other ends of lines, and the marks
/// that change the direction of what follows.
fn is_unruly(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::Plain;

    #[test]
    fn what_is_no_text_is_escaped_and_the_rest_is_as_it_is() {
        for (text, shown) in [
            ("", ""),
            (
                "no paper: größe \"7\" \\ 漢字 👩‍🚀",
                "no paper: größe \"7\" \\ 漢字 👩‍🚀",
            ),
            ("a\nb\r\tc\0", "a\\nb\\r\\tc\\u{0}"),
            ("\x1b[2J\u{9b}2J", "\\u{1b}[2J\\u{9b}2J"),
            (
                "x\u{202e}y\u{2066}\u{2028}",
                "x\\u{202e}y\\u{2066}\\u{2028}",
            ),
        ] {
            assert_eq!(Plain(text).to_string(), shown);
        }
    }
}

//! The end of a page, and its text.

use std::fmt;
use std::str::FromStr;

use crate::SessionId;
use crate::error::InvalidPageMark;

/// The end of a page of [`list_page`](crate::SessionSupervisor::list_page), with which the next one
/// is asked for.
///
/// It has a text, for instance for the query of an HTTP API. What that says is nobody's business but
/// this type's: it may change with a version. It holds the session's id, so it has to be escaped
/// wherever an id has to. A mark stays good when its session is gone, and when the supervisor has
/// been started anew.
///
/// ```
/// use session_supervisor::{PageMark, error::InvalidPageMark};
///
/// # fn page_of(after: Option<PageMark>) {}
/// fn page(after: Option<&str>) -> Result<(), InvalidPageMark> {
///     let after = after.map(str::parse::<PageMark>).transpose()?;
///     Ok(page_of(after))
/// }
/// assert!(page(None).is_ok());
/// assert_eq!(
///     page(Some("alice")).unwrap_err().to_string(),
///     r#""alice" is not the mark of a page: it must be one that a page has given"#,
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PageMark {
    pub(crate) id: SessionId,
    /// Its place in the order of first starts, since a later session may have the id.
    pub(crate) position: u64,
}

impl fmt::Display for PageMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.position, self.id)
    }
}

impl FromStr for PageMark {
    type Err = InvalidPageMark;

    fn from_str(text: &str) -> Result<Self, InvalidPageMark> {
        let mark = || {
            let (position, id) = text.split_once(':')?;
            let mark = Self {
                id: SessionId::parse(id).ok()?,
                position: position.parse().ok()?,
            };
            // One mark has one text: a number may be written in more ways than one.
            (mark.to_string() == text).then_some(mark)
        };
        mark().ok_or_else(|| InvalidPageMark::new(text))
    }
}

#[cfg(test)]
mod tests {
    use super::PageMark;

    #[test]
    fn it_is_read_as_it_was_written() {
        for text in ["7:a", "0:a", "18446744073709551615:a:b: c", "1:é/?&#%"] {
            let mark: PageMark = text.parse().expect(text);
            assert_eq!(mark.to_string(), text);
        }
    }

    #[test]
    fn another_text_is_an_error_that_names_it_and_the_rule() {
        let long = format!("7:{}", "a".repeat(513));
        let bad = [
            "", "7", "7:", ":a", "-1:a", "+1:a", "01:a", "x:a", "7:a\n", &long,
        ];
        for text in bad.into_iter().chain(["18446744073709551616:a"]) {
            let error = text.parse::<PageMark>().unwrap_err();
            assert_eq!(error.text, text);
            assert!(error.to_string().starts_with(&format!("{text:?}")));
        }
    }
}

//! The text of an error together with its sources, for the log and for [`Exit`](super::Exit).
//!
//! The messages are the user's code. What writes a [`Chain`] guards itself against a panic in them,
//! or asks for the [`error_text`].

use std::error::Error;
use std::fmt::{self, Write as _};
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The text of an error and of its sources, separated by `: `.
///
/// A source that the error before it already tells is left out. At most 32 levels are told, since
/// an error of a user's may be its own source.
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

const DEEPEST: usize = 32;

impl Chain<'_> {
    /// Appends the text.
    pub(crate) fn write(self, text: &mut String) -> fmt::Result {
        let mut last = text.len();
        write!(text, "{}", self.0)?;
        let sources = std::iter::successors(self.0.source(), |&error| error.source());
        for source in sources.take(DEEPEST) {
            let source = source.to_string();
            if !text[last..].contains(&source) {
                text.push_str(": ");
                last = text.len();
                text.push_str(&source);
            }
        }
        Ok(())
    }
}

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text)?;
        f.write_str(&text)
    }
}

/// The same as a text; a message that panics is replaced.
pub(crate) fn error_text(error: &(dyn Error + 'static)) -> String {
    let told = catch_unwind(AssertUnwindSafe(|| Chain(error).to_string()));
    told.unwrap_or_else(|payload| {
        // The payload is a value of the user's too, and may panic in its own drop.
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            forget(second);
        }
        "an error whose message panicked".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::{Chain, error_text};
    use std::error::Error;
    use std::fmt;

    /// Says its text; is its own source if that is all it has.
    #[derive(Debug)]
    struct Level(&'static str, Option<Box<Level>>);

    impl fmt::Display for Level {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Level {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            match &self.1 {
                Some(next) => Some(next),
                None if self.0 == "endless" => Some(self),
                None => None,
            }
        }
    }

    #[test]
    fn each_thing_is_told_once_and_an_endless_chain_ends() {
        let last = Level("refused", None);
        let middle = Level("db down: refused", Some(Box::new(last)));
        let first = Level("start failed", Some(Box::new(middle)));
        let text = Chain(&first).to_string();
        assert_eq!(text, "start failed: db down: refused");
        let endless = Level("endless", None);
        assert_eq!(Chain(&endless).to_string(), "endless");
    }

    /// Its message panics, with a value that panics when it is dropped.
    #[derive(Debug)]
    struct Panics;

    impl fmt::Display for Panics {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            struct Payload;

            impl Drop for Payload {
                fn drop(&mut self) {
                    panic!("in a drop");
                }
            }
            std::panic::panic_any(Payload)
        }
    }

    impl Error for Panics {}

    #[test]
    fn a_message_that_panics_is_replaced() {
        assert_eq!(error_text(&Level("a text", None)), "a text");
        assert_eq!(error_text(&Panics), "an error whose message panicked");
    }
}

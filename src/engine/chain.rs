//! The text of an error together with its sources, for the log and for [`Exit`](super::Exit).
//!
//! The messages are the user's code. The caller guards itself against a panic in them.

use std::error::Error;
use std::fmt;

/// The text of an error and of its sources, separated by `: `.
///
/// A source that the error before it already tells is left out. At most 32 levels are told, since
/// an error of a user's may be its own source.
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

const DEEPEST: usize = 32;

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = self.0.to_string();
        f.write_str(&last)?;
        let sources = std::iter::successors(self.0.source(), |&error| error.source());
        for source in sources.take(DEEPEST) {
            let text = source.to_string();
            if !last.contains(&text) {
                write!(f, ": {text}")?;
                last = text;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Chain;
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
}

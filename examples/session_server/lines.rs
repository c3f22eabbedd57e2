//! Lines from a stream, with a bound on their length that also bounds the memory.
//!
//! A bad line is reported, and the next one is read.

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// The longest line in bytes, without its end.
const LONGEST: usize = 64 * 1024;
/// That, for people.
pub(crate) const TOO_LONG: &str = "a line may be 65536 bytes long";

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Text(String),
    TooLong,
    NotUtf8,
}

/// The next line; `None` at the end of the stream. What is left of a line that is too long is
/// skipped as it comes.
pub(crate) async fn next<R: AsyncBufRead + Unpin>(reader: &mut R) -> std::io::Result<Option<Line>> {
    let mut line = Vec::new();
    let mut too_long = false;
    loop {
        let chunk = reader.fill_buf().await?;
        if chunk.is_empty() {
            if line.is_empty() && !too_long {
                return Ok(None);
            }
            break;
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let text = &chunk[..end.unwrap_or(chunk.len())];
        // One byte more for the carriage return that may end the line.
        if line.len() + text.len() > LONGEST + 1 {
            too_long = true;
            line = Vec::new();
        } else if !too_long {
            line.extend_from_slice(text);
        }
        let used = text.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            break;
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(if too_long || line.len() > LONGEST {
        Line::TooLong
    } else {
        match String::from_utf8(line) {
            Ok(text) => Line::Text(text),
            Err(_) => Line::NotUtf8,
        }
    }))
}

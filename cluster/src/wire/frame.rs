//! Values to bytes and back.

use postcard::ser_flavors::{Flavor, Size};
use postcard::serialize_with_flavor;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Answer, Refusal, RefusalKind, Request};

/// The version of the encoding.
pub const VERSION: u8 = 1;

/// How many bytes a frame has at most.
pub const MAX_FRAME: usize = 1024 * 1024;

/// Why a value was not written, or bytes were not read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// It is larger than a frame may be.
    #[error("the frame has {size} bytes, more than {MAX_FRAME}")]
    TooLarge {
        /// How many bytes it has.
        size: usize,
    },
    /// There are no bytes.
    #[error("the frame is empty")]
    Empty,
    /// It is of another version.
    #[error("the frame is of version {theirs}, and this node reads version {VERSION}")]
    Version {
        /// Its version.
        theirs: u8,
    },
    /// The bytes are no value of this kind.
    #[error("the frame cannot be read")]
    Garbage(#[source] postcard::Error),
    /// Bytes are left behind the value.
    #[error("the frame has {bytes} bytes behind its end")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// The value cannot be written.
    #[error("the frame cannot be written")]
    Unwritable(#[source] postcard::Error),
}

/// The bytes of a frame as they are written. postcard's own ones copy byte by byte, or with a growing
/// vector.
struct Frame(Vec<u8>);

impl Flavor for Frame {
    type Output = Vec<u8>;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// How many bytes the frame of a request has.
///
/// # Errors
///
/// [`FrameError::TooLarge`], with its size.
pub fn request_size(request: &Request) -> Result<usize, FrameError> {
    measure(request)
}

/// Writes a request.
///
/// # Errors
///
/// [`FrameError::TooLarge`], with its size.
pub fn encode_request(request: &Request) -> Result<Vec<u8>, FrameError> {
    encode(request)
}

/// Reads a request.
///
/// # Errors
///
/// The bytes are none, or of another version.
pub fn decode_request(frame: &[u8]) -> Result<Request, FrameError> {
    decode(frame)
}

/// Writes an answer.
///
/// # Errors
///
/// [`FrameError::TooLarge`], with its size.
pub fn encode_answer(answer: &Answer) -> Result<Vec<u8>, FrameError> {
    encode(answer)
}

/// The answer, or the refusal that takes its place because no frame can hold it. Both who asks a session of
/// its own node and who asks one of another node are told so.
pub(crate) fn fitting(answer: Answer) -> Answer {
    match measure(&answer) {
        Ok(_) => answer,
        Err(error) => unsendable(&error),
    }
}

/// What is answered in place of an answer that was not written.
pub(crate) fn unsendable(error: &FrameError) -> Answer {
    let text = format!("the answer cannot be sent: {error}");
    Answer::Refused(Refusal::new(RefusalKind::AnswerTooLarge, text))
}

/// Reads an answer.
///
/// # Errors
///
/// The bytes are none, or of another version.
pub fn decode_answer(frame: &[u8]) -> Result<Answer, FrameError> {
    decode(frame)
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, FrameError> {
    // Measured first: what is refused is not copied, and what is not is copied once.
    let mut frame = Vec::with_capacity(measure(value)?);
    frame.push(VERSION);
    serialize_with_flavor(value, Frame(frame)).map_err(FrameError::Unwritable)
}

fn measure<T: Serialize>(value: &T) -> Result<usize, FrameError> {
    let size = serialize_with_flavor(value, Size::default()).map_err(FrameError::Unwritable)?;
    match size.saturating_add(1) {
        size if size > MAX_FRAME => Err(FrameError::TooLarge { size }),
        size => Ok(size),
    }
}

fn decode<'a, T: Deserialize<'a>>(frame: &'a [u8]) -> Result<T, FrameError> {
    if frame.len() > MAX_FRAME {
        return Err(FrameError::TooLarge { size: frame.len() });
    }
    let (&theirs, value) = frame.split_first().ok_or(FrameError::Empty)?;
    if theirs != VERSION {
        return Err(FrameError::Version { theirs });
    }
    let (value, rest) = postcard::take_from_bytes(value).map_err(FrameError::Garbage)?;
    match rest.len() {
        0 => Ok(value),
        bytes => Err(FrameError::Trailing { bytes }),
    }
}

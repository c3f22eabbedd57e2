//! What nodes say to each other: frames of requests and answers, with a version.
//!
//! A frame is one byte, the [`VERSION`] of this encoding, and then the value in the [postcard] format.
//! What users put into a message is JSON inside of it, as bytes. A frame has at most [`MAX_FRAME`]
//! bytes: a larger one is refused before it is sent, with its size, and is not read either. What
//! cannot be read is an error and never a panic, whatever its bytes are.
//!
//! The variants of the enums are numbered on the wire in the order in which they stand here: a new one
//! is added at the end, and a change of anything else needs another [`VERSION`].
//!
//! [postcard]: https://postcard.jamesmunns.com

mod answer;
mod frame;
mod hello;
mod names;
mod payload;
mod request;

pub use answer::{Answer, Done, Figures, Found, Refusal, RefusalKind, Retry, Row, StartedHow};
pub use frame::{
    FrameError, MAX_FRAME, VERSION, decode_answer, decode_request, encode_answer, encode_request,
    request_size,
};
pub(crate) use frame::{fitting, unsendable};
pub use hello::{Hello, Mismatch};
pub use payload::Payload;
pub use request::{Ask, How, Request, Wanted};

//! How a session's state becomes bytes, and is read again by a later version of the program.

use std::error::Error;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Writes and reads the states of a session. [`Json`] is the default.
pub trait Codec<T>: Send + Sync + 'static {
    /// The version of the format that it writes. It is stored beside the bytes.
    fn format(&self) -> u32 {
        0
    }

    /// Writes a state.
    ///
    /// # Errors
    ///
    /// The state cannot be written. It is not saved then.
    fn encode(&self, state: &T) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>;

    /// Reads what was written in this format, also by earlier versions of the program.
    ///
    /// # Errors
    ///
    /// The bytes are not understood. The session is not started then, and they stay as they are.
    fn decode(&self, format: u32, bytes: &[u8]) -> Result<T, Box<dyn Error + Send + Sync>>;
}

/// JSON by serde, of format 0.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Json;

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    fn encode(&self, state: &T) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        Ok(serde_json::to_vec(state)?)
    }

    fn decode(&self, format: u32, bytes: &[u8]) -> Result<T, Box<dyn Error + Send + Sync>> {
        if format != 0 {
            return Err(format!("it is not JSON of format 0, but of format {format}").into());
        }
        Ok(serde_json::from_slice(bytes)?)
    }
}

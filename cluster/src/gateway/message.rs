//! The one message of a gateway, and how it crosses the wire.

use ractor::message::{BoxedDowncastErr, SerializedMessage};
use ractor::{Message, RpcReplyPort};

/// The name of the variant on the wire.
const ASK: &str = "Ask";

/// A frame with a request, and the port for the frame with its answer.
///
/// `RactorClusterMessage` is not derived: its code bridges each reply port with a task and a timeout of
/// its own on both sides, so that a timeout comes out as a timeout or as a dropped port, by chance.
/// Frames are bytes already, so the port is handed through as it is.
pub(super) enum GatewayMessage {
    Ask(Vec<u8>, RpcReplyPort<Vec<u8>>),
}

impl Message for GatewayMessage {
    fn serializable() -> bool {
        true
    }

    fn serialize(self) -> Result<SerializedMessage, BoxedDowncastErr> {
        let Self::Ask(frame, reply) = self;
        Ok(SerializedMessage::Call {
            variant: ASK.to_owned(),
            args: frame,
            reply,
            metadata: None,
        })
    }

    fn deserialize(message: SerializedMessage) -> Result<Self, BoxedDowncastErr> {
        match message {
            SerializedMessage::Call {
                variant,
                args,
                reply,
                ..
            } if variant == ASK => Ok(Self::Ask(args, reply)),
            // ractor drops it, with a line at debug level.
            _ => Err(BoxedDowncastErr),
        }
    }
}

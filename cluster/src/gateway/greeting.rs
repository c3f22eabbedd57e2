//! Asks a gateway who it is: once before it is used, and then again and again, as a sign of life.

use std::sync::Arc;
use std::time::Duration;

use ractor::ActorRef;
use tokio::time::Instant;

use super::line::{Line, Lost, send};
use super::links::Identity;
use super::message::GatewayMessage;
use crate::wire::{Answer, Ask, Done, Hello, Request, decode_answer, encode_request};

fn frame(own: &Hello) -> Result<Vec<u8>, String> {
    let mut request = Request::new(Ask::Hello(own.clone()));
    request.from = Some(own.node.clone());
    encode_request(&request).map_err(|error| error.to_string())
}

/// Asks a gateway who it is, and compares that with what was expected.
pub(super) async fn greet(
    own: &Hello,
    expected: &Identity,
    gateway: ActorRef<GatewayMessage>,
    until: Instant,
) -> Result<ActorRef<GatewayMessage>, String> {
    let answer = match send(&gateway, frame(own)?, until).await {
        Ok(answer) => answer,
        Err(Lost::TimedOut) => return Err("its gateway has not answered in time".to_owned()),
        Err(_) => return Err("the connection ended in the greeting".to_owned()),
    };
    let theirs = match decode_answer(&answer) {
        Ok(Answer::Done(Done::Hello(theirs))) => theirs,
        Ok(Answer::Refused(refusal)) => return Err(format!("it refuses: {}", refusal.text)),
        Ok(_) => return Err("its gateway has answered something else to a hello".to_owned()),
        Err(error) => {
            return Err(format!(
                "its gateway has answered a hello with garbage: {error}"
            ));
        }
    };
    let fits = own.fits(&theirs);
    let fits = fits.and_then(|()| theirs.is(&expected.node, expected.incarnation));
    fits.map(|()| gateway)
        .map_err(|mismatch| mismatch.to_string())
}

/// Asks for signs of life. It returns when there was none for `reset_after`, or when the connection has
/// ended.
pub(super) async fn pulse(own: &Hello, line: &Arc<Line>, every: Duration, reset_after: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Ok(frame) = frame(own) else {
            return;
        };
        // One at a time: on a peer that hangs, no others are queued behind it.
        let left = reset_after.saturating_sub(line.quiet());
        match line.ask(frame, None, Instant::now() + left).await {
            Ok(_) => {}
            Err(Lost::TimedOut) if line.quiet() < reset_after => {}
            Err(_) => return,
        }
    }
}

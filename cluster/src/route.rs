//! To whom a request goes: to this node, if it owns the id, else to the owner, as far as it is known.

mod tries;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep, timeout_at};

use crate::admission::NotAdmitted;
use crate::engine::NodeName;
use crate::error::RequestError;
use crate::gateway::{AskError, Outcome, Peers};
use crate::local::check_id;
use crate::meter::{Asking, SentHow};
use crate::node::{Node, Stage};
use crate::wire::{Answer, Ask, Done, Payload, Refusal, RefusalKind, Request, request_size};
use tries::Tries;

/// How often a node that was asked may name another one before the map is looked at again.
const FOLLOWED: u32 = 2;

/// The pause before a request is sent again where nothing tells when it is worth it.
const PAUSE: Duration = Duration::from_millis(20);

const DAY: Duration = Duration::from_secs(86_400);

/// Asks the owner of an id, at most so long. A request whose outcome is not known is sent again with the
/// same number, so that it is not carried out twice by one node.
pub(crate) async fn ask_owner(
    node: &Node,
    id: &str,
    ask: Ask,
    within: Duration,
) -> Result<Done, RequestError> {
    let counted = Asking::begin(&node.local.meter, &ask);
    let answer = to_owner(node, id, ask, within).await;
    counted.answered(&answer);
    answer
}

async fn to_owner(node: &Node, id: &str, ask: Ask, within: Duration) -> Result<Done, RequestError> {
    let local = &node.local;
    if let Err(refusal) = check_id(id) {
        return Err(RequestError::Refused {
            id: id.into(),
            refusal,
            unanswered: None,
        });
    }
    let request = sendable(node, id, ask)?;
    let mut tries = Tries::new(id, &request.ask, within, Instant::now());
    loop {
        let again = Request::again(request.id, request.ask.clone());
        let peers = node.now.borrow().peers.clone();
        match try_once(node, peers.as_ref(), id, again, &tries).await {
            Tried::Done(answer) => return answer,
            Tried::Refused(refusal, by) => return Err(tries.refused(refusal, by)),
            Tried::Again(pause, error) => {
                let pause = tries.again(pause, error, Instant::now());
                // A node that has left gets no requests, and sends none.
                let left = node.now.borrow().stage == Stage::Left;
                let Some(pause) = pause.filter(|_| !left) else {
                    break;
                };
                // An owner may be known before that.
                tokio::select! {
                    () = sleep(pause) => {}
                    () = local.admission.changed.notified() => {}
                }
                // A node with too much to do wakes late.
                if Instant::now() >= tries.latest() {
                    break;
                }
            }
        }
    }
    Err(tries.ended(local.admission.epoch_of(id).err()))
}

/// A request that fits into a frame. One to this node must, too: what works here works when the session has
/// moved.
fn sendable(node: &Node, id: &str, ask: Ask) -> Result<Request, RequestError> {
    let mut request = Request::new(ask);
    // As it is measured where it is sent.
    request.from = Some(node.name.clone());
    request.deadline_ms = u32::MAX;
    match request_size(&request) {
        Ok(_) => Ok(request),
        Err(cause) => Err(RequestError::Frame {
            id: id.into(),
            cause,
        }),
    }
}

/// When a caller gives up. One who waits without a limit gives the longest time that there is, and no clock
/// goes so far: a day is beyond what any caller waits for.
fn end_of(within: Duration, now: Instant) -> Instant {
    now + within.min(DAY)
}

enum Tried {
    Done(Result<Done, RequestError>),
    /// This node has refused it.
    Refused(Refusal, NodeName),
    /// Worth trying again after this pause.
    Again(Duration, Option<AskError>),
}

async fn try_once(
    own: &Node,
    peers: Option<&Peers>,
    id: &str,
    mut request: Request,
    tries: &Tries,
) -> Tried {
    let until = tries.until();
    let local = &own.local;
    let mut node = match local.admission.epoch_of(id) {
        Ok(_) => None,
        Err(NotAdmitted::Elsewhere { node: Some(node) }) => Some(node),
        Err(_) => return Tried::Again(PAUSE, None),
    };
    for _ in 0..=FOLLOWED {
        let left = until.saturating_duration_since(Instant::now());
        let answer = match &node {
            None => {
                request.deadline_ms = u32::try_from(left.as_millis()).unwrap_or(u32::MAX);
                match timeout_at(until, local.serve(request.clone())).await {
                    Ok(answer) => answer,
                    Err(_) => return Tried::Refused(timed_out(), own.name.clone()),
                }
            }
            Some(node) => {
                let again = Request::again(request.id, request.ask.clone());
                match ask_peer(peers, node, again, left).await {
                    Ok(answer) => answer,
                    Err(
                        error @ AskError::Frame {
                            outcome: Outcome::NotSent,
                            ..
                        },
                    ) => {
                        let (id, cause) = (id.into(), error);
                        return Tried::Done(Err(RequestError::Unanswered { id, cause }));
                    }
                    Err(error) => return Tried::Again(PAUSE, Some(error)),
                }
            }
        };
        match answer {
            Answer::Done(done) => return Tried::Done(Ok(done)),
            Answer::Refused(refusal) => {
                return Tried::Refused(refusal, node.unwrap_or_else(|| own.name.clone()));
            }
            Answer::NobodyNow { retry_after_ms } => {
                return Tried::Again(Duration::from_millis(retry_after_ms.into()), None);
            }
            Answer::NotMine {
                ask: Some(other), ..
            } if node.as_ref() != Some(&other) && Instant::now() < tries.latest() => {
                local.meter.redirected();
                // This one may have got it meanwhile.
                node = (other != own.name).then_some(other);
            }
            Answer::NotMine { .. } => return Tried::Again(PAUSE, None),
        }
    }
    Tried::Again(PAUSE, None)
}

async fn ask_peer(
    peers: Option<&Peers>,
    node: &NodeName,
    request: Request,
    within: Duration,
) -> Result<Answer, AskError> {
    match peers {
        Some(peers) => peers.ask(node, request, within).await,
        None => Err(AskError::NotConnected {
            node: node.clone(),
            cause: None,
        }),
    }
}

fn timed_out() -> Refusal {
    Refusal::new(RefusalKind::TimedOut, "it was not done in time")
}

/// Asks a node, whichever shards it owns. None: it has not done it.
pub(crate) async fn ask_node(
    node: &Node,
    of: &NodeName,
    ask: Ask,
    within: Duration,
) -> Option<Done> {
    let counted = Asking::begin(&node.local.meter, &ask);
    let (how, done) = match to_node(node, of, ask, within).await {
        Ok(Answer::Done(done)) => (SentHow::Done, Some(done)),
        Ok(Answer::Refused(refusal)) => (SentHow::Refused(refusal.kind), None),
        Ok(_) => (SentHow::Failed, None),
        Err(how) => (how, None),
    };
    counted.ended(how);
    done
}

async fn to_node(
    node: &Node,
    of: &NodeName,
    ask: Ask,
    within: Duration,
) -> Result<Answer, SentHow> {
    if *of == node.name {
        let served = timeout_at(
            end_of(within, Instant::now()),
            node.local.serve(Request::new(ask)),
        )
        .await;
        return served.map_err(|_| SentHow::Refused(RefusalKind::TimedOut));
    }
    let peers = node.now.borrow().peers.clone();
    let asked = ask_peer(peers.as_ref(), of, Request::new(ask), within).await;
    asked.map_err(|_| SentHow::Unanswered)
}

/// What a user sends to a session, in bytes.
pub(crate) fn json<T: Serialize + ?Sized>(id: &str, value: &T) -> Result<Payload, RequestError> {
    match serde_json::to_vec(value) {
        Ok(bytes) => Ok(Payload::from(bytes)),
        Err(error) => Err(RequestError::Json {
            id: id.into(),
            cause: Arc::new(error),
        }),
    }
}

/// The answer was to something else than was asked.
pub(crate) fn nonsense(id: &str, node: &Node) -> RequestError {
    RequestError::Nonsense {
        id: id.into(),
        node: node.name.clone(),
    }
}

//! What callers and the task that watches connections share of a peer.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

use super::error::{AskError, Outcome};
use super::limits::{Classes, Limits, NoTurn};
use super::line::{Line, Lost};
use super::options::GatewayOptions;
use super::status::{PeerInfo, PeerState, PeerStatus};
use crate::engine::{Incarnation, NodeName};
use crate::wire::{Answer, FrameError, Request, decode_answer, encode_request, request_size};

/// A peer, as callers see it.
pub(super) struct Link {
    node: NodeName,
    own: NodeName,
    silent_after: Duration,
    limits: Classes<Limits>,
    line: RwLock<Option<Arc<Line>>>,
    told: Mutex<Told>,
}

struct Told {
    info: PeerInfo,
    state: PeerState,
    last_error: Option<Arc<str>>,
    /// Whether that was logged, and nothing good has happened since.
    logged: bool,
}

impl Link {
    pub(super) fn new(
        own: NodeName,
        node: NodeName,
        info: PeerInfo,
        options: &GatewayOptions,
    ) -> Self {
        Self {
            node,
            own,
            silent_after: options.silent_after(),
            limits: Classes::of(|| Limits::new(options)),
            line: RwLock::default(),
            told: Mutex::new(Told {
                info,
                state: PeerState::Awaited,
                last_error: None,
                logged: false,
            }),
        }
    }

    pub(super) fn line(&self) -> Option<Arc<Line>> {
        self.line
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn set_line(&self, line: Option<Arc<Line>>) {
        *self.line.write().unwrap_or_else(PoisonError::into_inner) = line;
    }

    fn told<T>(&self, look: impl FnOnce(&mut Told) -> T) -> T {
        look(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn incarnation(&self) -> Incarnation {
        self.told(|told| told.info.incarnation)
    }

    /// Where it is now. A connection to another incarnation is not used any more.
    pub(super) fn set_info(&self, info: PeerInfo) {
        if info.incarnation != self.incarnation() {
            self.set_line(None);
        }
        self.told(|told| told.info = info);
    }

    pub(super) fn set_state(&self, state: PeerState) {
        self.told(|told| told.state = state);
    }

    /// Notes why a connection or an attempt has failed. Answers whether that is news: another cause
    /// than before, or the first one since it was connected.
    pub(super) fn failed(&self, text: &str) -> bool {
        self.told(|told| {
            let same = told.last_error.as_deref() == Some(text);
            if !same {
                told.last_error = Some(text.into());
            }
            !(std::mem::replace(&mut told.logged, true) && same)
        })
    }

    /// A connection was refused that may have been its own, if it is this peer that dials.
    pub(super) fn refused(&self, text: &str) {
        self.told(|told| {
            if told.state == PeerState::Awaited {
                told.last_error = Some(text.into());
            }
        });
    }

    /// It is connected, over this one.
    pub(super) fn connected(&self, line: Arc<Line>) {
        self.set_line(Some(line));
        self.told(|told| told.logged = false);
    }

    pub(super) fn status(&self) -> PeerStatus {
        let line = self.line();
        let (info, state, last_error) =
            self.told(|told| (told.info.clone(), told.state, told.last_error.clone()));
        PeerStatus {
            node: self.node.clone(),
            info,
            state,
            connected_for: line.as_ref().map(|line| line.since.elapsed()),
            heard_ago: line.as_ref().map(|line| line.quiet()),
            in_flight: self.limits.sum(Limits::in_flight),
            waiting: self.limits.sum(Limits::waiting),
            last_error,
        }
    }

    /// Sends a request and waits for its answer, `timeout` at most.
    pub(super) async fn ask(
        &self,
        mut request: Request,
        timeout: Duration,
    ) -> Result<Answer, AskError> {
        let now = Instant::now();
        // Some end is needed; a day is beyond what any caller waits for.
        let until = now + timeout.min(Duration::from_secs(86_400));
        // Before it waits for a place: it would wait for nothing.
        self.usable()?;
        request.from = Some(self.own.clone());
        request.deadline_ms = u32::MAX;
        let not_written = |cause| self.frame(Outcome::NotSent, cause);
        let size = request_size(&request).map_err(not_written)?;
        let turn = self.limits.get(&request.ask).turn(size, until).await;
        let places = turn.map_err(|none| self.no_turn(none))?;
        let line = self.usable()?;
        // Written only now: one that waits for its turn costs nothing but what its caller has.
        request.deadline_ms = deadline(until);
        let frame = encode_request(&request).map_err(not_written)?;
        drop(request);
        let node = self.node.clone();
        let answer = line.ask(frame, Some(places), until).await;
        let answer = answer.map_err(|lost| match lost {
            Lost::NotSent => AskError::Gone {
                node,
                outcome: Outcome::NotSent,
            },
            Lost::Ended => AskError::Gone {
                node,
                outcome: Outcome::Unknown,
            },
            Lost::TimedOut => AskError::TimedOut {
                node,
                outcome: Outcome::Unknown,
            },
        })?;
        decode_answer(&answer).map_err(|cause| self.frame(Outcome::Unknown, cause))
    }

    /// The connection, if something was heard over it of late.
    fn usable(&self) -> Result<Arc<Line>, AskError> {
        let node = || self.node.clone();
        let Some(line) = self.line() else {
            return Err(AskError::NotConnected {
                node: node(),
                cause: self.told(|told| told.last_error.clone()),
            });
        };
        let quiet = line.quiet();
        if quiet > self.silent_after {
            return Err(AskError::Silent {
                node: node(),
                quiet,
            });
        }
        Ok(line)
    }

    fn no_turn(&self, none: NoTurn) -> AskError {
        let node = self.node.clone();
        match none {
            NoTurn::Overloaded(waiting) => AskError::Overloaded { node, waiting },
            NoTurn::TimedOut => AskError::TimedOut {
                node,
                outcome: Outcome::NotSent,
            },
        }
    }

    fn frame(&self, outcome: Outcome, cause: FrameError) -> AskError {
        AskError::Frame {
            node: self.node.clone(),
            outcome,
            cause,
        }
    }
}

/// What the peer is given: less than the caller waits, so that its answer is there in time.
fn deadline(until: Instant) -> u32 {
    let left = until.saturating_duration_since(Instant::now());
    let given = left.saturating_sub((left / 10).min(Duration::from_millis(500)));
    u32::try_from(given.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use ractor::Actor;

    use super::{Line, Link};
    use crate::engine::{Incarnation, NodeName};
    use crate::gateway::actor::GatewayActor;
    use crate::gateway::links::ConnectionId;
    use crate::gateway::serve::{Server, Serving};
    use crate::gateway::{AskError, GatewayOptions, Outcome, PeerInfo};
    use crate::wire::{Answer, Ask, Done, Hello, Request};

    #[tokio::test]
    async fn another_incarnation_is_not_asked_over_the_connection_of_an_earlier_one() {
        let name = |text| NodeName::try_from(text).expect("a name");
        let info = |number| PeerInfo {
            address: "127.0.0.1:1".to_owned(),
            incarnation: Incarnation::new(number),
        };
        let hello = Hello {
            cluster: "c1".to_owned(),
            protocol: 1,
            shards: 512,
            hash: 1,
            node: name("b"),
            incarnation: Incarnation::new(1),
        };
        let serve = |_: Option<NodeName>, _: Request| -> Serving {
            Box::pin(async { Answer::Done(Done::Leaving) })
        };
        let server = Arc::new(Server::new(hello, Arc::new(serve), 1));
        let (gateway, _) = Actor::spawn(None, GatewayActor { server }, ())
            .await
            .expect("it starts");
        let link = Link::new(
            name("a"),
            name("b"),
            info(1),
            &GatewayOptions::new("secret"),
        );
        let ask = || link.ask(Request::new(Ask::Leave), Duration::from_secs(5));

        link.connected(Arc::new(Line::new(ConnectionId(1), gateway.clone())));
        assert_eq!(ask().await, Ok(Answer::Done(Done::Leaving)));
        // Its address only: it is the same node.
        link.set_info(PeerInfo {
            address: "127.0.0.1:2".to_owned(),
            ..info(1)
        });
        assert_eq!(ask().await, Ok(Answer::Done(Done::Leaving)));
        link.set_info(info(2));
        let error = ask().await.expect_err("it is not connected");
        assert!(matches!(error, AskError::NotConnected { .. }), "{error}");

        // The actor behind a connection has ended, and no event has said so yet.
        link.connected(Arc::new(Line::new(ConnectionId(2), gateway.clone())));
        gateway.stop_and_wait(None, None).await.expect("it ends");
        let error = ask().await.expect_err("it has ended");
        assert!(matches!(error, AskError::Gone { .. }), "{error}");
        assert_eq!(error.outcome(), Outcome::NotSent);
    }
}

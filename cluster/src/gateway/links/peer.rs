//! A peer: how far its connection is, and when it is tried again.

use super::{ConnectionId, Effect, Moment, Timing};
use crate::engine::{Backoff, NodeName, Retry};
use crate::gateway::status::{PeerInfo, PeerState};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It has none. It is dialled then; or it dials this node.
    Away { dial_at: Option<Moment> },
    /// It is being dialled, at most until then.
    Dialling { until: Moment },
    /// It was dialled, and ractor's handshake goes on, at most until then.
    Handshaking { address: String, until: Moment },
    /// Its gateway is asked who it is, at most until then.
    Greeting {
        connection: ConnectionId,
        until: Moment,
    },
    /// It can be asked.
    Up {
        connection: ConnectionId,
        since: Moment,
    },
}

/// Which side dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dials {
    ThisNode,
    ThePeer,
}

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) info: PeerInfo,
    pub(super) state: State,
    /// Which attempt to dial it is, so that the end of an earlier one is told from it.
    pub(super) attempt: u64,
    dials: Dials,
    retry: Retry,
}

impl Peer {
    pub(super) fn new(
        info: PeerInfo,
        dials: Dials,
        backoff: Backoff,
        seed: u64,
        now: Moment,
    ) -> Self {
        let mut peer = Self {
            info,
            state: State::Away { dial_at: None },
            attempt: 0,
            dials,
            retry: Retry::new(backoff, seed),
        };
        peer.away(now);
        peer
    }

    fn away(&mut self, dial_at: Moment) {
        let dial_at = (self.dials == Dials::ThisNode).then_some(dial_at);
        self.state = State::Away { dial_at };
    }

    /// The connection that it is asked over, or is going to be.
    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match self.state {
            State::Greeting { connection, .. } | State::Up { connection, .. } => Some(connection),
            _ => None,
        }
    }

    /// Whether it was dialled at this address and ractor's handshake goes on.
    pub(super) fn handshakes_with(&self, dialled: &str) -> bool {
        matches!(&self.state, State::Handshaking { address, .. } if address == dialled)
    }

    /// It is at another address, which is tried at once; a connection that it has stays.
    pub(super) fn moved_to(&mut self, address: String, now: Moment) {
        if self.info.address == address {
            return;
        }
        self.info.address = address;
        if self.connection().is_none() {
            self.away(now);
        }
    }

    /// It is no peer any more, or not in this incarnation.
    pub(super) fn left(&self, name: &NodeName, why: &'static str, out: &mut Vec<Effect>) {
        if matches!(self.state, State::Up { .. }) {
            let node = name.clone();
            out.push(Effect::Down { node, why });
        }
    }

    /// An attempt has failed.
    pub(super) fn failed(
        &mut self,
        name: &NodeName,
        text: String,
        now: Moment,
        out: &mut Vec<Effect>,
    ) {
        let pause = self.retry.failed();
        self.away(now.saturating_add(pause));
        let node = name.clone();
        out.push(Effect::Failed { node, text });
    }

    /// Another node is at its address. It is tried then, or when it gets another address.
    pub(super) fn elsewhere(
        &mut self,
        name: &NodeName,
        text: String,
        dial_at: Moment,
        out: &mut Vec<Effect>,
    ) {
        self.away(dial_at);
        let node = name.clone();
        out.push(Effect::Failed { node, text });
    }

    /// Its connection has ended.
    pub(super) fn lost(
        &mut self,
        name: &NodeName,
        why: &'static str,
        timing: &Timing,
        now: Moment,
        out: &mut Vec<Effect>,
    ) {
        if let State::Up { since, .. } = self.state {
            let node = name.clone();
            out.push(Effect::Down { node, why });
            if now.saturating_sub(since) >= timing.steady {
                self.retry.succeeded();
            }
        }
        self.failed(name, why.to_owned(), now, out);
    }

    /// Time has passed. Answers the connection whose greeting has taken too long.
    pub(super) fn tick(
        &mut self,
        name: &NodeName,
        timing: &Timing,
        now: Moment,
        out: &mut Vec<Effect>,
    ) -> Option<ConnectionId> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        let connection = self.connection();
        match self.state {
            State::Away { .. } => {
                self.attempt += 1;
                self.state = State::Dialling {
                    until: now.saturating_add(timing.handshake),
                };
                out.push(Effect::Dial {
                    node: name.clone(),
                    attempt: self.attempt,
                    address: self.info.address.clone(),
                });
                return None;
            }
            State::Dialling { .. } => {
                let text = format!("no connection within {:?}", timing.handshake);
                self.failed(name, text, now, out);
            }
            State::Handshaking { .. } => {
                let text = format!("no end of the handshake within {:?}", timing.handshake);
                self.failed(name, text, now, out);
            }
            State::Greeting { .. } => {
                let text = format!("its gateway has not answered within {:?}", timing.greeting);
                self.failed(name, text, now, out);
            }
            State::Up { .. } => {}
        }
        connection
    }

    /// When it is up to this node to do something about it.
    pub(super) fn deadline(&self) -> Option<Moment> {
        match self.state {
            State::Away { dial_at } => dial_at,
            State::Dialling { until }
            | State::Handshaking { until, .. }
            | State::Greeting { until, .. } => Some(until),
            State::Up { .. } => None,
        }
    }

    pub(super) fn told(&self) -> PeerState {
        match self.state {
            State::Away { dial_at: None } => PeerState::Awaited,
            State::Away { .. } => PeerState::Pausing,
            State::Dialling { .. } => PeerState::Dialling,
            State::Handshaking { .. } => PeerState::Handshaking,
            State::Greeting { .. } => PeerState::Greeting,
            State::Up { .. } => PeerState::Up,
        }
    }
}

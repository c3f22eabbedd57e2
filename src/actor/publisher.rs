//! What a drive has to tell the feed. Its events are made while the driver's lock is held, and put in
//! before that is released, so that they are in the order of what happened.

use std::mem::swap;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::SystemTime;

use super::clock::Clock;
use super::log::{Children, Speaker};
use super::shared::Shared;
use crate::SessionId;
use crate::engine::{EventKind, Moment, ShutdownReport};
use crate::event::Event;
use crate::names;

/// What a spec calls a session or a child.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) label: Option<Arc<str>>,
    pub(super) tag: Option<NonZeroU64>,
}

/// The driver of a session supervisor keeps room for so many events, and not for the most that a drive
/// has ever made.
const ROOM: usize = 64;

/// If nobody listens nothing is made.
#[derive(Debug)]
pub(super) struct Publisher<'a> {
    shared: &'a Shared,
    now: Moment,
    events: Vec<Event>,
    readers: Readers,
}

/// Whether readers are to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readers {
    Asleep,
    Wake,
}

impl<'a> Publisher<'a> {
    pub(super) const fn of(shared: &'a Shared) -> Self {
        Self {
            shared,
            now: Moment::START,
            events: Vec::new(),
            readers: Readers::Asleep,
        }
    }

    /// What is told from now on happens at this moment.
    pub(super) const fn at(&mut self, now: Moment) {
        self.now = now;
    }

    /// Makes the events in this room, which must be empty. Call it before there are any.
    #[inline]
    pub(super) const fn take_room(&mut self, room: &mut Vec<Event>) {
        if room.capacity() > 0 {
            swap(&mut self.events, room);
        }
    }

    /// Leaves the room to the next drive.
    #[inline]
    pub(super) fn leave_room(&mut self, speaker: &Speaker, room: &mut Vec<Event>) {
        if self.events.capacity() > 0 {
            self.keep(speaker, room);
        }
    }

    /// There are many trees, and each of them is seldom driven. So theirs is freed.
    #[inline(never)]
    fn keep(&mut self, speaker: &Speaker, room: &mut Vec<Event>) {
        if speaker.children == Children::Sessions {
            self.events.shrink_to(ROOM);
            swap(&mut self.events, room);
        }
    }

    /// Something has happened to a session, or to a child of a session's tree.
    pub(super) fn child(
        &mut self,
        speaker: &Speaker,
        child: &Arc<str>,
        names: &Names,
        incarnation: u64,
        kind: &EventKind,
    ) {
        if !self.is_listened() {
            return;
        }
        let (id, role) = match (speaker.children, &speaker.home) {
            (Children::Sessions, _) => (child, None),
            (Children::Static, Some(session)) => (session, Some(role(speaker, session, child))),
            (Children::Static, None) => return,
        };
        self.events.push(Event {
            revision: 0,
            time: self.time(),
            id: Some(SessionId::checked(Arc::clone(id))),
            role,
            label: names.label.clone(),
            // Of a child of a tree it would say nothing of the session.
            tag: names.tag.filter(|_| speaker.children == Children::Sessions),
            incarnation,
            state: kind.state(),
            kind: kind.clone(),
        });
    }

    /// Something has happened to the session supervisor.
    pub(super) fn supervisor(&mut self, speaker: &Speaker, kind: EventKind) {
        if speaker.children == Children::Sessions && self.is_listened() {
            let event = self.of_supervisor(kind);
            self.events.push(event);
        }
    }

    fn is_listened(&self) -> bool {
        self.shared.feed().is_some_and(|feed| feed.is_listened())
    }

    pub(super) fn clock(&self) -> Clock {
        self.shared.clock()
    }

    fn time(&self) -> SystemTime {
        self.shared.clock().wall(self.now)
    }

    fn of_supervisor(&self, kind: EventKind) -> Event {
        Event {
            revision: 0,
            time: self.time(),
            id: None,
            role: None,
            label: None,
            tag: None,
            incarnation: 0,
            state: None,
            kind,
        }
    }

    /// Puts the events in. The driver's lock is held.
    pub(super) fn publish(&mut self) {
        if self.events.is_empty() {
            return;
        }
        if let Some(feed) = self.shared.feed() {
            feed.publish(self.events.drain(..));
            self.readers = Readers::Wake;
        }
    }

    /// The supervisor has ended, and so does the feed, if it is its own.
    pub(super) fn end(&mut self, speaker: &Speaker, report: Option<ShutdownReport>) {
        if speaker.children == Children::Sessions
            && let Some(feed) = self.shared.feed()
        {
            feed.end(self.of_supervisor(EventKind::SupervisorStopped { report }));
            self.readers = Readers::Wake;
        }
    }

    /// Has the readers woken. No lock may be held. Answers how many tasks this has made on this thread.
    pub(super) fn wake(&self) -> usize {
        let asked = self.readers == Readers::Wake;
        let feed = self.shared.feed().filter(|_| asked);
        usize::from(feed.is_some_and(|feed| feed.wake()))
    }
}

/// The role of a child. Where its supervisor is itself within the tree of the session, the roles down
/// to it come first, since a role is unique among the children of one supervisor alone.
fn role(speaker: &Speaker, session: &str, child: &Arc<str>) -> Arc<str> {
    match names::place_in_tree(&speaker.name, session) {
        Some(place) => format!("{place}/{child}").into(),
        None => Arc::clone(child),
    }
}

#[cfg(test)]
mod tests {
    use ractor::{ActorProcessingErr, ActorRef};

    use crate::{ChildSpec, Options, SessionSupervisor};

    struct Idle;

    #[ractor::actor(message = (), state = (), arguments = ())]
    impl Idle {
        async fn pre_start(&self, _: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_supervisor_has_room_for_events_while_somebody_listens() {
        let options = Options::new().unique_name();
        let sessions = SessionSupervisor::start(options).await.unwrap();
        let room = || sessions.shared.lock_driver().room.capacity();
        let spec = ChildSpec::new(|_| (Idle, ()));
        let start = |id| sessions.start_session(id, spec.clone());
        start("nobody listens").await.unwrap();
        assert_eq!(room(), 0);
        let feed = sessions.subscribe().await.unwrap();
        start("somebody does").await.unwrap();
        assert!((1..=super::ROOM).contains(&room()));
        drop(feed);
        start("nobody any more").await.unwrap();
        assert_eq!(room(), 0);
        let _feed = sessions.subscribe().await.unwrap();
        sessions.stop().await.unwrap();
        assert_eq!(room(), 0);
    }
}

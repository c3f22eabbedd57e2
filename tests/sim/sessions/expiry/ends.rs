//! What is told of the ends of sessions that may expire (D39): a session that was told to expire is
//! over for that, and no other is; those who wait for its end are told what those are told who follow.

use std::collections::BTreeMap;

use session_supervisor::engine::{EndReason, EventKind, Listening, Request};

use super::World;
use super::random::History;
use crate::told::Told;

/// Who waits for the ends of the sessions, and what was told of them.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// The sessions for whose ends nobody waits yet.
    new: Vec<&'static str>,
    /// For which one each caller waits.
    waits: BTreeMap<usize, &'static str>,
    /// Those that were told to expire.
    expired: BTreeMap<&'static str, EndReason>,
    /// Why the last session of each id was told to be over.
    over: BTreeMap<&'static str, EndReason>,
    told: usize,
}

impl World {
    /// A caller waits for the end of each session from now on, and somebody follows.
    fn watch_ends(&mut self) {
        self.engine.listen(Listening::On);
        self.ends = Some(Ends::default());
    }

    /// A session is new.
    pub(super) fn begins(&mut self, id: &'static str) {
        if let Some(ends) = &mut self.ends {
            ends.new.push(id);
        }
    }

    pub(super) fn wait_for_ends(&mut self) {
        while let Some(id) = self.ends.as_mut().and_then(|ends| ends.new.pop()) {
            let ticket = self.caller();
            if let Some(ends) = &mut self.ends {
                ends.waits.insert(ticket.0, id);
            }
            self.ask(id, Request::AwaitGone { of: None, ticket });
        }
    }

    pub(super) fn happens(&mut self, id: &'static str, kind: &EventKind) {
        let Some(ends) = &mut self.ends else {
            return;
        };
        match *kind {
            EventKind::Expired(expiry) => {
                let before = ends.expired.insert(id, EndReason::Expired(expiry));
                assert_eq!(before, None, "{id} expires twice");
            }
            EventKind::Gone(why) => {
                match ends.expired.remove(id) {
                    Some(expired) => assert_eq!(why, expired, "of {id}"),
                    None => assert!(!matches!(why, EndReason::Expired(_)), "{id}: {why}"),
                }
                ends.over.insert(id, why);
            }
            _ => {}
        }
    }

    pub(super) fn is_told(&mut self, caller: usize, told: &Told) {
        if let Some(ends) = &mut self.ends
            && let Some(id) = ends.waits.remove(&caller)
        {
            match told {
                Told::Gone(end) => assert_eq!(Some(&end.why), ends.over.get(id), "of {id}"),
                // It was over before the question.
                told => assert!(matches!(told, Told::NotFound), "{told:?}"),
            }
            ends.told += 1;
        }
    }
}

#[test]
fn those_who_wait_for_an_end_are_told_what_those_are_who_follow() {
    let mut told = 0;
    for seed in 0..1_000 {
        let mut history = History::new(seed);
        history.world.watch_ends();
        history.play();
        let ends = history.world.ends.as_ref().expect("they are watched");
        told += ends.told;
    }
    assert!(told > 5_000, "{told} ends");
}

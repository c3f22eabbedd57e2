//! What the sessions of all nodes have done, by the one clock of the machine, and what must hold of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// One thing that a session has done: `start` or `take` (of a message).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Done {
    /// In nanoseconds of the machine's clock.
    pub(crate) at: u128,
    pub(crate) what: String,
    pub(crate) node: String,
    pub(crate) epoch: u64,
}

/// What was done, by the ids of the sessions.
#[derive(Clone, Default)]
pub(crate) struct History(Arc<Mutex<BTreeMap<String, Vec<Done>>>>);

impl History {
    /// A line: `at what node epoch id`.
    pub(crate) fn add(&self, line: &str) {
        let words: Vec<_> = line.splitn(5, ' ').collect();
        let [at, what, node, epoch, id] = words[..] else {
            panic!("not a line of the history: {line}");
        };
        let done = Done {
            at: at.parse().expect("a time"),
            what: what.to_owned(),
            node: node.to_owned(),
            epoch: epoch.parse().expect("an epoch"),
        };
        let mut history = self.0.lock().expect("it does not panic");
        history.entry(id.to_owned()).or_default().push(done);
    }

    pub(crate) fn of(&self, id: &str) -> Vec<Done> {
        let history = self.0.lock().expect("it does not panic");
        let mut done = history.get(id).cloned().unwrap_or_default();
        done.sort_unstable();
        done
    }

    /// At most one node acts for an id at a time: once a session has been started under an epoch, nothing
    /// is done under an earlier one, and an epoch is one node's.
    pub(crate) fn check(&self) {
        let ids: Vec<_> = self
            .0
            .lock()
            .expect("it does not panic")
            .keys()
            .cloned()
            .collect();
        for id in ids {
            let mut owners: BTreeMap<u64, String> = BTreeMap::new();
            let mut greatest = 0;
            for done in self.of(&id) {
                let owner = owners
                    .entry(done.epoch)
                    .or_insert_with(|| done.node.clone());
                assert_eq!(*owner, done.node, "two nodes have one epoch of {id}");
                assert!(
                    done.epoch >= greatest,
                    "{id} had two owners at once: {:#?}",
                    self.of(&id)
                );
                greatest = done.epoch;
            }
        }
    }
}

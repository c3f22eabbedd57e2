//! The parts of a shared store that come to this process and leave it.

use std::sync::Arc;

use super::{AtEnd, Known, Ledger, Reading, Standing};
use crate::part::Part;
use crate::record::{Change, Decided};

impl Ledger {
    /// This part is this process's from now on: what is decided of it is decided under its epoch.
    pub fn take_over(&mut self, part: Part) {
        self.reading = Reading::Done;
        self.owned.take_over(part);
    }

    /// The sessions of this part are handed over: from now on their ends forget nothing.
    pub fn hand_over(&mut self, part: Part) {
        for (id, known) in &mut self.ids {
            if part.has(id) {
                known.at_end = AtEnd::Kept;
            }
        }
    }

    /// They are handed over. Nothing is known any more of those that do not run; answers how many do,
    /// and what is decided of these is decided under no epoch.
    pub fn handed_over(&mut self, part: Part) -> usize {
        self.owned.hand_over(part);
        let theirs = self.ids.iter().filter(|(id, _)| part.has(id));
        let runs = |known: &Known| matches!(known.standing, Standing::Running { .. });
        let (running, ended): (Vec<_>, Vec<_>) = theirs.partition(|(_, known)| runs(known));
        let running = running.len();
        let ended: Vec<_> = ended.into_iter().map(|(id, _)| Arc::clone(id)).collect();
        for id in ended {
            self.remove(&id);
        }
        running
    }

    /// A change that is decided now.
    #[must_use]
    pub fn decided(&self, change: Change) -> Decided {
        Decided::under(self.owned.epoch(change.id()), change)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::engine::{End, Intent, Kept, Ledger, Standing};
    use crate::part::Part;
    use crate::record::{Change, Record};

    /// One of two parts, and an id that is in it.
    fn half(epoch: u64) -> (Part, Arc<str>) {
        let part = Part::shard(Part::shard_of("a", 2), 2, epoch).expect("a shard");
        (part, "a".into())
    }

    fn running(ledger: &mut Ledger, id: &Arc<str>) -> u64 {
        let tag = ledger.next();
        ledger.admit(
            &Record::new(Arc::clone(id), "chat", "{}", 0, 0),
            tag,
            Intent::New,
        );
        tag
    }

    #[test]
    fn however_a_session_ends_while_it_is_handed_over_it_stays_remembered() {
        let (part, id) = half(7);
        let mut ledger = Ledger::default();
        ledger.take_over(part);
        let tag = running(&mut ledger, &id);
        ledger.hand_over(part);
        assert_eq!(ledger.ended(tag, &id, End::Forget), None);
        assert_eq!(
            ledger.look(&id).expect("it is kept").1,
            &Standing::Kept(Kept::SupervisorEnded)
        );
        assert_eq!(ledger.handed_over(part), 0);
        assert_eq!(ledger.look(&id), None);
    }

    #[test]
    fn one_that_does_not_end_is_still_known() {
        let (part, id) = half(7);
        let mut ledger = Ledger::default();
        ledger.take_over(part);
        running(&mut ledger, &id);
        ledger.hand_over(part);
        assert_eq!(ledger.handed_over(part), 1);
        assert!(ledger.look(&id).is_some());
    }

    #[test]
    fn what_is_decided_is_decided_under_the_epoch_of_then() {
        let (part, id) = half(7);
        let mut ledger = Ledger::default();
        let forget = || Change::Forget {
            id: Arc::clone(&id),
            revision: 1,
        };
        assert_eq!(ledger.decided(forget()).epoch, 0);
        ledger.take_over(part);
        let decided = ledger.decided(forget());
        ledger.hand_over(part);
        ledger.handed_over(part);
        assert_eq!((decided.epoch, ledger.decided(forget()).epoch), (7, 0));
        ledger.take_over(half(9).0);
        // The end of the one before comes late.
        ledger.handed_over(part);
        assert_eq!(ledger.decided(forget()).epoch, 9);
    }
}

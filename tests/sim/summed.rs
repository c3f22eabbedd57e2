//! Which crashes the log sums up (D36), by a model beside each engine.

use std::collections::BTreeMap;
use std::time::Duration;

use session_supervisor::engine::{Decision, EventKind, Moment, Repeat, Severity};

const MINUTE: Duration = Duration::from_secs(60);

/// What was told of each session or child.
#[derive(Debug, Default)]
pub(crate) struct Summed(BTreeMap<String, Told>);

#[derive(Debug, Default)]
struct Told {
    /// The last incarnation of which an end was told.
    incarnation: u64,
    /// When the crashes of this minute were told.
    minute: Vec<Moment>,
    untold: u32,
}

impl Summed {
    pub(crate) fn check(
        &mut self,
        (id, incarnation): (&str, u64),
        now: Moment,
        kind: &EventKind,
        repeat: Repeat,
    ) {
        if let EventKind::StartTimedOut { .. } = kind {
            // A session or a child that has not ended before has nothing to sum up.
            let ended = self
                .0
                .get_mut(id)
                .filter(|told| incarnation > told.incarnation);
            let expected = ended.map_or(Repeat::None, |told| told.crash(now));
            assert_eq!(repeat, expected, "{id}: what the log tells of {kind}");
            return;
        }
        let Some(decision) = kind.decision() else {
            assert_eq!(repeat, Repeat::None, "{id}: no end is told");
            return;
        };
        let told = self.0.entry(id.to_owned()).or_default();
        let an_end = !matches!(kind, EventKind::Decided(_));
        if an_end && incarnation <= told.incarnation {
            // Another session has the id.
            *told = Told::default();
        }
        told.incarnation = incarnation;
        let leaves = matches!(
            decision,
            Decision::Forget
                | Decision::Nothing
                | Decision::Remove(_)
                | Decision::Escalate(_)
                | Decision::EscalateAll(_)
        );
        let expected = match kind.severity() {
            Severity::Detail => Repeat::None,
            Severity::Warning if !leaves => told.crash(now),
            _ => told.number(),
        };
        assert_eq!(repeat, expected, "{id}: what the log tells of {kind}");
    }
}

impl Told {
    fn crash(&mut self, now: Moment) -> Repeat {
        if self
            .minute
            .first()
            .is_none_or(|first| now.since(*first) >= MINUTE)
        {
            self.minute.clear();
        }
        if self.minute.len() == 10 {
            self.untold += 1;
            return Repeat::Summed;
        }
        self.minute.push(now);
        match (self.number(), self.minute.len()) {
            (Repeat::None, 10) => Repeat::LastOfMinute,
            (number, _) => number,
        }
    }

    fn number(&mut self) -> Repeat {
        match std::mem::take(&mut self.untold) {
            0 => Repeat::None,
            untold => Repeat::After(untold),
        }
    }
}

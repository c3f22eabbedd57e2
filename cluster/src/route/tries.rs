//! The tries of one request: whether there is time for another one, and what is known when there is none.

use std::time::Duration;

use tokio::time::Instant;

use super::end_of;
use crate::admission::NotAdmitted;
use crate::engine::NodeName;
use crate::error::RequestError;
use crate::gateway::{AskError, Outcome};
use crate::wire::{Ask, Refusal, RefusalKind};

/// The least time for a try after one of which it is certain that nothing was done: with less, its answer may
/// come too late, and then it is not certain any more. At most a tenth of what the caller waits.
const LEAST: Duration = Duration::from_millis(100);

/// Whether a request may change something. What only looks has no outcome that could be unknown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Changes,
    Looks,
}

/// The tries of one request.
pub(super) struct Tries {
    id: Box<str>,
    effect: Effect,
    within: Duration,
    until: Instant,
    /// Whether a node has answered that nothing was done.
    nobody: bool,
    /// The first try without an answer, or the latest of those that may have been carried out.
    last: Option<AskError>,
}

impl Tries {
    pub(super) fn new(id: &str, ask: &Ask, within: Duration, now: Instant) -> Self {
        Self {
            id: id.into(),
            effect: match ask {
                Ask::Lookup { .. } => Effect::Looks,
                _ => Effect::Changes,
            },
            within,
            until: end_of(within, now),
            nobody: false,
            last: None,
        }
    }

    /// When the caller gives up.
    pub(super) const fn until(&self) -> Instant {
        self.until
    }

    /// It was not done, or has no answer. Answers the pause before the next try; None: there is no time for
    /// one.
    pub(super) fn again(
        &mut self,
        pause: Duration,
        error: Option<AskError>,
        now: Instant,
    ) -> Option<Duration> {
        match error {
            Some(error) => self.note(error),
            None => self.nobody = true,
        }
        (now + pause < self.latest()).then_some(pause)
    }

    /// Until when another try begins, or another node is asked in the course of one.
    pub(super) fn latest(&self) -> Instant {
        // Of a try that may have been carried out, another one may tell what became of it until the end.
        let least = match is_unknown(self.last.as_ref()) {
            true => Duration::ZERO,
            false => LEAST.min(self.within / 10),
        };
        self.until.checked_sub(least).unwrap_or(self.until)
    }

    fn note(&mut self, error: AskError) {
        let error = match self.effect {
            Effect::Changes => error,
            // What a node has answered is known.
            Effect::Looks if self.nobody => return,
            Effect::Looks => error.without_effect(),
        };
        // What may have been done is what the caller has to know.
        if self.last.is_none() || error.outcome() == Outcome::Unknown {
            self.last = Some(error);
        }
    }

    /// A node has refused it.
    pub(super) fn refused(mut self, refusal: Refusal, by: NodeName) -> RequestError {
        if self.effect == Effect::Looks && refusal.kind == RefusalKind::TimedOut {
            self.note(AskError::TimedOut {
                node: by,
                outcome: Outcome::Unknown,
            });
            return self.ended(None);
        }
        let unanswered = self.last.filter(|error| is_unknown(Some(error)));
        RequestError::Refused {
            id: self.id.into(),
            refusal,
            unanswered,
        }
    }

    /// There is no time for another try.
    pub(super) fn ended(self, here: Option<NotAdmitted>) -> RequestError {
        let (id, within) = (self.id.into(), self.within);
        match self.last {
            None => RequestError::NoOwner { id, within, here },
            Some(cause) => RequestError::Unanswered { id, cause },
        }
    }
}

fn is_unknown(error: Option<&AskError>) -> bool {
    error.is_some_and(|error| error.outcome() == Outcome::Unknown)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Tries;
    use crate::engine::NodeName;
    use crate::error::RequestError;
    use crate::gateway::{AskError, Outcome};
    use crate::wire::{Ask, Refusal, RefusalKind};

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn node() -> NodeName {
        NodeName::try_from("b").expect("a name")
    }

    fn looks() -> Ask {
        Ask::Lookup { id: "s".to_owned() }
    }

    fn changes() -> Ask {
        Ask::Stop { id: "s".to_owned() }
    }

    fn late() -> AskError {
        AskError::TimedOut {
            node: node(),
            outcome: Outcome::Unknown,
        }
    }

    /// Asks a node that needs so long for an answer, and always answers that nobody does it now. After as many
    /// answers it says nothing any more.
    fn asked(
        ask: &Ask,
        within: Duration,
        pause: Duration,
        needs: Duration,
        answers: u32,
    ) -> RequestError {
        let mut now = Instant::now();
        let mut tries = Tries::new("s", ask, within, now);
        for tried in 0.. {
            let error = if tried < answers && now + needs < tries.until() {
                now += needs;
                None
            } else {
                now = tries.until();
                Some(late())
            };
            let Some(pause) = tries.again(pause, error, now) else {
                break;
            };
            now += pause;
        }
        tries.ended(None)
    }

    #[test]
    fn the_last_try_has_the_time_for_an_answer() {
        for within in [40, 100, 3_000, 5_000].map(ms) {
            for pause in (1..200).map(ms).filter(|pause| *pause < within) {
                let needs = within / 50;
                for ask in [changes(), looks()] {
                    let error = asked(&ask, within, pause, needs, u32::MAX);
                    assert!(
                        matches!(error, RequestError::NoOwner { .. }),
                        "{pause:?} of {within:?}: {error:?}"
                    );
                    assert_eq!(error.outcome(), Outcome::NotSent);
                }
            }
        }
    }

    #[test]
    fn a_try_that_was_sent_and_has_no_answer_may_have_been_carried_out() {
        for answers in 0..3 {
            let error = asked(&changes(), ms(3_000), ms(100), ms(1), answers);
            assert!(
                matches!(error, RequestError::Unanswered { .. }),
                "{error:?}"
            );
            assert_eq!(error.outcome(), Outcome::Unknown);
        }
        // Another one may still tell what has become of it, however little time there is.
        let now = Instant::now();
        let mut tries = Tries::new("s", &changes(), ms(3_000), now);
        let gone = AskError::Gone {
            node: node(),
            outcome: Outcome::Unknown,
        };
        let again = tries.again(ms(20), Some(gone.clone()), now + ms(2_970));
        assert_eq!(again, Some(ms(20)));
        assert_eq!(tries.again(ms(20), None, now + ms(2_990)), None);
        let error = tries.ended(None);
        assert!(matches!(&error, RequestError::Unanswered { cause, .. } if *cause == gone));
    }

    #[test]
    fn a_look_changes_nothing_so_no_try_of_it_makes_its_outcome_unknown() {
        for answers in 0..3 {
            let error = asked(&looks(), ms(3_000), ms(100), ms(1), answers);
            assert_eq!(error.outcome(), Outcome::NotSent, "{error:?}");
            let nobody = matches!(error, RequestError::NoOwner { .. });
            assert_eq!(nobody, answers > 0, "{error:?}");
        }
    }

    #[test]
    fn a_look_that_a_node_has_not_done_in_time_has_no_answer() {
        let told = |ask: &Ask, nobody: bool, kind| {
            let now = Instant::now();
            let mut tries = Tries::new("s", ask, ms(3_000), now);
            if nobody {
                assert!(tries.again(ms(20), None, now).is_some());
            }
            tries.refused(Refusal::new(kind, ""), node())
        };
        let late = RefusalKind::TimedOut;
        let error = told(&looks(), false, late);
        assert_eq!(error.outcome(), Outcome::NotSent, "{error:?}");
        assert!(
            matches!(error, RequestError::Unanswered { .. }),
            "{error:?}"
        );
        let error = told(&looks(), true, late);
        assert!(matches!(error, RequestError::NoOwner { .. }), "{error:?}");
        let error = told(&changes(), true, late);
        assert!(matches!(error, RequestError::Refused { .. }), "{error:?}");
        assert_eq!(error.outcome(), Outcome::Unknown);
        let error = told(&looks(), true, RefusalKind::BadId);
        assert!(matches!(error, RequestError::Refused { .. }), "{error:?}");
    }
}

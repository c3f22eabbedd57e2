//! Claims (D27): what the engine says of them, held against what it should be after each step.
//!
//! Who has which claim follows from the sessions that the model knows. It holds:
//! 1. a claim has one holder at most, and none when no session is left that claims it;
//! 2. a session has all its claims from its start to its release, and takes them together;
//! 3. a new id is refused exactly if another session has a claim of its spec, which comes before the
//!    limit of sessions; what is told is the first such claim and its holder;
//! 4. a known id is told before any claim.

mod scene;
mod scenes;

use std::collections::BTreeMap;

use session_supervisor::engine::{Claim, Policy, Spec, Taken, claim_of};

use crate::domain::{SimSpec, Ticket};
use crate::rules::Pauses;
use crate::sessions::model::Model;
use crate::sessions::sim::Sim;
use crate::variant::More;

/// Histories whose specs have claims.
#[derive(Debug)]
pub(crate) struct Claiming;

impl More<Sim> for Claiming {
    fn begin(sim: &mut Sim) {
        sim.claims.drawn = true;
    }
}

/// Few, so that they collide.
const VALUES: [&str; 3] = ["x", "y", "z"];

/// The claims of a history.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    /// Specs have some.
    pub(crate) drawn: bool,
    /// Who has which, as the engine has said.
    said: BTreeMap<Claim, usize>,
}

/// A claim of the histories and scenes.
fn of(value: &str) -> Claim {
    claim_of("kind", value).unwrap()
}

impl Model {
    /// Who has which claim.
    fn claims(&self) -> BTreeMap<Claim, usize> {
        let mut holders = BTreeMap::new();
        for (id, entry) in self.entries.iter().enumerate() {
            for claim in entry.iter().flat_map(|entry| entry.spec.claims()) {
                let before = holders.insert(claim.clone(), id);
                assert_eq!(before, None, "{claim} has two holders");
            }
        }
        holders
    }
}

impl Sim {
    pub(super) fn spec(&mut self, policy: Policy, pauses: Pauses) -> SimSpec {
        let mut values = VALUES.to_vec();
        let rng = &mut self.world.rng;
        values.retain(|_| self.claims.drawn && rng.chance(35));
        SimSpec::claiming(policy, pauses, values.into_iter().map(of).collect())
    }

    pub(super) fn claimed(&mut self, claim: Claim, id: &str) {
        let id = self.index(id);
        let before = self.claims.said.insert(claim, id);
        assert_eq!(before, None, "a claim is taken that is not free");
    }

    pub(super) fn unclaimed(&mut self, claim: &Claim) {
        let before = self.claims.said.remove(claim);
        assert!(before.is_some(), "a claim is freed that nobody has");
    }

    /// After a step.
    pub(super) fn check_claims(&self) {
        assert_eq!(self.claims.said, self.model.claims(), "who has which claim");
    }

    /// The first claim of a start that another session has, and who that is.
    pub(super) fn claim_taken(&mut self, ticket: Ticket) -> Option<(Claim, usize)> {
        // What is gone has nothing any more.
        self.model.bury(self.world.now, &self.world.runs);
        let holders = self.model.claims();
        let spec = self.tickets.0[ticket].spec.as_ref()?;
        let mut claims = spec.claims().iter();
        claims.find_map(|claim| Some((claim.clone(), *holders.get(claim)?)))
    }

    /// A start was refused for a claim.
    pub(super) fn refused_for_a_claim(&mut self, ticket: Ticket, taken: &Taken) {
        let holder = self.index(&taken.holder);
        let told = (taken.claim.clone(), holder);
        assert_eq!(
            self.claim_taken(ticket),
            Some(told),
            "the claim, its holder"
        );
        let id = self.tickets.0[ticket].id;
        let known = self.model.entries[id].is_some();
        assert!(!known, "a claim is told before the id, which is known");
    }
}

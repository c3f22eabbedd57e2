//! The election of the planner, and the plan, which only the elected one writes.

use etcd_client::{Txn, TxnOp};

use super::error::EtcdError;
use super::nodes::NodeKeys;
use super::txn::{Step, created, put_or_get};
use super::values::{NodeRun, Planner};

/// Which election it was: the revision at which the planner's key was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlannerTerm(pub(super) u64);

impl PlannerTerm {
    /// The revision.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// What a candidacy has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "it is elected or it is not")]
pub enum Election {
    /// This run of this node plans.
    Elected(PlannerTerm),
    /// Another one does. None: what stands there cannot be read.
    Other(Option<Planner>),
}

/// What the writing of a plan has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "it is written or it is not")]
pub enum PlanWrite {
    /// It is the plan, since that revision.
    Written {
        /// The revision at which it was written.
        revision: u64,
    },
    /// That term is over. The plan is another's.
    NotPlanner,
}

impl NodeKeys {
    /// Becomes the planner if there is none. One that is stays so, in the same term.
    ///
    /// # Errors
    ///
    /// After one whose outcome is unknown it may be elected; it can be repeated.
    ///
    /// # Cancel safety
    ///
    /// As with an error of unknown outcome.
    pub async fn campaign(&self) -> Result<Election, EtcdError> {
        let request = "the election of the planner";
        let value = self.run.to_string().into_bytes();
        let txn = put_or_get(self.etcd.keys.planner(), value, self.lease);
        match self.etcd.step(request, txn).await? {
            Step::Done(revision) => Ok(Election::Elected(PlannerTerm(revision))),
            Step::Stands(None) => Err(EtcdError::Nonsense {
                request,
                what: "there is a planner, and its key is not there",
            }),
            Step::Stands(Some(key)) => {
                let term = PlannerTerm(key.create_revision().unsigned_abs());
                let Ok(run) = NodeRun::read(key.value()) else {
                    return Ok(Election::Other(None));
                };
                Ok(if run == self.run && key.lease() == self.lease {
                    Election::Elected(term)
                } else {
                    Election::Other(Some(Planner { run, term }))
                })
            }
        }
    }

    /// Writes the plan, if this node is still the planner of that term.
    ///
    /// # Errors
    ///
    /// After one whose outcome is unknown it may be the plan. A plan over etcd's limit for a request,
    /// 1.5 MiB, is refused.
    ///
    /// # Cancel safety
    ///
    /// As with an error of unknown outcome.
    pub async fn write_plan(&self, term: PlannerTerm, plan: &str) -> Result<PlanWrite, EtcdError> {
        let keys = &self.etcd.keys;
        let txn = Txn::new()
            .when([created(keys.planner(), term.0)])
            .and_then([TxnOp::put(keys.plan(), plan, None)]);
        match self.etcd.step("the plan", txn).await? {
            Step::Done(revision) => Ok(PlanWrite::Written { revision }),
            Step::Stands(_) => Ok(PlanWrite::NotPlanner),
        }
    }

    /// Stops being the planner of that term, so that another node is elected at once.
    ///
    /// # Errors
    ///
    /// After one whose outcome is unknown the term may be over; it can be repeated.
    ///
    /// # Cancel safety
    ///
    /// As with an error of unknown outcome.
    pub async fn resign(&self, term: PlannerTerm) -> Result<(), EtcdError> {
        let key = self.etcd.keys.planner();
        let txn = Txn::new()
            .when([created(key.as_str(), term.0)])
            .and_then([TxnOp::delete(key, None)]);
        self.etcd.step("the end of the planner", txn).await?;
        Ok(())
    }
}

//! Claims of shards: which node owns one is decided by which one creates its key.

use etcd_client::{GetOptions, KeyValue, Txn, TxnOp};

use crate::engine::{Epoch, Owner, Shard};

use super::Etcd;
use super::error::EtcdError;
use super::nodes::NodeKeys;
use super::txn::{BATCH, Step, created, put_or_get};
use super::values::{NodeRun, Unreadable};

/// What a claim has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "the shard is ours or it is not")]
pub enum Claim {
    /// This run of this node owns the shard, since that epoch.
    Claimed(Epoch),
    /// Another one does. None: what stands there cannot be read.
    Owned(Option<Owner>),
}

/// What a release has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "in both the epoch is over")]
pub enum Release {
    /// The shard was owned since that epoch, and is free now.
    Released,
    /// It was not, or not any more: a lease that ended, or this same release before.
    NotOwned,
}

impl NodeKeys {
    /// Claims a shard that nothing owns.
    ///
    /// A shard that this run of this node owns already is claimed with the epoch that it has, so a
    /// claim of unknown outcome is simply repeated.
    ///
    /// # Errors
    ///
    /// [`EtcdError::LeaseGone`] if the lease has ended. After any error whose outcome is unknown the
    /// shard may be ours, now or a little later: it is not to be used before a claim or the watch says
    /// so.
    ///
    /// # Cancel safety
    ///
    /// As with an error of unknown outcome.
    pub async fn claim(&self, shard: Shard) -> Result<Claim, EtcdError> {
        let request = "a claim";
        let step = self.etcd.step(request, self.claim_of(shard)).await?;
        self.claimed(step)
    }

    /// Claims many, a hundred with each request. After a request that failed nothing more is asked,
    /// and what was not asked has the same error.
    pub async fn claim_many(&self, shards: &[Shard]) -> Vec<(Shard, Result<Claim, EtcdError>)> {
        let mut all = Vec::with_capacity(shards.len());
        let mut failed = None;
        for some in shards.chunks(BATCH) {
            let txns = some.iter().map(|shard| self.claim_of(*shard)).collect();
            let steps = match &failed {
                None => self.etcd.steps("claims", txns).await,
                Some(error) => Err(EtcdError::clone(error)),
            };
            match steps {
                Ok(steps) => {
                    let claims = steps.into_iter().map(|step| self.claimed(step));
                    all.extend(some.iter().copied().zip(claims));
                }
                Err(error) => {
                    all.extend(some.iter().map(|shard| (*shard, Err(error.clone()))));
                    failed = Some(error);
                }
            }
        }
        all
    }

    /// Gives up a shard that is owned since that epoch. A later epoch is not touched.
    ///
    /// # Errors
    ///
    /// After one whose outcome is unknown it may be released; it can be repeated.
    ///
    /// # Cancel safety
    ///
    /// As with an error of unknown outcome.
    pub async fn release(&self, shard: Shard, epoch: Epoch) -> Result<Release, EtcdError> {
        let step = self
            .etcd
            .step("a release", self.release_of(shard, epoch))
            .await?;
        Ok(released(&step))
    }

    /// Gives up many, a hundred with each request, as [`claim_many`](Self::claim_many).
    pub async fn release_many(
        &self,
        shards: &[(Shard, Epoch)],
    ) -> Vec<(Shard, Result<Release, EtcdError>)> {
        let mut all = Vec::with_capacity(shards.len());
        let mut failed = None;
        for some in shards.chunks(BATCH) {
            let txns = some
                .iter()
                .map(|(shard, epoch)| self.release_of(*shard, *epoch));
            let steps = match &failed {
                None => self.etcd.steps("releases", txns.collect()).await,
                Some(error) => Err(EtcdError::clone(error)),
            };
            let shards = some.iter().map(|(shard, _)| *shard);
            match steps {
                Ok(steps) => all.extend(shards.zip(steps.iter().map(|step| Ok(released(step))))),
                Err(error) => {
                    all.extend(shards.map(|shard| (shard, Err(error.clone()))));
                    failed = Some(error);
                }
            }
        }
        all
    }

    fn claim_of(&self, shard: Shard) -> Txn {
        let key = self.etcd.keys.shard(shard);
        put_or_get(key, self.run.to_string().into_bytes(), self.lease)
    }

    fn release_of(&self, shard: Shard, epoch: Epoch) -> Txn {
        let key = self.etcd.keys.shard(shard);
        Txn::new()
            .when([created(key.as_str(), epoch.number())])
            .and_then([TxnOp::delete(key, None)])
    }

    fn claimed(&self, step: Step) -> Result<Claim, EtcdError> {
        match step {
            Step::Done(revision) => Ok(Claim::Claimed(Epoch::new(revision))),
            Step::Stands(None) => Err(EtcdError::Nonsense {
                request: "a claim",
                what: "the shard is owned, and its key is not there",
            }),
            Step::Stands(Some(key)) => {
                let Ok(owner) = owner_of(&key) else {
                    return Ok(Claim::Owned(None));
                };
                let ours = owner.node == self.run.name
                    && owner.incarnation == self.run.incarnation
                    && key.lease() == self.lease;
                Ok(if ours {
                    Claim::Claimed(owner.epoch)
                } else {
                    Claim::Owned(Some(owner))
                })
            }
        }
    }
}

impl Etcd {
    /// What owns a shard now. None: nothing, or what stands there cannot be read.
    ///
    /// # Errors
    ///
    /// etcd has not answered.
    pub async fn owner(&self, shard: Shard) -> Result<Option<Owner>, EtcdError> {
        let key = self.keys.shard(shard);
        let options = GetOptions::new();
        let asked =
            |mut client: etcd_client::Client| async move { client.get(key, Some(options)).await };
        let answer = self.connection.call("the owner of a shard", asked).await?;
        Ok(answer.kvs().first().and_then(|key| owner_of(key).ok()))
    }
}

pub(super) fn owner_of(key: &KeyValue) -> Result<Owner, Unreadable> {
    let run = NodeRun::read(key.value())?;
    Ok(run.owner(Epoch::new(key.create_revision().unsigned_abs())))
}

const fn released(step: &Step) -> Release {
    match step {
        Step::Done(_) => Release::Released,
        Step::Stands(_) => Release::NotOwned,
    }
}

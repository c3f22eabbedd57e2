//! The key of a node, and what a node writes under its lease.

use etcd_client::{PutOptions, Txn, TxnOp};

use super::Etcd;
use super::error::EtcdError;
use super::txn::{Step, created, put_or_get};
use super::values::{NodeInfo, NodeRun};

/// What one run of a node writes in etcd: its own key, its claims, its plan. All of it but the plan
/// hangs on its lease. Made by [`Lease::keys`](super::Lease::keys); clones are the same.
#[derive(Clone, Debug)]
pub struct NodeKeys {
    pub(super) etcd: Etcd,
    pub(super) run: NodeRun,
    pub(super) lease: i64,
}

/// The key of this node, as it was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The revision at which it was created.
    pub revision: u64,
}

/// What a registration has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "the name is ours or it is not")]
pub enum Registration {
    /// The name is this run's.
    Registered(Registered),
    /// Another run of a node has it. None: what stands there cannot be read.
    InUse(Option<NodeInfo>),
}

/// What a change of the node's key has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "the key is ours or it is not")]
pub enum Updated {
    /// It is written.
    Written,
    /// The key is not the one that was registered: the lease has ended.
    NotRegistered,
}

impl NodeKeys {
    /// Which run of which node this is.
    #[must_use]
    pub const fn run(&self) -> &NodeRun {
        &self.run
    }

    /// Takes the name of the node. Its incarnation in etcd is this run's, whatever `info` says.
    ///
    /// A name of this run stays as it is, so a registration of unknown outcome is simply repeated. The
    /// name of a node that was killed is in use until its lease has ended.
    ///
    /// # Errors
    ///
    /// After one whose outcome is unknown the name may be taken.
    ///
    /// # Cancel safety
    ///
    /// As with an error of unknown outcome.
    pub async fn register(&self, info: &NodeInfo) -> Result<Registration, EtcdError> {
        let request = "the registration of the node";
        let key = self.etcd.keys.node(&self.run.name);
        let txn = put_or_get(key, self.value(info), self.lease);
        match self.etcd.step(request, txn).await? {
            Step::Done(revision) => Ok(Registration::Registered(Registered { revision })),
            Step::Stands(Some(key)) if key.lease() == self.lease => {
                let revision = key.create_revision().unsigned_abs();
                Ok(Registration::Registered(Registered { revision }))
            }
            Step::Stands(Some(key)) => Ok(Registration::InUse(NodeInfo::read(key.value()).ok())),
            Step::Stands(None) => Err(EtcdError::Nonsense {
                request,
                what: "the name is in use, and its key is not there",
            }),
        }
    }

    /// Writes what the node says of itself now, such as that it leaves.
    ///
    /// # Errors
    ///
    /// After one whose outcome is unknown it may be written; it can be repeated.
    ///
    /// # Cancel safety
    ///
    /// As with an error of unknown outcome.
    pub async fn update(&self, at: Registered, info: &NodeInfo) -> Result<Updated, EtcdError> {
        let key = self.etcd.keys.node(&self.run.name);
        let lease = PutOptions::new().with_lease(self.lease);
        let put = TxnOp::put(key.as_str(), self.value(info), Some(lease));
        let txn = Txn::new().when([created(key, at.revision)]).and_then([put]);
        match self.etcd.step("the key of the node", txn).await? {
            Step::Done(_) => Ok(Updated::Written),
            Step::Stands(_) => Ok(Updated::NotRegistered),
        }
    }

    fn value(&self, info: &NodeInfo) -> Vec<u8> {
        let info = NodeInfo {
            incarnation: self.run.incarnation,
            ..info.clone()
        };
        info.write().into_bytes()
    }
}

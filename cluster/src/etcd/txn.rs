//! Transactions: one comparison of when a key was created, then one of two operations. Many of them
//! go in one request.

use std::panic::{AssertUnwindSafe, catch_unwind};

use etcd_client::{Compare, CompareOp, KeyValue, Txn, TxnOp, TxnOpResponse, TxnResponse};

use super::Etcd;
use super::error::EtcdError;
use super::history::Position;

/// How many transactions go in one request. etcd allows 128 operations in one, and counts the
/// operations inside of those against what the outer ones leave.
pub(super) const BATCH: usize = 100;

/// What one of many transactions has come to.
pub(super) enum Step {
    /// The comparison held, and the operation is done: at this revision.
    Done(u64),
    /// It did not hold. What stood at the key instead, if that was asked and there is something.
    Stands(Option<KeyValue>),
}

/// The key was created at that revision; 0: it does not exist.
pub(super) fn created(key: impl Into<Vec<u8>>, revision: u64) -> Compare {
    // etcd's revisions are positive numbers of this type, so all of ours came from one.
    let revision = i64::try_from(revision).unwrap_or(i64::MAX);
    Compare::create_revision(key, CompareOp::Equal, revision)
}

/// A key that does not exist is written, another one is read.
pub(super) fn put_or_get(key: String, value: Vec<u8>, lease: i64) -> Txn {
    let lease = etcd_client::PutOptions::new().with_lease(lease);
    Txn::new()
        .when([created(key.as_str(), 0)])
        .and_then([TxnOp::put(key.as_str(), value, Some(lease))])
        .or_else([TxnOp::get(key, None)])
}

impl Etcd {
    /// Does all of them in one request: all at one revision, or none of them if one is refused.
    pub(super) async fn steps(
        &self,
        request: &'static str,
        txns: Vec<Txn>,
    ) -> Result<Vec<Step>, EtcdError> {
        let count = txns.len();
        let all: Vec<_> = txns.into_iter().map(TxnOp::txn).collect();
        let txn = Txn::new().and_then(all);
        let seen = self.history.seen();
        let asked = |mut client: etcd_client::Client| async move { client.txn(txn).await };
        let answer = self.connection.call(request, asked).await?;
        let found = Position::of(answer.header());
        let Position { revision, .. } = self.history.answered(request, seen, found)?;
        let nonsense = |what| EtcdError::Nonsense { request, what };
        let steps = parts(&answer).ok_or(nonsense("a part of it is missing"))?;
        if steps.len() != count {
            return Err(nonsense("it has another number of parts"));
        }
        let step = |part: TxnOpResponse| match part {
            TxnOpResponse::Txn(txn) if txn.succeeded() => Ok(Step::Done(revision)),
            TxnOpResponse::Txn(txn) => {
                let parts = parts(&txn).ok_or(nonsense("a part of it is missing"))?;
                Ok(Step::Stands(parts.into_iter().find_map(read)))
            }
            _ => Err(nonsense("a part of it is no transaction")),
        };
        steps.into_iter().map(step).collect()
    }

    /// Does one.
    pub(super) async fn step(&self, request: &'static str, txn: Txn) -> Result<Step, EtcdError> {
        let what = "it has no part";
        let steps = self.steps(request, vec![txn]).await?;
        let step = steps.into_iter().next();
        step.ok_or(EtcdError::Nonsense { request, what })
    }
}

fn read(part: TxnOpResponse) -> Option<KeyValue> {
    match part {
        TxnOpResponse::Get(mut got) => got.take_kvs().into_iter().next(),
        _ => None,
    }
}

/// The parts of an answer. The client panics if the server has left one empty.
fn parts(answer: &TxnResponse) -> Option<Vec<TxnOpResponse>> {
    catch_unwind(AssertUnwindSafe(|| answer.op_responses())).ok()
}

//! What does not fit is refused when a node joins, with what is wrong. No etcd is needed for that.

use std::time::{Duration, Instant};

use session_supervisor_cluster::error::JoinError;
use session_supervisor_cluster::{ClusterOptions, ClusterSupervisor, Kinds};
use session_supervisor_store::{
    Decided, Entry, MemoryStore, Part, SavedState, SessionStore, StoreError,
};

#[path = "support/chain.rs"]
mod chain;

use chain::chain;

/// Where nothing listens.
const NO_ETCD: &str = "http://127.0.0.1:1";

fn options() -> ClusterOptions {
    ClusterOptions::new("chat", "n", "a secret").etcd([NO_ETCD])
}

async fn refused(options: ClusterOptions) -> (JoinError, String) {
    let joined = ClusterSupervisor::join(options, Kinds::new(), MemoryStore::new()).await;
    let error = joined.expect_err("it does not fit");
    let text = chain(&error);
    (error, text)
}

#[tokio::test]
async fn options_out_of_their_bounds_are_named() {
    let bad = [
        (
            ClusterOptions::new("Chat", "n", "a secret"),
            "\"Chat\" is not a node name",
        ),
        (
            ClusterOptions::new("chat", "", "a secret"),
            "\"\" is not a node name",
        ),
        (
            ClusterOptions::new("chat", "n", ""),
            "the cookie of the cluster is empty",
        ),
        (options().shards(0), "0 shards"),
        (
            options().lease(Duration::from_millis(2_500)),
            "a lease of 2.5s",
        ),
        (options().weight(0), "bad weight 0"),
        (
            options().request_timeout(Duration::ZERO),
            "bad request timeout 0ns",
        ),
        (
            options().listen(([0, 0, 0, 0], 7_000).into()),
            "bad address \"0.0.0.0:7000\"",
        ),
        (options().advertise("nowhere"), "bad address \"nowhere\""),
        (options().prefix("chat"), "bad prefix \"chat\""),
        (options().etcd(Vec::<String>::new()), "no endpoint"),
        (
            options().etcd(["https://127.0.0.1:1"]),
            "no TLS was given for it",
        ),
    ];
    for (options, text) in bad {
        let (error, told) = refused(options).await;
        assert!(told.contains(text), "{text}: {told} {error:?}");
    }
}

/// One that has its number of shards for all time, as `PostgresStore` has.
struct Divided(MemoryStore);

impl SessionStore for Divided {
    fn shards(&self) -> Option<u32> {
        Some(64)
    }

    fn load(&mut self, part: Part, found: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        self.0.load(part, found)
    }

    fn entry(&mut self, id: &str) -> Result<Option<Entry>, StoreError> {
        self.0.entry(id)
    }

    fn state(&mut self, id: &str, slot: &str) -> Result<Option<SavedState>, StoreError> {
        self.0.state(id, slot)
    }

    fn apply(&mut self, changes: &[Decided]) -> Result<(), StoreError> {
        self.0.apply(changes)
    }
}

/// The node would own all shards, and could read none of them: each start would end after its timeout.
#[tokio::test]
async fn a_store_of_another_number_of_shards_is_named() {
    let store = Divided(MemoryStore::new());
    let joined = ClusterSupervisor::join(options(), Kinds::new(), store).await;
    let told = chain(&joined.expect_err("it does not fit"));
    assert!(
        told.contains("the store has 64 shards and the cluster 512"),
        "{told}"
    );
    let store = Divided(MemoryStore::new());
    let joined = ClusterSupervisor::join(options().shards(64), Kinds::new(), store).await;
    let error = joined.expect_err("there is no etcd");
    assert!(matches!(error, JoinError::Etcd(_)), "{error:?}");
}

#[tokio::test]
async fn a_certificate_for_another_host_is_named_before_etcd_is_asked() {
    let certificate = include_str!("gateway/certs/good.pem");
    let key = include_str!("gateway/certs/good.key");
    let authority = include_str!("gateway/certs/authority.pem");
    let tls = session_supervisor_cluster::Tls::from_pem(certificate, key, authority);
    let options = options().tls(tls.expect("TLS"));
    let (error, told) = refused(options.advertise("10.0.0.7:7000")).await;
    assert!(matches!(error, JoinError::Tls(_)), "{error:?}");
    let text = "no peer accepts the certificate of this node for \"10.0.0.7\"";
    assert!(told.contains(text), "{told}");
}

#[tokio::test]
async fn without_etcd_a_join_fails_soon_and_says_where_it_was_looked_for() {
    let began = Instant::now();
    let (error, told) = refused(options()).await;
    assert!(matches!(error, JoinError::Etcd(_)), "{error:?}");
    assert!(told.contains(NO_ETCD), "{told}");
    assert!(began.elapsed() < Duration::from_secs(20));
}

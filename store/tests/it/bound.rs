//! A store that belongs to one cluster is asked whether it is this one before anything runs over it.

use session_supervisor::{Options, SessionSupervisor};
use session_supervisor_store::error::OpenError;
use session_supervisor_store::{
    Decided, DurableSupervisor, Entry, MemoryStore, OtherCluster, Part, SavedState, SessionStore,
    StoreError,
};

use super::support::kinds;

/// It is bound to a cluster.
struct Bound(&'static str, MemoryStore);

impl SessionStore for Bound {
    fn bind(&mut self, cluster: &str) -> Result<(), StoreError> {
        if cluster == self.0 {
            return Ok(());
        }
        Err(OtherCluster::new(cluster, self.0).into())
    }

    fn load(&mut self, part: Part, found: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        self.1.load(part, found)
    }

    fn entry(&mut self, id: &str) -> Result<Option<Entry>, StoreError> {
        self.1.entry(id)
    }

    fn state(&mut self, id: &str, slot: &str) -> Result<Option<SavedState>, StoreError> {
        self.1.state(id, slot)
    }

    fn apply(&mut self, changes: &[Decided]) -> Result<(), StoreError> {
        self.1.apply(changes)
    }
}

#[tokio::test]
async fn a_supervisor_of_another_cluster_is_not_opened() {
    let options = || Options::new().name("bound");
    // A store that is chosen while the program runs is asked too.
    let store = || -> Box<dyn SessionStore> { Box::new(Bound("a", MemoryStore::new())) };
    let opened = DurableSupervisor::open_bound(options(), kinds(), store(), "b").await;
    match opened.expect_err("it is another's") {
        OpenError::Bind(StoreError::OtherCluster(cause)) => assert_eq!(
            cause.to_string(),
            "it is bound to a, and this is b: each cluster needs a store of its own"
        ),
        error => panic!("it is refused for something else: {error:?}"),
    }
    assert!(
        SessionSupervisor::where_is("bound").is_none(),
        "nothing runs"
    );
    let opened = DurableSupervisor::open_bound(options(), kinds(), store(), "a").await;
    opened
        .expect("it is its own")
        .stop()
        .await
        .expect("it ends");
}

#[tokio::test]
async fn a_store_that_does_not_bind_takes_whoever_comes() {
    let (store, options) = (MemoryStore::new(), || Options::new().unique_name());
    for cluster in ["a", "b"] {
        let opened = DurableSupervisor::open_bound(options(), kinds(), store.clone(), cluster);
        let opened = opened.await.expect("it opens");
        opened.stop().await.expect("it ends");
    }
}

//! An etcd, some nodes and a browser.

use crate::driver::Browser;
use crate::etcd::Cluster as Etcd;
use crate::process::Node;

/// A cluster that is being watched.
pub(crate) struct World {
    pub(crate) browser: Browser,
    pub(crate) nodes: Vec<Node>,
    pub(crate) etcd: Etcd,
    shards: u32,
    /// Of the nodes, in seconds.
    lease: u64,
}

impl World {
    /// None: there is no browser on this machine, which is printed.
    pub(crate) async fn start(names: &[&str], shards: u32, lease: u64) -> Option<Self> {
        let browser = Browser::open().await?;
        let mut world = Self {
            browser,
            nodes: Vec::new(),
            etcd: Etcd::start(1)?,
            shards,
            lease,
        };
        for name in names {
            world.add(name).await;
        }
        Some(world)
    }

    pub(crate) async fn add(&mut self, name: &str) {
        let settings = [
            ("ETCD_OF_TEST", self.etcd.endpoints().remove(0)),
            ("LEASE_OF_TEST", self.lease.to_string()),
            ("SHARDS_OF_TEST", self.shards.to_string()),
        ];
        let node = Node::start(name, &settings).await;
        self.nodes.push(node);
    }

    /// Takes a node out.
    pub(crate) fn take(&mut self, name: &str) -> Node {
        let place = self.nodes.iter().position(|node| node.name == name);
        self.nodes.remove(place.expect("a node of this name"))
    }

    /// Opens the page of the first node, and waits until it is live and all shards are owned.
    pub(crate) async fn open(&self) {
        let url = format!("{}/cluster", self.nodes[0].origin);
        self.browser.go(&url).await;
        self.live().await;
    }

    pub(crate) async fn live(&self) {
        let live = "document.querySelector('#connection').className === 'live'";
        self.browser.until(live).await;
    }

    /// Waits until the grid is told like this: all shards, so many owners, so many without one, and so
    /// many on their way.
    pub(crate) async fn grid(&self, owners: usize, unowned: usize, moving: usize) {
        let shards = self.shards;
        let told = format!("{shards} shards, {owners} owners, {unowned} unowned, {moving} moving");
        let holds = format!("document.querySelector('#grid-text').textContent === '{told}'");
        self.browser.until(&holds).await;
    }

    /// Nothing that the browser had to complain of, such as a breach of the policy; and nothing of
    /// another host.
    pub(crate) async fn is_content(&self) {
        let complaints = self.browser.complaints().await;
        assert!(complaints.is_empty(), "{complaints:?}");
        let foreign = "return performance.getEntriesByType('resource').map((one) => one.name)
            .filter((name) => !name.startsWith(location.origin))";
        assert_eq!(self.browser.run(foreign).await, serde_json::json!([]));
    }
}

/// An expression for the text of the cell of a node in the table.
pub(crate) fn cell(node: &str, column: usize) -> String {
    format!(
        "document.querySelector('#node-rows tr[data-name=\"{node}\"]')?.children[{column}].textContent"
    )
}

/// The columns of the table of nodes.
pub(crate) const NAME: usize = 0;
pub(crate) const ADDRESS: usize = 1;
pub(crate) const SHARDS: usize = 2;
pub(crate) const SESSIONS: usize = 3;
pub(crate) const CONNECTION: usize = 5;

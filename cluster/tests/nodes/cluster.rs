//! An etcd, a store and some nodes.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpStream;

use crate::etcd::{Cluster as Etcd, free_ports};
use crate::process::{Answer, Node};
use crate::proxy::{Proxy, Wire};
use crate::shared_store::Server;

pub(crate) struct Cluster {
    pub(crate) etcd: Etcd,
    pub(crate) store: Server,
    pub(crate) nodes: Vec<Node>,
    wires: BTreeMap<String, Wires>,
    lease: u64,
    more: &'static [Setting],
}

/// More settings of a node, such as its certificate.
pub(crate) type Setting = (&'static str, &'static str);

/// The ways of one node to and from others.
struct Wires {
    etcd: Vec<Proxy>,
    /// By which nodes of a lower name reach it.
    peers: Proxy,
}

impl Cluster {
    /// With leases of so many seconds.
    pub(crate) fn start(servers: usize, names: &[&str], lease: u64) -> Self {
        Self::start_with(servers, names, lease, &[])
    }

    /// The same, with more settings for each node.
    pub(crate) fn start_with(
        servers: usize,
        names: &[&str],
        lease: u64,
        more: &'static [Setting],
    ) -> Self {
        let etcd = Etcd::start(servers).expect("etcd is there");
        let mut cluster = Self {
            etcd,
            store: Server::start(),
            nodes: Vec::new(),
            wires: BTreeMap::new(),
            lease,
            more,
        };
        let joining: Vec<_> = names.iter().map(|name| cluster.spawn(name, 64)).collect();
        for (node, joined) in joining {
            assert_eq!(joined.get(), "ok");
            cluster.nodes.push(node);
        }
        cluster.settled();
        cluster
    }

    pub(crate) fn spawn(&mut self, name: &str, shards: u32) -> (Node, Answer) {
        self.spawn_with(name, shards, self.more)
    }

    pub(crate) fn spawn_with(
        &mut self,
        name: &str,
        shards: u32,
        more: &[Setting],
    ) -> (Node, Answer) {
        let listen = format!("127.0.0.1:{}", free_ports(1)[0]);
        let servers = self.etcd.endpoints().into_iter();
        let etcd = servers.map(|server| Proxy::to(server.replace("http://", "")));
        let wires = Wires {
            etcd: etcd.collect(),
            peers: Proxy::to(listen.clone()),
        };
        let etcd: Vec<_> = wires
            .etcd
            .iter()
            .map(|wire| format!("http://{}", wire.address))
            .collect();
        let advertise = wires.peers.address.to_string();
        self.wires.insert(name.to_owned(), wires);
        let settings = [
            ("ETCD_OF_TEST", etcd.join(",")),
            ("LISTEN_OF_TEST", listen),
            ("ADVERTISE_OF_TEST", advertise),
            ("STORE_OF_TEST", self.store.address.to_string()),
            ("LEASE_OF_TEST", self.lease.to_string()),
            ("SHARDS_OF_TEST", shards.to_string()),
        ];
        let more = more.iter().map(|(key, value)| (*key, (*value).to_owned()));
        let settings: Vec<_> = settings.into_iter().chain(more).collect();
        Node::spawn(name, &settings)
    }

    /// Starts a node, and waits until it has joined.
    pub(crate) fn add(&mut self, name: &str) {
        let (node, joined) = self.spawn(name, 64);
        assert_eq!(joined.get(), "ok");
        self.nodes.push(node);
    }

    /// Waits until these nodes are the cluster, as each of them sees it, and every shard is where the
    /// plan for them has it, so that nothing is going to move any more.
    pub(crate) fn settled(&mut self) {
        let mut names: Vec<_> = self.nodes.iter().map(|node| node.name.clone()).collect();
        names.sort();
        let command = format!("settled {}", names.join(" "));
        for node in &mut self.nodes {
            node.until(&command, |answer| answer == "settled");
        }
    }

    /// Sets what gets through between a node and etcd.
    pub(crate) fn to_etcd(&self, name: &str, wire: Wire) {
        self.wires[name]
            .etcd
            .iter()
            .for_each(|proxy| proxy.set(wire));
    }

    /// Sets what gets through between a node and those of lower names.
    pub(crate) fn to_peers(&self, name: &str, wire: Wire) {
        self.wires[name].peers.set(wire);
    }

    /// Connects to a node as no gateway does, and goes away.
    pub(crate) fn knock(&self, name: &str, says: &[u8]) {
        let address = self.wires[name].peers.address;
        let mut stream = TcpStream::connect(address).expect("it listens");
        stream.write_all(says).expect("it is open");
    }

    pub(crate) fn node(&mut self, name: &str) -> &mut Node {
        let node = self.nodes.iter_mut().find(|node| node.name == name);
        node.expect("a node of this name")
    }

    /// Takes a node out.
    pub(crate) fn take(&mut self, name: &str) -> Node {
        let place = self.nodes.iter().position(|node| node.name == name);
        self.nodes.remove(place.expect("a node of this name"))
    }
}

//! An etcd and three nodes, without the proxies that other tests have between them.

use std::collections::BTreeMap;

use super::LEASE;
use super::node::OWN_STORE;
use crate::etcd::Cluster as Etcd;
use crate::process::{Answer, Node};

const NAMES: [&str; 3] = ["a", "b", "c"];

pub(super) struct Cluster {
    nodes: BTreeMap<&'static str, Node>,
    store: String,
    etcd: Etcd,
}

impl Cluster {
    pub(super) fn start(store: &str) -> Self {
        let mut cluster = Self {
            nodes: BTreeMap::new(),
            store: store.to_owned(),
            etcd: Etcd::start(1).expect("etcd is there"),
        };
        for name in NAMES {
            cluster.add(name);
        }
        cluster.settled();
        cluster
    }

    /// Whether what a node has saved outlives it.
    pub(super) fn is_shared(&self) -> bool {
        self.store != OWN_STORE
    }

    /// Starts a node, and waits until it has joined.
    pub(super) fn add(&mut self, name: &'static str) {
        let settings = [
            ("ETCD_OF_TEST", self.etcd.endpoints().join(",")),
            ("FIGURES_OF_TEST", self.store.clone()),
            ("LEASE_OF_TEST", LEASE.to_string()),
        ];
        let (node, joined) = Node::spawn(name, &settings);
        assert_eq!(joined.get(), "ok");
        self.nodes.insert(name, node);
    }

    /// Waits until every node serves its shards, and all of them are owned.
    pub(super) fn settled(&mut self) {
        for answer in self.ask_all("settled") {
            number(&answer.get());
        }
    }

    pub(super) fn ask(&mut self, name: &str, command: &str) -> Answer {
        let node = self.nodes.get_mut(name).expect("a node of this name");
        node.ask(command)
    }

    pub(super) fn ask_all(&mut self, command: &str) -> Vec<Answer> {
        let nodes = self.nodes.values_mut();
        nodes.map(|node| node.ask(command)).collect()
    }

    /// What a node answers.
    pub(super) fn number(&mut self, name: &str, command: &str) -> f64 {
        number(&self.ask(name, command).get())
    }

    /// How many sessions run on this node.
    pub(super) fn running(&mut self, name: &str) -> usize {
        let running = self.ask(name, "running").get();
        running.parse().expect("a number")
    }

    pub(super) fn running_in_all(&mut self) -> usize {
        let answers = self.ask_all("running").into_iter();
        let running = answers.map(|answer| answer.get().parse::<usize>().expect("a number"));
        running.sum()
    }

    /// Takes a node out.
    pub(super) fn take(&mut self, name: &str) -> Node {
        self.nodes.remove(name).expect("a node of this name")
    }
}

pub(super) fn number(answer: &str) -> f64 {
    let number = answer.parse();
    number.unwrap_or_else(|_| panic!("not a number: {answer}"))
}

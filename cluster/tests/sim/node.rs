//! One node: its clock, its process, and what runs in it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use session_supervisor_cluster::engine::{
    BootTime, Epoch, Holder, Incarnation, NodeName, Plan, Shard,
};

/// A machine with a clock, on which the process of a node runs now and then.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: NodeName,
    /// How far its clock goes in 1,000 units of true time.
    pub(crate) rate: u64,
    /// What its clock showed at the beginning, in microseconds.
    pub(crate) offset: u64,
    /// Which process it is, of all that there were. What was meant for an earlier one is dropped.
    pub(crate) life: u64,
    pub(crate) process: Process,
    /// Until when it executes nothing.
    pub(crate) paused_until: Option<u64>,
    /// Until when it cannot reach the store.
    pub(crate) cut_until: u64,
    /// The requests of this process that are not answered yet.
    pub(crate) pending: BTreeSet<u64>,
}

#[derive(Debug)]
pub(crate) enum Process {
    /// There is none.
    Down,
    /// It asks for a lease.
    Joining,
    Up(Box<Up>),
}

/// A process with a lease.
#[derive(Debug)]
pub(crate) struct Up {
    pub(crate) incarnation: Incarnation,
    pub(crate) holder: Holder,
    /// How much of the log its watch has told. None: it asks for a snapshot.
    pub(crate) position: Option<usize>,
    /// What runs of each shard.
    pub(crate) running: BTreeMap<Shard, Epoch>,
    /// The shards of which something ends, and will tell so; whether it was asked to end in order.
    pub(crate) draining: BTreeMap<Shard, Ends>,
    /// The epochs that the store has confirmed to it.
    pub(crate) confirmed: BTreeSet<(Shard, Epoch)>,
    /// When the latest renewal was sent that was confirmed, in its own time.
    pub(crate) sent: u64,
    pub(crate) plan: Option<Plan>,
    /// Since it was paused, its timers have not fired yet.
    pub(crate) behind: bool,
    /// It has been told to end everything.
    pub(crate) ending: bool,
    pub(crate) tick_at: Option<u64>,
}

/// How what runs of a shard ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    InOrder,
    Killed,
}

impl Node {
    /// What its clock shows, in microseconds.
    pub(crate) const fn clock(&self, now: u64) -> u64 {
        self.offset + now * self.rate / 1_000
    }

    pub(crate) fn local(&self, now: u64) -> BootTime {
        BootTime::new(Duration::from_micros(self.clock(now)))
    }

    /// When its clock shows this, in true time.
    pub(crate) fn when(&self, local: BootTime) -> u64 {
        let local = local.since_boot().as_nanos().div_ceil(1_000);
        let local = u64::try_from(local).expect("not long");
        (local.saturating_sub(self.offset) * 1_000).div_ceil(self.rate)
    }

    pub(crate) fn up(&self) -> Option<&Up> {
        match &self.process {
            Process::Up(up) => Some(up),
            Process::Down | Process::Joining => None,
        }
    }

    pub(crate) fn up_mut(&mut self) -> Option<&mut Up> {
        match &mut self.process {
            Process::Up(up) => Some(up),
            Process::Down | Process::Joining => None,
        }
    }

    /// Whether it executes anything: not before it has been resumed.
    pub(crate) const fn executes(&self) -> bool {
        self.paused_until.is_none()
    }

    pub(crate) const fn reaches_the_store(&self, now: u64) -> bool {
        self.cut_until <= now
    }
}

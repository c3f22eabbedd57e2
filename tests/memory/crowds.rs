//! What is to have grown before anything is counted.

use ractor::Actor;
use session_supervisor::{Supervisor, TreeSpec};

use crate::runtimes::Kind;

/// Far more names than all rows together hold at once.
const NAMES: usize = 8_192;

struct Named;

/// Far more supervisors than a life has at once.
const SUPERVISORS: usize = 256;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Named {}

/// ractor's registry is one for the process. Its tables grow by powers of two, one for each of its
/// shards, and where a name falls is chance.
pub(crate) fn fill_the_registry() {
    Kind::CurrentThread.make().block_on(async {
        let mut named = Vec::with_capacity(NAMES);
        for number in 0..NAMES {
            let name = format!("registered for its place alone {number}");
            let spawned = Actor::spawn(Some(name), Named, ()).await;
            named.push(spawned.expect("a free name"));
        }
        for (actor, task) in named {
            actor.stop(None);
            task.await.expect("it ends");
        }
    });
}

/// The tables of the supervisors that run are one for the process too. A row that is led alone may
/// hold as many as fill a table to its half, and then it is chance whether that is laid anew in its
/// size or in twice its size.
pub(crate) fn fill_the_directory() {
    Kind::CurrentThread.make().block_on(async {
        let mut running = Vec::with_capacity(SUPERVISORS);
        for _ in 0..SUPERVISORS {
            let tree = Supervisor::start(TreeSpec::one_for_one().unique_name()).await;
            running.push(tree.expect("it starts"));
        }
        for tree in running {
            tree.stop().await.expect("it ends");
        }
    });
}

//! What is to have grown before anything is counted.

use ractor::Actor;

use crate::runtimes::Kind;

/// Far more names than all rows together hold at once.
const NAMES: usize = 8_192;

struct Named;

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

//! One task per supervisor that outlives the root: it keeps the one timer, drives when the root's
//! loop does not, and finishes every ending.
//!
//! Whatever ends the root, the sessions' ends come here in one path: after a foreign kill the engine
//! is told that the root is gone and kills what is left; when all is gone, whoever waits is answered.
//!
//! Absent on purpose: waiting for zombies. They are reported, and end when their code does.

use std::sync::{Arc, OnceLock};

use ractor::{Actor, ActorCell, SpawnErr};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::directory;
use super::inbox::Stage;
use super::leftovers::Leftovers;
use super::log;
use super::plan::Reply;
use super::root::{Birth, Root};
use super::shared::Shared;
use super::unwind::drop_guarded;
use crate::engine::{Input, Moment, Settings};

/// Starts a root and its undertaker. Nothing of them is left if the future is dropped.
pub(crate) async fn start_root(
    name: String,
    settings: Settings,
    runtime: Handle,
    parent: Option<ActorCell>,
) -> Result<Option<Arc<Shared>>, SpawnErr> {
    let slot = Arc::new(OnceLock::new());
    let birth = Birth {
        name: name.clone(),
        settings,
        runtime: runtime.clone(),
        shared: Arc::clone(&slot),
    };
    let (_, join) = match parent {
        Some(parent) => Root::spawn_linked(Some(name), Root, birth, parent).await?,
        None => Root::spawn(Some(name), Root, birth).await?,
    };
    // No await from here on: a root that is spawned has its undertaker.
    let Some(shared) = slot.get() else {
        return Ok(None);
    };
    directory::add(shared);
    log::started(shared.name());
    drop(runtime.spawn(undertake(Arc::clone(shared), join)));
    Ok(Some(Arc::clone(shared)))
}

async fn undertake(shared: Arc<Shared>, mut join: JoinHandle<()>) {
    let end = End(shared);
    let shared = &end.0;
    let mut root_gone = false;
    while !(root_gone && shared.is_finished()) {
        let armed = shared.lock_driver().armed();
        tokio::select! {
            biased;
            _ = &mut join, if !root_gone => {
                root_gone = true;
                shared.inbox.enter(Stage::RootGone);
                shared.report(Input::RootGone);
                // A bell that was rung for the root is ours now.
                shared.hear();
            }
            // Else this is only about the timer. The root's bell is the root's: it reads the exits that
            // came before it first.
            () = shared.bell.notified() => if !shared.root_listens() {
                shared.hear();
            },
            () = timer(shared, armed) => shared.tick(),
        }
    }
}

async fn timer(shared: &Shared, armed: Option<Moment>) {
    match armed {
        Some(at) => shared.clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The end of a supervisor, also when its runtime is shut down: nobody is left waiting.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        let shared = &self.0;
        directory::remove(shared);
        for item in shared.inbox.close() {
            drop_guarded(item);
        }
        // What the engine still holds (zombies; everything, if the runtime is shut down) is dropped
        // here, so that nobody waits for an answer that cannot come.
        let mut leftovers = Leftovers::default();
        let (engine, ended) = shared.lock_driver().end(&mut leftovers);
        leftovers.settle(shared);
        drop_guarded(engine);
        if let Some(ended) = ended {
            log::stopped(shared.name(), &ended.report);
            for ticket in ended.tickets {
                ticket.answer(Reply::Report(ended.report));
            }
        }
    }
}

//! A small runtime on a thread of its own. It receives signals and keeps time when stuck sessions,
//! or a log that is not read, block every thread of the application's runtime.
//!
//! No code of the user's runs here, so it cannot block.

use std::convert::Infallible;
use std::io;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Runs until it is dropped. tokio has whichever runtime sees a signal tell it to all that wait for
/// one, and this one always sees it.
#[derive(Debug)]
pub(super) struct Standby {
    runtime: Handle,
    _until: oneshot::Sender<Infallible>,
}

impl Standby {
    pub(super) fn start() -> io::Result<Self> {
        let own = Builder::new_current_thread().enable_all().build()?;
        let runtime = own.handle().clone();
        let (until, dropped) = oneshot::channel();
        thread::Builder::new()
            .name("application".to_owned())
            .spawn(move || drop(own.block_on(dropped)))?;
        Ok(Self {
            runtime,
            _until: until,
        })
    }

    /// Sleeps by this runtime's clock, which no test pauses.
    pub(super) async fn sleep(&self, duration: Duration) {
        let sleep = {
            let _here = self.runtime.enter();
            tokio::time::sleep(duration)
        };
        sleep.await;
    }
}

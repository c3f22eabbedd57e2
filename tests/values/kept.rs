//! Values that hold their own supervisor, when the runtime ends right after it.

use std::sync::Arc;

use session_supervisor::{ChildSpec, Options, SessionSupervisor};
use tokio::runtime::Builder;

use crate::holder::{Holder, quiet};

/// The runtime may drop each task before its first turn, and each request to its blocking pool.
#[test]
fn nothing_is_kept_of_a_supervisor_whose_runtime_ends_right_after_it() {
    let mut kept = Vec::new();
    for round in 0..1_500 {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let held = Arc::new(());
        let weak = Arc::downgrade(&held);
        runtime.block_on(async {
            let sessions = SessionSupervisor::start(Options::new().unique_name())
                .await
                .unwrap();
            for id in ["a", "b", "c"] {
                let captured = (sessions.clone(), Arc::clone(&held));
                let spec = ChildSpec::<Holder>::new(move |_| {
                    let _captured = &captured;
                    quiet()
                });
                sessions.start_session(id, spec).await.unwrap();
            }
            sessions.stop().await.unwrap();
        });
        drop(runtime);
        drop(held);
        if weak.strong_count() > 0 {
            kept.push(round);
        }
    }
    assert!(kept.is_empty(), "kept in {} of 1,500 rounds", kept.len());
}

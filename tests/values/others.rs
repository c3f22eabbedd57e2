//! Everything that others may want of a supervisor, done from start to end, by a caller on the
//! runtime and by one on a thread of its own.

use std::thread;

use session_supervisor::{Exit, Restart, SessionSupervisor, Supervisor, TreeSpec};
use tokio::runtime::{Builder, Handle};

use crate::harm::LONG;
use crate::holder::{Msg, plain};

/// Done by two callers at once; what they do is named after them.
pub(crate) fn are_served(runtime: &Handle, sessions: &SessionSupervisor, what: &str) {
    let (inner, outer) = (sessions.clone(), sessions.clone());
    let here = runtime.spawn(async move { tokio::time::timeout(LONG, all(&inner, "here")).await });
    let there = thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { tokio::time::timeout(LONG, all(&outer, "there")).await })
    });
    there
        .join()
        .unwrap()
        .unwrap_or_else(|_| panic!("{what}: one on a thread of its own is not served"));
    let (tell, told) = std::sync::mpsc::channel();
    runtime.spawn(async move { tell.send(here.await.is_ok_and(|served| served.is_ok())) });
    let served = told.recv_timeout(LONG).unwrap_or(false);
    assert!(served, "{what}: one on the runtime is not served");
}

async fn all(sessions: &SessionSupervisor, id: &str) {
    let spec = || plain().restart(Restart::Permanent).without_restart_limit();
    let session = sessions.start_session(id, spec()).await.unwrap();
    ractor::call!(session, Msg::Echo).unwrap();
    session.cast(Msg::Fail(None)).unwrap();
    session.get_cell().wait(None).await.unwrap();
    let again = sessions.ensure_session(id, spec()).await.unwrap();
    ractor::call!(again.into_inner(), Msg::Echo).unwrap();
    sessions.restart_session(id).await.unwrap();
    assert!(sessions.count_sessions().await.unwrap().active >= 1);
    let list = sessions.list_sessions().await.unwrap();
    assert!(list.iter().any(|info| *info.id == *id));
    let info = sessions.session_info(id).await.unwrap().unwrap();
    assert!(info.incarnation >= 3);
    assert_eq!(sessions.stop_session(id).await, Ok(Exit::Shutdown));
    // Another supervisor on the same threads.
    let tree = TreeSpec::one_for_one().child("a", plain());
    let tree = Supervisor::start(tree.unique_name()).await;
    // There is none on a thread whose runtime is the caller's own.
    tree.unwrap().stop().await.unwrap();
}

/// A session that is killed comes back: its state is dropped where other values are, one of which
/// may block.
pub(crate) fn a_killed_one_comes_back(runtime: &Handle, sessions: &SessionSupervisor, what: &str) {
    let spec = || plain().restart(Restart::Permanent).without_restart_limit();
    let sessions = sessions.clone();
    let back = async move {
        let session = sessions.start_session("killed", spec()).await.unwrap();
        session.kill();
        session.get_cell().wait(None).await.unwrap();
        let again = sessions.ensure_session("killed", spec()).await.unwrap();
        ractor::call!(again.into_inner(), Msg::Echo).unwrap();
        sessions.stop_session("killed").await.unwrap();
    };
    let (tell, told) = std::sync::mpsc::channel();
    runtime.spawn(async move { tell.send(tokio::time::timeout(LONG, back).await.is_ok()) });
    let came = told.recv_timeout(LONG).unwrap_or(false);
    assert!(came, "{what}: a session that was killed does not come back");
}

//! `SessionRef`: an address follows its session and never reaches another.

use std::time::Duration;

use session_supervisor::error::{CallError, ErrorKind, NotTaken};
use session_supervisor::{Options, SessionSupervisor, Shutdown};

use crate::support::{Gate, Order, Probe, answered, asked, back, died, end, supervisor};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn an_address_follows_the_session_over_its_restarts() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let address = sessions.session_ref::<Order>("a").unwrap();
    assert!(address.running().is_none());
    let first = sessions.start_session("a", probe.spec()).await.unwrap();
    assert_eq!(address.running().unwrap().get_id(), first.get_id());
    let echo = |n| move |reply| Order::Echo(n, reply);
    assert_eq!(address.call(echo(1), SECOND).await.unwrap(), 1);
    end(&first, Order::Crash).await;
    let second = back(&sessions, "a").await;
    assert_eq!(address.running().unwrap().get_id(), second.get_id());
    assert_eq!(address.clone().call(echo(2), SECOND).await.unwrap(), 2);
    assert!(sessions.session_ref::<Order>("").is_err());
    sessions.stop().await.unwrap();
    let error = address.cast(Order::Crash).await.unwrap_err();
    assert!(matches!(error.reason, NotTaken::SupervisorDown));
    assert!(error.message.is_some());
}

/// "A message that no session takes comes back in the error."
#[tokio::test(start_paused = true)]
async fn a_message_that_no_session_takes_comes_back() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let address = sessions.session_ref::<Order>("a").unwrap();
    let error = address.cast(Order::Panic).await.unwrap_err();
    assert!(matches!(error.reason, NotTaken::NotRunning));
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(matches!(error.message, Some(Order::Panic)));
    let wrong = sessions.session_ref::<u64>("a").unwrap();
    sessions.start_session("a", probe.spec()).await.unwrap();
    let error = wrong.cast(7).await.unwrap_err();
    assert!(matches!(error.reason, NotTaken::WrongMessageType));
    assert_eq!(error.message, Some(7));
    // One that drains has taken what it has, and takes no more.
    let session = address.running().unwrap();
    let gate = Gate::closed();
    let held = gate.clone();
    let hold = Order::run(move |_| async move {
        held.pass().await;
        Ok(())
    });
    address.cast(hold).await.unwrap();
    let taken = tokio::spawn({
        let address = address.clone();
        async move { address.call(|reply| Order::Echo(3, reply), SECOND).await }
    });
    tokio::task::yield_now().await;
    session.drain().unwrap();
    let error = address.cast(Order::Panic).await.unwrap_err();
    assert!(matches!(error.message, Some(Order::Panic)));
    gate.open();
    assert_eq!(taken.await.unwrap().unwrap(), 3);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_message_starts_the_session_if_the_address_may() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let address = sessions.session_ref::<Order>("a").unwrap();
    let address = address.or_start(probe.spec());
    let echo = |reply| Order::Echo(1, reply);
    assert_eq!(address.call(echo, SECOND).await.unwrap(), 1);
    assert_eq!(probe.starts(), 1);
    // A stop that is under way comes first, and the message goes to the next incarnation.
    sessions.stop_session("a").await.unwrap();
    let slow = probe.slow_to_stop(SECOND);
    sessions.start_session("a", slow).await.unwrap();
    let stop = asked(sessions.stop_session("a")).await;
    let called = address.call(echo, 2 * SECOND).await;
    assert_eq!(called.unwrap(), 1);
    stop.await.unwrap().unwrap();
    assert_eq!(probe.starts(), 3);
    // What cannot be started is told, and the message comes back.
    let fails = probe.script().launch(|_| async { Err("no".into()) }).spec();
    let address = sessions.session_ref::<Order>("b").unwrap();
    let error = address
        .or_start(fails)
        .cast(Order::Panic)
        .await
        .unwrap_err();
    assert!(matches!(error.reason, NotTaken::NotStarted(_)));
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert!(error.message.is_some());
    sessions.stop().await.unwrap();
}

/// One that ends at once after each start is not started for ever.
#[tokio::test(start_paused = true)]
async fn a_session_that_ends_as_soon_as_it_is_started_is_told_of() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let ends = probe.script().pre_start(|_, myself| async move {
        myself.stop(None);
        Ok(())
    });
    let address = sessions.session_ref::<Order>("a").unwrap();
    let address = address.or_start(ends.spec());
    let cast = answered("the cast", address.cast(Order::Panic)).await;
    // ractor may take the message of an actor that was told to stop: then it is lost with that.
    if let Err(error) = cast {
        assert!(error.message.is_some());
    }
    assert!(probe.starts() <= 9);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_is_told_why() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let address = sessions.session_ref::<Order>("a").unwrap();
    let address = address.or_start(probe.spec());
    address.cast(Order::Hang).await.unwrap();
    let called = address.call(|reply| Order::Echo(1, reply), SECOND).await;
    assert!(matches!(called, Err(CallError::TimedOut)));
    let hung = address.running().unwrap();
    let waits = tokio::spawn({
        let address = address.clone();
        async move { address.call(|reply| Order::Echo(1, reply), SECOND).await }
    });
    let again = tokio::spawn({
        let address = address.clone();
        async move {
            address
                .call_again(|reply| Order::Echo(2, reply), SECOND)
                .await
        }
    });
    tokio::task::yield_now().await;
    hung.kill();
    died(&hung.get_cell()).await;
    // ractor has dropped both messages with the mailbox.
    assert!(matches!(waits.await.unwrap(), Err(CallError::Unanswered)));
    assert_eq!(again.await.unwrap().unwrap(), 2);
    let nobody = sessions.session_ref::<Order>("b").unwrap();
    let called = nobody
        .call_again(|reply| Order::Echo(1, reply), SECOND)
        .await;
    assert!(matches!(
        called,
        Err(CallError::NotTaken(NotTaken::NotRunning))
    ));
    sessions.stop().await.unwrap();
}

/// "It never reaches a session of another id, nor one of another supervisor, also not one that has
/// taken over the name."
#[tokio::test(start_paused = true)]
async fn an_address_never_reaches_a_session_of_another_supervisor() {
    let name = "addresses-of-one-name";
    let probe = Probe::default();
    let first = SessionSupervisor::start(Options::new().name(name)).await;
    let first = first.unwrap();
    first.start_session("a", probe.spec()).await.unwrap();
    let address = first.session_ref::<Order>("a").unwrap();
    let starts = address.clone().or_start(probe.spec());
    first.stop().await.unwrap();
    let second = SessionSupervisor::start(Options::new().name(name)).await;
    let second = second.unwrap();
    second.start_session("a", probe.spec()).await.unwrap();
    assert!(address.running().is_none());
    let error = address.cast(Order::Panic).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SupervisorDown);
    let error = starts.cast(Order::Panic).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SupervisorDown);
    assert!(second.is_running("a"));
    second.stop().await.unwrap();
}

/// Sessions that end by draining, again and again, while many send: what was taken is handled.
#[tokio::test(start_paused = true)]
async fn with_sessions_that_drain_no_message_is_lost() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec().shutdown(Shutdown::Drain(SECOND));
    let mut casters = tokio::task::JoinSet::new();
    for caster in 0..8_u32 {
        let address = sessions.session_ref::<Order>("a").unwrap();
        let address = address.or_start(spec.clone());
        let probe = probe.clone();
        casters.spawn(async move {
            for n in 0..200_u32 {
                let probe = probe.clone();
                let handled = Order::run(move |_| async move {
                    probe.note(format!("{caster} {n}"));
                    Ok(())
                });
                address.cast(handled).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
    }
    let stops = tokio::spawn({
        let sessions = sessions.clone();
        async move {
            loop {
                sessions.stop_session("a").await.ok();
                tokio::task::yield_now().await;
            }
        }
    });
    while let Some(cast) = casters.join_next().await {
        cast.unwrap();
    }
    stops.abort();
    sessions.stop().await.unwrap();
    assert_eq!(probe.notes().len(), 8 * 200);
}

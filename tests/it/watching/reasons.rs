//! The reason of an end in order that the supervisor had not asked for: as it was given to ractor.

use std::time::Duration;

use ractor::ActorRef;
use session_supervisor::{Exit, Options, Restart};

use crate::support::{Order, Probe, asked, back, exit, supervisor};

/// How a session is ended by itself or by others.
#[derive(Clone, Copy, Debug)]
enum Way {
    Stop,
    StopFor,
    StopAndWait,
    StopItself,
    Drain,
    DrainItself,
}

impl Way {
    const ALL: [Self; 6] = [
        Self::Stop,
        Self::StopFor,
        Self::StopAndWait,
        Self::StopItself,
        Self::Drain,
        Self::DrainItself,
    ];

    async fn end(self, session: &ActorRef<Order>) {
        let done = || Some("done".to_owned());
        match self {
            Self::Stop => session.stop(None),
            Self::StopFor => session.stop(done()),
            Self::StopAndWait => session.stop_and_wait(done(), None).await.unwrap(),
            Self::StopItself => session
                .cast(Order::run(move |myself| async move {
                    myself.stop(done());
                    Ok(())
                }))
                .unwrap(),
            Self::Drain => session.drain().unwrap(),
            Self::DrainItself => session
                .cast(Order::run(|myself| async move {
                    myself.drain()?;
                    Ok(())
                }))
                .unwrap(),
        }
    }

    fn exit(self) -> Exit {
        let reason = match self {
            Self::Stop => None,
            Self::StopFor | Self::StopAndWait | Self::StopItself => Some("done".to_owned()),
            Self::Drain | Self::DrainItself => Some("Drained".to_owned()),
        };
        Exit::Normal { reason }
    }
}

/// "The reason given to ractor's `stop`; `"Drained"` after a drain."
async fn each_end_tells_its_reason(rounds: usize) {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for round in 0..rounds {
        for way in Way::ALL {
            for restart in [Restart::Transient, Restart::Temporary] {
                let id = format!("{way:?} {restart:?} {round}");
                let spec = probe.spec().restart(restart);
                let session = sessions.start_session(&id, spec).await.unwrap();
                let ended = asked(sessions.wait_end(&id)).await;
                way.end(&session).await;
                assert_eq!(exit(ended.await.unwrap()), Ok(way.exit()), "{id}");
            }
        }
    }
    sessions.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_end_tells_its_reason_on_several_threads() {
    each_end_tells_its_reason(100).await;
}

#[tokio::test(start_paused = true)]
async fn each_end_tells_its_reason_on_one_thread() {
    each_end_tells_its_reason(5).await;
}

/// A session that comes back finds the reason, and so does its list entry.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_incarnation_finds_the_reason() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let told = probe.clone();
    let notes = probe.script().launch(move |start| {
        told.note(format!("{:?}", start.last_exit));
        async { Ok(true) }
    });
    let spec = notes.spec().restart(Restart::Permanent);
    let spec = spec.without_restart_limit();
    sessions.start_session("a", spec).await.unwrap();
    let mut expected = vec!["None".to_owned()];
    for way in Way::ALL {
        let old = back(&sessions, "a").await;
        way.end(&old).await;
        expected.push(format!("{:?}", Some(way.exit())));
        let count = expected.len();
        let within = Duration::from_secs(60);
        probe
            .within(within, |tally| tally.notes.len() == count)
            .await;
        back(&sessions, "a").await;
        let info = sessions.session_info("a").await.unwrap().unwrap();
        assert_eq!(info.last_exit, Some(way.exit()), "{way:?}");
    }
    assert_eq!(probe.notes(), expected);
    sessions.stop().await.unwrap();
}

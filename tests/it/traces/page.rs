//! The page about the log (`docs/log.md`) names all that the log says.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use session_supervisor::{
    Application, ChildSpec, EventKind, Options, Shutdown, Supervisor, TreeSpec,
};

use super::{Capture, Seen};
use crate::support::{Order, Probe, back, end, supervisor};

/// The rows of the first table below a heading, by their cells.
fn table(heading: &str) -> Vec<Vec<String>> {
    let page = include_str!("../../../docs/log.md");
    let (_, section) = page
        .split_once(&format!("\n## {heading}\n"))
        .expect("the heading");
    let rows = section.lines().skip_while(|line| !line.starts_with('|'));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    let cells = |row: &str| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    rows.map(cells).collect()
}

/// The words between backticks.
fn words(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn levels_of_events() -> BTreeMap<String, String> {
    let rows = table("Events").into_iter();
    rows.map(|row| (row[0].trim_matches('`').to_owned(), row[1].clone()))
        .collect()
}

/// Something of each kind that can be brought about at once.
async fn life(probe: &Probe) {
    let options = Options::new()
        .session_restart_limit(1, Duration::from_secs(5))
        .max_parked(0);
    let sessions = supervisor(options).await;
    let claims = probe.spec().claim("seat", "1").label("one");
    let session = sessions.start_session("one", claims.clone()).await.unwrap();
    sessions.start_session("two", claims).await.unwrap_err();
    end(&session, Order::Crash).await;
    let session = back(&sessions, "one").await;
    // Forgotten at once.
    end(&session, Order::Crash).await;
    let one_place = Options::new()
        .session_restart_limit(0, Duration::from_secs(5))
        .max_parked(1)
        .without_park_trial();
    let few = supervisor(one_place).await;
    for id in ["first", "second"] {
        let session = few.start_session(id, probe.spec()).await.unwrap();
        end(&session, Order::Crash).await;
    }
    few.stop().await.unwrap();
    let fails = probe.script().launch(|_| async { Err("no ink".into()) });
    sessions
        .start_session("fails", fails.spec())
        .await
        .unwrap_err();
    let hangs = probe
        .script()
        .pre_start(|_, _| std::future::pending())
        .spec();
    let hangs = hangs.start_timeout(Duration::from_millis(5));
    sessions.start_session("hangs", hangs).await.unwrap_err();
    let brutal = probe.spec().shutdown(Shutdown::BrutalKill);
    sessions.start_session("brutal", brutal).await.unwrap();
    let idle = probe.spec().idle_timeout(Duration::from_millis(5));
    sessions.start_session("idle", idle).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let once = probe.script().launch(|start| async move {
        match start.incarnation {
            1 => Ok(true),
            _ => Err("no paper".into()),
        }
    });
    let once = sessions.start_session("once", once.spec()).await.unwrap();
    end(&once, Order::Crash).await;
    let worker = probe.spec();
    let tree = ChildSpec::tree(move |_| TreeSpec::one_for_one().child("a", worker.clone()));
    let tree: Supervisor = sessions.start_session("tree", tree).await.unwrap();
    let child = tree.find_child_as::<Order>("a").unwrap();
    end(&child, Order::Panic).await;
    tree.count_children().await.unwrap();
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_page_names_each_event_with_its_level_and_its_fields() {
    let (capture, _guard) = Capture::listen();
    let probe = Probe::default();
    life(&probe).await;
    let bad = probe.script().launch(|_| async { Err("no disk".into()) });
    let application = Application::new(Options::new().unique_name()).unique_name();
    let application = application
        .session("bad", bad.spec())
        .start()
        .await
        .unwrap();
    application.stop().await;
    capture.caught_up().await;

    let levels = levels_of_events();
    let fields: BTreeSet<String> = table("Fields")
        .iter()
        .flat_map(|row| words(&row[0]).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let mut names = BTreeSet::new();
    for Seen {
        level,
        text,
        fields: given,
    } in &capture.seen()
    {
        let name = given
            .get("event")
            .unwrap_or_else(|| panic!("{text} has no name"));
        let known = levels
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not in the page"));
        let level = level.as_str().to_lowercase();
        assert!(
            known.split(", ").any(|known| *known == level),
            "{name} at {level}"
        );
        for field in given.keys() {
            assert!(
                fields.contains(*field),
                "{field} of {name} is not in the page"
            );
        }
        names.insert(name.clone());
    }
    for name in [
        "started",
        "start_failed",
        "claim_taken",
        "start_timed_out",
        "exited",
        "restart_failed",
        "discarded",
        "stopping",
        "expired",
        "killing",
        "supervisor_started",
        "supervisor_stopping",
        "supervisor_stopped",
        "application_ended",
        "default_session_failed",
    ] {
        assert!(names.contains(name), "{name} was not seen: {names:?}");
    }
}

/// Those that are hard to bring about have their names from the same place.
#[test]
fn the_page_names_the_events_that_are_rare() {
    let levels = levels_of_events();
    for kind in [
        EventKind::MoreTime(Duration::ZERO),
        EventKind::Discarded,
        EventKind::Stuck,
        EventKind::StuckEnded,
        EventKind::Stopping,
    ] {
        assert!(levels.contains_key(kind.name()), "{}", kind.name());
    }
}

//! What is counted as what.

use std::sync::Arc;
use std::time::Duration;

use super::{Asking, Meter, Serving};
use crate::engine::{Epoch, EventKind, Incarnation, Loss, NodeName, Owner, Shards};
use crate::error::RequestError;
use crate::stats::{MOVE, REASONS, REQUEST};
use crate::wire::{Answer, Ask, Done, Refusal, RefusalKind, Wanted};

fn lookup() -> Ask {
    Ask::Lookup {
        id: "alice".to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn each_request_has_one_outcome_and_is_in_flight_until_then() {
    let meter = Arc::new(Meter::default());
    let asking = || Asking::begin(&meter, &lookup());
    let open = asking();
    assert_eq!(meter.read().requests_in_flight, 1);
    tokio::time::advance(Duration::from_millis(3)).await;
    open.answered(&Ok(Done::Found(None)));
    asking().answered(&Err(RequestError::Refused {
        id: "alice".into(),
        refusal: Refusal::new(RefusalKind::Limit, "full"),
        unanswered: None,
    }));
    asking().answered(&Err(RequestError::NoOwner {
        id: "alice".into(),
        within: Duration::from_secs(1),
        here: None,
    }));
    drop(asking());
    let stats = meter.read();
    assert_eq!(stats.requests_in_flight, 0);
    let sent = stats.sent.lookup;
    assert_eq!((sent.done, sent.refused, sent.no_owner), (1, 1, 1));
    assert_eq!((sent.cancelled, sent.total()), (1, 4));
    assert_eq!((stats.refused.limit, stats.refused.total()), (1, 1));
    assert_eq!(stats.request_duration.count(), 2);
    assert_eq!(stats.request_duration.sum(), Duration::from_millis(3));
    assert_eq!(stats.sent.start.total(), 0);
}

/// A call and a cast cost differently: one waits for the session.
#[test]
fn a_cast_is_no_call() {
    let meter = Arc::new(Meter::default());
    let ask = |reply| Ask::Call {
        id: "alice".to_owned(),
        protocol: "chat/1".to_owned(),
        request: Vec::new().into(),
        reply,
    };
    for (reply, done) in [
        (Wanted::No, Done::Delivered),
        (Wanted::Yes, Done::Reply(Vec::new().into())),
        (Wanted::No, Done::Delivered),
    ] {
        Asking::begin(&meter, &ask(reply)).answered(&Ok(done.clone()));
        Serving::begin(&meter, &ask(reply)).answered(&Answer::Done(done));
    }
    let stats = meter.read();
    for (kind, done) in [("call", 1), ("cast", 2)] {
        let sent = stats.sent.iter().find(|(name, _)| *name == kind);
        assert_eq!(sent.map(|(_, sent)| sent.done), Some(done), "{kind}");
        let served = stats.served.iter().find(|(name, _)| *name == kind);
        assert_eq!(served.map(|(_, served)| served.done), Some(done), "{kind}");
    }
}

#[test]
fn each_answer_to_another_node_is_counted_and_one_that_was_given_up_too() {
    let meter = Arc::new(Meter::default());
    let serving = || Serving::begin(&meter, &Ask::Leave);
    serving().answered(&Answer::Done(Done::Leaving));
    serving().answered(&Answer::NotMine {
        ask: None,
        epoch: 0,
    });
    serving().answered(&Answer::NobodyNow { retry_after_ms: 1 });
    drop(serving());
    let served = meter.read().served.leave;
    assert_eq!((served.done, served.elsewhere), (1, 1));
    assert_eq!((served.not_now, served.cancelled), (1, 1));
    assert_eq!(served.total(), 4);
}

#[test]
fn every_reason_has_a_number_of_its_own() {
    let meter = Arc::new(Meter::default());
    let all = [
        RefusalKind::BadRequest,
        RefusalKind::Mismatch,
        RefusalKind::TooLarge,
        RefusalKind::TimedOut,
        RefusalKind::Panicked,
        RefusalKind::NotFound,
        RefusalKind::AlreadyRuns,
        RefusalKind::UnknownKind,
        RefusalKind::BadArguments,
        RefusalKind::BadId,
        RefusalKind::Limit,
        RefusalKind::StartFailed,
        RefusalKind::NoReply,
        RefusalKind::Stopping,
        RefusalKind::Store,
        RefusalKind::Other,
        RefusalKind::AnswerTooLarge,
    ];
    assert_eq!(all.len(), REASONS);
    for (place, why) in all.into_iter().enumerate() {
        for _ in 0..=place {
            let refusal = Refusal::new(why, "no");
            Asking::begin(&meter, &lookup()).answered(&Err(RequestError::Refused {
                id: "alice".into(),
                refusal,
                unanswered: None,
            }));
        }
    }
    let counts: Vec<_> = meter
        .read()
        .refused
        .iter()
        .map(|(_, count)| count)
        .collect();
    assert_eq!(counts, (1..=17).collect::<Vec<_>>());
}

#[test]
fn only_what_this_node_does_counts() {
    let meter = Meter::default();
    let here = NodeName::try_from("here").unwrap();
    let there = NodeName::try_from("there").unwrap();
    let shard = Shards::new(1).unwrap().get(0).unwrap();
    for node in [&here, &there] {
        let owner = Owner {
            node: node.clone(),
            incarnation: Incarnation::new(1),
            epoch: Epoch::new(1),
        };
        let claimed = EventKind::ShardClaimed {
            shard,
            owner: owner.clone(),
        };
        let lost = EventKind::ShardLost {
            shard,
            owner: owner.clone(),
            why: Loss::LeaseEnded,
        };
        let released = EventKind::ShardReleased {
            shard,
            took: (*node == here).then_some(Duration::from_millis(2)),
            owner,
        };
        for kind in [claimed, lost, released] {
            meter.happened(&kind, &here);
        }
    }
    let stats = meter.read();
    assert_eq!((stats.claims, stats.losses, stats.hand_overs), (1, 1, 1));
    assert_eq!(stats.hand_over_duration.buckets()[1], 1);
}

#[test]
fn the_bounds_ascend_and_are_those_of_the_documentation() {
    for (what, bounds) in [
        ("durations of requests", &REQUEST),
        ("durations of hand-overs and restores", &MOVE),
    ] {
        assert!(bounds.is_sorted_by(|a, b| a < b), "{bounds:?}");
        assert_eq!(documented(what), bounds.as_slice());
    }
}

/// The durations that the documentation lists for this.
fn documented(what: &str) -> Vec<Duration> {
    let begin = format!("/// - {what}: ");
    let (_, list) = include_str!("../stats.rs").split_once(&begin).unwrap();
    let (list, _) = list.split_once(';').unwrap();
    let list = list.replace("\n///", "");
    let durations = list.split(',').map(|item| {
        let (number, unit) = item.trim().split_once(' ').unwrap();
        let unit = match unit {
            "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "min" => 60.0,
            other => panic!("{other} is no unit"),
        };
        Duration::from_secs_f64(number.parse::<f64>().unwrap() * unit)
    });
    durations.collect()
}

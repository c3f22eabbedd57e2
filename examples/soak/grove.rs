//! The crowd on ids that are trees: it starts and stops them, restarts them by hand, ends their
//! roots and their children, adds and removes children, all at the same time.

use std::sync::Arc;

use session_supervisor::error::{EnsureError, StartError};

use crate::ask::ask_for_a_while;
use crate::census::{Entry, ROLES};
use crate::crowd::{info, plan, restart, start_may_fail, stop};
use crate::drop_kinds::drop_answer;
use crate::rng::Rng;
use crate::session::{GRACE, Msg, Plan, StartKind};
use crate::succession::{Instance, Over};
use crate::tally::{self, Deed};
use crate::trees::Shape;

/// One step of one worker.
pub(crate) async fn one(
    instance: &Instance,
    entry: &Arc<Entry>,
    rng: &mut Rng,
) -> Result<(), Over> {
    match rng.below(100) {
        0..25 => start(instance, entry, rng).await,
        25..45 => ensure(instance, entry, rng).await,
        45..55 => stop(instance, entry, rng).await,
        55..65 => restart(instance, entry, rng).await,
        65..70 => info(instance, entry, rng).await,
        70..80 => {
            end_root(instance, entry, rng);
            Ok(())
        }
        _ => {
            touch_child(instance, entry, rng).await;
            Ok(())
        }
    }
}

/// Its last child is one of the crowd's; children have no limits of their own.
fn shape(rng: &mut Rng) -> Shape {
    let plan = Plan {
        limit: None,
        ..plan(rng)
    };
    Shape::any(rng).last(plan)
}

/// Whether the start of such a tree may say this. A child whose first start is ignored is no
/// failure of the tree.
fn may_say(instance: &Instance, last: &Plan, error: &StartError) -> Result<bool, Over> {
    Ok(match error {
        StartError::Ignored => false,
        StartError::Failed { .. } => {
            instance.has_predecessor()
                || !matches!(last.start_kinds[0], StartKind::Fine | StartKind::Ignored)
        }
        _ => start_may_fail(instance, last, error)?,
    })
}

async fn start(instance: &Instance, entry: &Arc<Entry>, rng: &mut Rng) -> Result<(), Over> {
    let shape = shape(rng);
    let start = (instance.sessions).start_session(&entry.id, shape.spec(entry));
    let answer = ask_for_a_while(rng, Deed::Start, start).await;
    tally::TREES.one();
    let judged = match &answer {
        Some(Err(error)) => match may_say(instance, &shape.last, error) {
            Ok(legal) => instance.must(legal, || format!("a start of {shape:?} says: {error}")),
            Err(over) => Err(over),
        },
        Some(Ok(_)) | None => Ok(()),
    };
    drop_answer(answer);
    judged
}

async fn ensure(instance: &Instance, entry: &Arc<Entry>, rng: &mut Rng) -> Result<(), Over> {
    let shape = shape(rng);
    let ensure = (instance.sessions).ensure_session(&entry.id, shape.spec(entry));
    let answer = ask_for_a_while(rng, Deed::Ensure, ensure).await;
    tally::TREES.one();
    let judged = match &answer {
        Some(Err(EnsureError::Start(error))) => {
            let shared = matches!(error, StartError::Failed { .. } | StartError::TimedOut);
            match may_say(instance, &shape.last, error) {
                Ok(legal) => instance.must(shared || legal, || {
                    format!("an ensure of {shape:?} says: {error}")
                }),
                Err(over) => Err(over),
            }
        }
        Some(Err(error)) => instance.must(false, || format!("an ensure says: {error}")),
        Some(Ok(tree)) => {
            change(&tree.clone().into_inner(), entry, rng).await;
            Ok(())
        }
        None => Ok(()),
    };
    drop_answer(answer);
    judged
}

/// Changes a tree that others may end meanwhile. Any answer may be given, but one must be.
async fn change(tree: &session_supervisor::Supervisor, entry: &Arc<Entry>, rng: &mut Rng) {
    let role = rng.pick(&ROLES[..3]);
    match rng.below(5) {
        0 => {
            let n = rng.below(3);
            let child = Plan {
                limit: None,
                ..plan(rng)
            };
            let spec = child.spec(&entry.children[n]);
            let start = tree.start_child(ROLES[n], spec);
            drop_answer(ask_for_a_while(rng, Deed::Start, start).await);
        }
        1 => {
            let stop = tree.terminate_child(role);
            drop_answer(ask_for_a_while(rng, Deed::Stop, stop).await);
        }
        2 => {
            let restart = tree.restart_child(role);
            drop_answer(ask_for_a_while(rng, Deed::Restart, restart).await);
        }
        3 => {
            let delete = tree.delete_child(role);
            drop_answer(ask_for_a_while(rng, Deed::Stop, delete).await);
        }
        _ => {
            let list = tree.which_children();
            drop_answer(ask_for_a_while(rng, Deed::List, list).await);
        }
    }
}

fn end_root(instance: &Instance, entry: &Entry, rng: &mut Rng) {
    tally::did(Deed::Find);
    let Some(root) = instance.sessions.find_session(&entry.id) else {
        return;
    };
    match rng.below(3) {
        0 => {
            root.stop(Some("told by a stranger".to_owned()));
            tally::did(Deed::ForeignStop);
        }
        1 => {
            drop(root.drain());
            tally::did(Deed::ForeignDrain);
        }
        _ => {
            root.kill();
            tally::did(Deed::ForeignKill);
        }
    }
}

async fn touch_child(instance: &Instance, entry: &Entry, rng: &mut Rng) {
    tally::did(Deed::Find);
    let role = rng.pick(&ROLES);
    let Ok(child) = instance.sessions.find_child_as::<Msg>(&entry.id, role) else {
        return;
    };
    match rng.below(8) {
        0 => {
            drop(child.cast(Msg::Fail));
            tally::did(Deed::Crash);
        }
        1 => {
            child.kill();
            tally::did(Deed::ForeignKill);
        }
        2 => {
            child.stop(None);
            tally::did(Deed::ForeignStop);
        }
        _ => {
            let call = child.call(Msg::Work, None);
            drop(tokio::time::timeout(GRACE, call).await);
            tally::did(Deed::Work);
        }
    }
}

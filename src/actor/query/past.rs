//! Questions about what has happened, what would follow, and what follows the callback that runs.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::SessionId;
use crate::actor::answers;
use crate::actor::clock::Clock;
use crate::actor::feed::{Feed, Listens};
use crate::actor::life::{self, AfterCallback};
use crate::actor::shared::{Machine, Query};
use crate::engine::{self, Cause};
use crate::info::{Dossier, ExitRecord, Explanation};

impl Query {
    /// Begins to listen to the feed: after this revision, if all that followed is kept. Answers
    /// whether it is, and the caller needs no list.
    pub(crate) fn listen(
        feed: Option<Arc<Feed>>,
        from: Option<u64>,
        reply: oneshot::Sender<Listens>,
    ) -> Self {
        Self::Look(Box::new(move |_| {
            let listens = feed.map(|feed| {
                let resumed = from.and_then(|revision| feed.listen_from(revision));
                resumed.map_or_else(|| Listens::Anew(feed.listen()), Listens::Resumed)
            });
            Box::new(move || match listens {
                Some(listens) => answers::tell(reply, listens),
                None => Vec::new(),
            })
        }))
    }

    /// What is known of the past of a session.
    pub(crate) fn dossier(
        id: SessionId,
        clock: Clock,
        reply: oneshot::Sender<Option<Dossier>>,
    ) -> Self {
        Self::Look(Box::new(move |machine| {
            let dossier = match machine {
                Machine::Sessions(engine) => engine.dossier(&id).map(|dossier| {
                    let exits = dossier.exits().map(|record| ExitRecord {
                        incarnation: record.incarnation,
                        time: clock.wall(record.at),
                        uptime: record.uptime(),
                        kind: record.kind.clone(),
                    });
                    Dossier {
                        exits: exits.collect(),
                        earlier: dossier.earlier(),
                        label: dossier.info.label.cloned(),
                        state: dossier.info.state,
                        incarnation: dossier.info.incarnation,
                        restarts: dossier.info.restarts,
                        id,
                    }
                }),
                Machine::Children(_) => None,
            };
            Box::new(move || answers::tell(reply, dossier))
        }))
    }

    /// What would follow if a session failed now.
    pub(crate) fn explain(
        id: SessionId,
        clock: Clock,
        reply: oneshot::Sender<Option<Explanation>>,
    ) -> Self {
        Self::Look(Box::new(move |machine| {
            let now = clock.now();
            let explanation = match machine {
                Machine::Sessions(engine) => engine.explain(now, &id).map(|outlook| Explanation {
                    label: outlook.info.label.cloned(),
                    state: outlook.info.state,
                    incarnation: outlook.info.incarnation,
                    on_trial: outlook.on_trial,
                    due: outlook.due.map(|due| due.since(now)),
                    next_failure: outlook.decision,
                    at_least: outlook.at_least,
                    id,
                }),
                Machine::Children(_) => None,
            };
            Box::new(move || answers::tell(reply, explanation))
        }))
    }

    /// What follows the callback that runs now of an actor of a session, as soon as that is known.
    /// Of an actor that is not the session's any more: that it has ended.
    pub(crate) fn after_callback(
        id: SessionId,
        actor: u64,
        reply: oneshot::Sender<AfterCallback>,
    ) -> Self {
        Self::Look(Box::new(move |machine| {
            let life = match machine {
                Machine::Sessions(engine) => engine.info(&id).and_then(|info| info.life),
                Machine::Children(_) => None,
            };
            let told = match life.filter(|life| engine::Life::actor(*life) == Some(actor)) {
                Some(life) => life.watch_callback(reply),
                None => life::Told::ended(reply),
            };
            Box::new(move || {
                told.tell();
                Vec::new()
            })
        }))
    }
}

impl answers::Telling for AfterCallback {
    fn causes(self, _each: &mut dyn FnMut(Cause)) {}
}

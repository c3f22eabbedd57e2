//! Answers to questions that change nothing: what a supervisor says of its sessions or children.
//!
//! A list of sessions is taken in pages, between which others are answered, and only as long as its
//! caller waits for it; the children of a static supervisor are few and told at once.
//!
//! No caller is answered here: an answer wakes the caller, which `answers` does when no lock is
//! held.

mod past;

use std::sync::Arc;

use ractor::ActorCell;
use tokio::sync::oneshot;

use super::answers;
use super::clock::Clock;
use super::item::PageQuery;
use super::lists::{AT_ONCE, Asked, Lane, List, Lists, PAGE, Page, Reply};
use super::outbox::Outbox;
use super::shared::{Actors, Item, Life, Machine, Query};
use crate::SessionId;
use crate::engine::{ChildState, ChildView, Counts, Engine, Info, SessionState, Waits};
use crate::info::{ChildInfo, GroupCount, PageMark, SessionInfo, SessionPage};

impl Lists {
    /// Answers a question, or has it wait for its turn.
    pub(super) fn ask(&mut self, machine: &mut Machine, query: Query, outbox: &mut Outbox<'_>) {
        let gone = match (query, machine) {
            (Query::Look(look), machine) => return outbox.tell(look(machine)),
            (Query::List(reply), Machine::Sessions(engine)) => {
                let lane = self.lane(engine.counts().specs);
                lane.line.add(Asked::All(reply))
            }
            (Query::Page(page), Machine::Sessions(_)) => {
                self.lane(page.most).line.add(Asked::Page(page))
            }
            (query @ (Query::List(_) | Query::Page(_)), Machine::Children(_)) => {
                return outbox.discard_item(Item::Query(query));
            }
        };
        gone.into_iter().for_each(|asked| drop_asked(asked, outbox));
    }

    /// One step of a short list and one of a long one.
    pub(super) fn page(&mut self, machine: &mut Machine, outbox: &mut Outbox<'_>) {
        if let Machine::Sessions(engine) = machine {
            self.short.page(engine, outbox);
            self.long.page(engine, outbox);
        }
    }

    /// Drops the questions that will not be answered any more.
    pub(super) fn drop_all(&mut self, machine: &mut Machine, outbox: &mut Outbox<'_>) {
        let Machine::Sessions(engine) = machine else {
            return;
        };
        let Self { short, long } = std::mem::take(self);
        for Lane { line, under_way } in [short, long] {
            under_way
                .into_iter()
                .for_each(|list| list.drop_it(engine, outbox));
            line.into_iter().for_each(|asked| drop_asked(asked, outbox));
        }
    }
}

impl Lane {
    /// One step of the list under way that has waited longest.
    fn page(&mut self, engine: &mut Engine<Actors>, outbox: &mut Outbox<'_>) {
        self.begin_some(engine, outbox);
        let Some(mut list) = self.under_way.pop_front() else {
            return;
        };
        if list.reply.is_gone() {
            return list.drop_it(engine, outbox);
        }
        let clock = outbox.clock();
        for _ in 0..PAGE {
            match engine.next_in_list(&list.cursor) {
                Some(Some(info)) => match list.take(&info, clock) {
                    More::Wanted => {}
                    More::Left => return list.end(engine, More::Left, outbox),
                },
                Some(None) => {}
                None => return list.end(engine, More::Wanted, outbox),
            }
        }
        self.under_way.push_back(list);
    }

    /// Begins the lists whose turn has come. Those whose callers have gone are dropped, a bounded
    /// number of them.
    fn begin_some(&mut self, engine: &mut Engine<Actors>, outbox: &mut Outbox<'_>) {
        for _ in 0..PAGE {
            if self.under_way.len() == AT_ONCE {
                return;
            }
            match self.line.pop_front() {
                Some(asked) if asked.is_gone() => drop_asked(asked, outbox),
                Some(asked) => self.under_way.push_back(List::begin(asked, engine)),
                None => return,
            }
        }
    }
}

fn drop_asked(asked: Asked, outbox: &mut Outbox<'_>) {
    outbox.discard_item(Item::Query(match asked {
        Asked::All(reply) => Query::List(reply),
        Asked::Page(page) => Query::Page(page),
    }));
}

/// Whether a list takes more than it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum More {
    /// It takes what there is.
    Wanted,
    /// It is full, and this session is left for the next page.
    Left,
}

impl List {
    fn begin(asked: Asked, engine: &mut Engine<Actors>) -> Self {
        match asked {
            Asked::All(reply) => Self {
                cursor: engine.open_list(),
                taken: Vec::with_capacity(engine.counts().specs),
                reply: Reply::All(reply),
            },
            Asked::Page(PageQuery { after, most, reply }) => {
                let (cursor, after) = match &after {
                    None => (engine.open_list(), 0),
                    Some(PageMark { id, position }) => {
                        (engine.open_list_after(id, *position), *position)
                    }
                };
                let page = Page {
                    after,
                    most,
                    last: after,
                    reply,
                };
                Self {
                    cursor,
                    taken: Vec::with_capacity(most.min(PAGE)),
                    reply: Reply::Page(page),
                }
            }
        }
    }

    /// Nobody waits for it, or nobody can be answered any more.
    fn drop_it(self, engine: &mut Engine<Actors>, outbox: &mut Outbox<'_>) {
        engine.close_list(self.cursor);
        outbox.undelivered(self.taken);
        outbox.discard_item(Item::Query(match self.reply {
            Reply::All(reply) => Query::List(reply),
            Reply::Page(Page { most, reply, .. }) => Query::Page(PageQuery {
                after: None,
                most,
                reply,
            }),
        }));
    }

    fn take(&mut self, info: &Info<'_, Actors>, clock: Clock) -> More {
        if let Reply::Page(page) = &mut self.reply {
            if info.position <= page.after {
                return More::Wanted;
            }
            if self.taken.len() == page.most {
                return More::Left;
            }
            page.last = info.position;
        }
        self.taken.push(tell(info, clock));
        More::Wanted
    }

    fn end(self, engine: &mut Engine<Actors>, more: More, outbox: &mut Outbox<'_>) {
        let Self {
            cursor,
            taken,
            reply,
        } = self;
        engine.close_list(cursor);
        outbox.tell(match reply {
            Reply::All(reply) => Box::new(move || answers::tell(reply, taken)),
            Reply::Page(Page { last, reply, .. }) => Box::new(move || {
                let next = match (more, taken.last()) {
                    (More::Left, Some(info)) => Some(PageMark {
                        id: info.id.clone(),
                        position: last,
                    }),
                    _ => None,
                };
                answers::tell(
                    reply,
                    SessionPage {
                        sessions: taken,
                        next,
                    },
                )
            }),
        });
    }
}

impl Query {
    /// How many children there are.
    pub(crate) fn count(reply: oneshot::Sender<Counts>) -> Self {
        Self::Look(Box::new(|machine| {
            let counts = machine.counts();
            Box::new(move || answers::tell(reply, counts))
        }))
    }

    /// What is known of a session.
    pub(crate) fn info(
        id: SessionId,
        clock: Clock,
        reply: oneshot::Sender<Option<SessionInfo>>,
    ) -> Self {
        Self::Look(Box::new(move |machine| {
            let info = match machine {
                Machine::Sessions(engine) => engine.info(&id).map(|info| tell(&info, clock)),
                Machine::Children(_) => None,
            };
            Box::new(move || answers::tell(reply, info))
        }))
    }

    /// How many sessions of a group take a place.
    pub(crate) fn count_group(group: Arc<str>, reply: oneshot::Sender<usize>) -> Self {
        Self::Look(Box::new(move |machine| {
            let count = match machine {
                Machine::Sessions(engine) => engine.count_group(&group),
                Machine::Children(_) => 0,
            };
            Box::new(move || answers::tell(reply, count))
        }))
    }

    /// The groups behind this one, at most so many.
    pub(crate) fn groups(
        after: Option<Arc<str>>,
        most: usize,
        reply: oneshot::Sender<Vec<GroupCount>>,
    ) -> Self {
        let count = |(group, count): (&Arc<str>, usize)| GroupCount {
            group: Arc::clone(group),
            count,
        };
        Self::Look(Box::new(move |machine| {
            let groups: Vec<_> = match machine {
                Machine::Sessions(engine) => {
                    let groups = engine.groups_after(after.as_deref());
                    groups.take(most).map(count).collect()
                }
                Machine::Children(_) => Vec::new(),
            };
            Box::new(move || answers::tell(reply, groups))
        }))
    }

    /// What is known of the children of a static supervisor.
    pub(crate) fn children(reply: oneshot::Sender<Vec<ChildInfo>>) -> Self {
        Self::Look(Box::new(|machine| {
            let children: Vec<_> = match machine {
                Machine::Children(group) => {
                    group.children().map(|info| tell_child(&info)).collect()
                }
                Machine::Sessions(_) => Vec::new(),
            };
            Box::new(move || answers::tell(reply, children))
        }))
    }
}

fn tell(info: &Info<'_, Actors>, clock: Clock) -> SessionInfo {
    let wall = |moment| clock.wall(moment);
    let shown = match info.state {
        SessionState::Running | SessionState::Stopping | SessionState::Stuck => info.life,
        SessionState::Starting | SessionState::Restarting | SessionState::Parked => None,
    };
    SessionInfo {
        id: SessionId::checked(Arc::clone(info.id)),
        label: info.label.cloned(),
        claims: info.claims.to_vec(),
        group: info.group.cloned(),
        state: info.state,
        incarnation: info.incarnation,
        restarts: info.restarts,
        first_started: info.first_started.map(wall),
        started: shown.and(info.started).map(wall),
        cell: actor_of(shown),
        last_exit: info.last_exit.cloned(),
    }
}

fn tell_child(info: &ChildView<'_, Actors>) -> ChildInfo {
    let shown = match info.state {
        ChildState::Running | ChildState::Stopping | ChildState::Stuck => info.life,
        ChildState::Starting | ChildState::Restarting | ChildState::NotRunning => None,
    };
    ChildInfo {
        role: Arc::clone(info.role),
        label: info.label.cloned(),
        kind: info.kind,
        state: info.state,
        incarnation: info.incarnation,
        restarts: info.restarts,
        cell: actor_of(shown),
        last_exit: info.last_exit.cloned(),
    }
}

fn actor_of(life: Option<&Arc<Life>>) -> Option<ActorCell> {
    life.and_then(|life| life.cell()).cloned()
}

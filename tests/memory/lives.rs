//! How many lives there are, and what is counted between them.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::alloc;
use crate::runtimes::Kind;

/// How many lives come before the first count: what is allocated once and kept is there then.
const BEFORE: usize = 100;
/// How many lives are counted. They may leave nothing.
const COUNTED: usize = 300;

/// What the lives of a row with new names may leave: the tables of the registry grow by powers of
/// two, one for each of its shards, and where a new name falls is chance.
const NEW_NAMES: isize = 16_384;

/// On several threads all counted lives together may leave so many bytes. The tables, queues and
/// mailboxes of a supervisor that lives on keep the room of the largest crowd that they have seen;
/// there it is chance which events meet, and a mailbox's block alone is 2,592 bytes. One thread
/// sees the same crowds each time.
const CROWDS: isize = 16_384;

/// On one thread all counted lives together may leave so many bytes: names that come and go leave
/// tombstones in the registry's tables, and one that is laid anew for them may be one size larger
/// at the second count. That is less than eight bytes for each of the lives would be.
const TOMBSTONES: isize = 1_024;

/// On several threads a row that leaves more is run so often.
const TRIES: usize = 3;

/// How long the memory of the last lives may take to be given back, on several threads.
const PATIENCE: Duration = Duration::from_secs(2);

/// A session supervisor keeps so many launch tasks for the next launches, at most.
const IDLE_LAUNCH_TASKS: usize = 64;

/// What a row may leave, all its counted lives together.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    Nothing,
    /// How many bytes, for a reason that stands where it is used.
    Bytes(isize),
}

/// The runtimes on which a row is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Both,
    /// What blocks its thread would block all on one thread.
    SeveralThreads,
}

type Run = Box<dyn Fn(Lives) -> Pin<Box<dyn Future<Output = Lives>>>>;

/// One kind of life.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    on: On,
    bound: Bound,
    run: Run,
}

impl Row {
    /// A row of which nothing may be left. It makes what all its lives need, takes each life from
    /// [`Lives::next`] until there is none, and gives the count back.
    pub(crate) fn new<Fut>(name: &'static str, run: impl Fn(Lives) -> Fut + 'static) -> Self
    where
        Fut: Future<Output = Lives> + 'static,
    {
        Self {
            name,
            on: On::Both,
            bound: Bound::Nothing,
            run: Box::new(move |lives| Box::pin(run(lives))),
        }
    }

    /// Each of its lives has names of its own.
    pub(crate) fn with_new_names(self) -> Self {
        match self.bound {
            Bound::Nothing => self.at_most(NEW_NAMES),
            Bound::Bytes(_) => self,
        }
    }

    pub(crate) fn at_most(mut self, bytes: isize) -> Self {
        self.bound = Bound::Bytes(bytes);
        self
    }

    pub(crate) fn on_several_threads(mut self) -> Self {
        self.on = On::SeveralThreads;
        self
    }

    /// Runs it and tells what was kept. Answers with its name and each runtime on which that was
    /// too much.
    pub(crate) fn run(&self) -> Vec<String> {
        let mut failed = Vec::new();
        for kind in Kind::ALL {
            let allowed = match (self.bound, kind) {
                (Bound::Bytes(bytes), _) => bytes,
                (Bound::Nothing, Kind::CurrentThread) => TOMBSTONES,
                (Bound::Nothing, Kind::SeveralThreads) => CROWDS,
            };
            if self.on == On::SeveralThreads && kind == Kind::CurrentThread {
                continue;
            }
            // What is kept of each life is kept in every try, and the room of a crowd is chance.
            let tries = match kind {
                Kind::CurrentThread => 1,
                Kind::SeveralThreads => TRIES,
            };
            let clean = (0..tries).any(|_| self.keeps_at_most(kind, allowed));
            if !clean {
                failed.push(format!("{} ({kind:?})", self.name));
            }
        }
        failed
    }
}

impl Row {
    /// Leads the lives, and tells whether no more than that is left of them.
    fn keeps_at_most(&self, kind: Kind, allowed: isize) -> bool {
        let began = Instant::now();
        let runtime = kind.make();
        let lives = runtime.block_on((self.run)(Lives::new(kind, allowed)));
        drop(runtime);
        let kept = lives.kept();
        let verdict = if kept > allowed { "KEPT" } else { "ok" };
        println!(
            "{verdict:4} {kept:8} B kept of {allowed} at most, {:4} allocations a life, {:5} ms: {} ({kind:?})",
            lives.made / COUNTED,
            began.elapsed().as_millis(),
            self.name,
        );
        kept <= allowed
    }
}

/// The lives of one row on one runtime.
pub(crate) struct Lives {
    kind: Kind,
    allowed: isize,
    begun: usize,
    /// The tasks of the runtime before the first life.
    tasks: usize,
    before: isize,
    after: isize,
    /// The allocations so far; at the end those of the counted lives.
    made: usize,
}

impl Lives {
    fn new(kind: Kind, allowed: isize) -> Self {
        Self {
            kind,
            allowed,
            begun: 0,
            tasks: 0,
            before: 0,
            after: 0,
            made: 0,
        }
    }

    /// The number of the next life. Those before it are over.
    pub(crate) async fn next(&mut self) -> Option<usize> {
        self.batch(1).await
    }

    /// The number of the first of so many lives, which are led at the same time.
    pub(crate) async fn batch(&mut self, size: usize) -> Option<usize> {
        assert!(
            BEFORE.is_multiple_of(size) && COUNTED.is_multiple_of(size),
            "a part of all"
        );
        if self.begun == 0 {
            self.tasks = tasks();
        }
        if self.begun == BEFORE {
            self.before = self.at_rest(isize::MIN).await;
            self.made = alloc::made();
        }
        if self.begun == BEFORE + COUNTED {
            self.made = alloc::made() - self.made;
            let enough = self.before.saturating_add(self.allowed);
            self.after = self.at_rest(enough).await;
            return None;
        }
        if self.kind == Kind::CurrentThread {
            // Paused time goes on only when all lines of the log are written. Else more and more of
            // them might wait on a busy machine, and the runtime's queue would keep their room.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.begun += size;
        Some(self.begun - size)
    }

    fn kept(&self) -> isize {
        assert_eq!(self.begun, BEFORE + COUNTED, "all lives were led");
        self.after - self.before
    }

    /// The live bytes when nothing moves any more: at most `enough`, or the fewest that are seen.
    async fn at_rest(&self, enough: isize) -> isize {
        match self.kind {
            // Paused time goes on when there is nothing else to do, so whatever waits for a time
            // has had it.
            Kind::CurrentThread => {
                tokio::time::sleep(Duration::from_secs(3_600)).await;
                alloc::live()
            }
            Kind::SeveralThreads => {
                let began = Instant::now();
                let mut seen = (tasks(), Instant::now());
                while tasks() > self.tasks && began.elapsed() < Duration::from_secs(30) {
                    // These few may be the idle ones of a supervisor that lives on.
                    let few = seen.0 <= self.tasks + IDLE_LAUNCH_TASKS;
                    if tasks() != seen.0 {
                        seen = (tasks(), Instant::now());
                    } else if few && seen.1.elapsed() > Duration::from_millis(100) {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
                // A thread that has ended a task may not have given its memory back yet, and the one
                // that drops what was deferred may have had no turn on a busy machine.
                let (mut fewest, mut turns) = (alloc::live(), 0);
                let began = Instant::now();
                let patience = match enough {
                    isize::MIN => Duration::ZERO,
                    _ => PATIENCE,
                };
                while fewest > enough && (turns < 20_000 || began.elapsed() < patience) {
                    tokio::task::yield_now().await;
                    fewest = fewest.min(alloc::live());
                    turns += 1;
                }
                fewest
            }
        }
    }
}

/// The tasks of the runtime that have not ended.
fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

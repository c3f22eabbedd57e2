//! What the engine alone costs, among 1 child and among 1,000,000: no actor, no task, no runtime.
//! `cargo bench --bench engine`; see `benches/README.md`.
//!
//! The children that are taken lie far apart in the table, as those of real traffic do, so at
//! 1,000,000 every one of them is fetched from main memory. The `cold` table tells that apart from
//! a cost that grows: a thousand engines of 1,000 children, taken in turn, which together are as
//! large as the one of 1,000,000.
//!
//! The domain is the smallest one, and an effect is dropped as soon as it is polled.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::Criterion;
use session_supervisor::engine::{
    self, Cursor, Domain, Effect, Ending, Engine, Input, Key, Limit, Mark, Moment, Policy, Recall,
    Request, Restart, Seen, Settings,
};

const MANY: usize = 1_000_000;
const PAGE: usize = 256;
/// How many stops, and then as many starts, are timed together: long enough for the clock.
const BATCH: usize = 256;
const RESTARTS: u32 = 3;
const WINDOW: Duration = Duration::from_secs(5);

/// How many engines there are, and how many children each has.
#[derive(Clone, Copy, Debug)]
struct Shape {
    name: &'static str,
    engines: usize,
    children: usize,
}

const SHAPES: [Shape; 5] = [
    shape("1", 1, 1),
    shape("1000", 1, 1_000),
    shape("100000", 1, 100_000),
    shape("1000000", 1, MANY),
    shape("1000 cold", MANY / 1_000, 1_000),
];

const fn shape(name: &'static str, engines: usize, children: usize) -> Shape {
    Shape {
        name,
        engines,
        children,
    }
}

#[derive(Debug)]
struct Smallest;

impl Domain for Smallest {
    type Spec = Spec;
    type Life = Life;
    type Found = ();
    type Ticket<A> = Caller;
}

/// A caller that never goes away.
#[derive(Debug)]
struct Caller;

impl engine::Ticket for Caller {
    fn is_gone(&self) -> bool {
        false
    }
}

#[derive(Clone, Debug)]
struct Spec(Arc<Policy>);

impl engine::Spec for Spec {
    fn policy(&self) -> &Policy {
        &self.0
    }
}

/// A launch whose actor bears its number and always ends in order.
#[derive(Clone, Copy, Debug)]
struct Life(Key);

impl engine::Life for Life {
    type Found = ();
    type Checkpoint = ();

    fn new(key: Key, _checkpoint: Option<()>) -> Self {
        Self(key)
    }

    fn found(&self) -> Option<()> {
        Some(())
    }

    fn actor(&self) -> Option<u64> {
        Some(self.0.launch.0)
    }

    fn mark(&self) -> Mark {
        Mark::Orderly
    }

    fn ending(&self) -> Ending {
        Ending::No
    }
}

/// An engine with all its children running, and what the shell would know of them.
#[derive(Debug)]
struct World {
    engine: Engine<Smallest>,
    spec: Spec,
    now: Moment,
    children: Vec<(Arc<str>, Key)>,
    /// The child that is taken next.
    next: usize,
    cursor: Option<Cursor>,
}

impl World {
    fn new(children: usize) -> Self {
        let settings = Settings {
            session_limit: Limit::new(RESTARTS, WINDOW),
            total_limit: Limit::new(u32::MAX, WINDOW),
            seed: 1,
            ..Settings::default()
        };
        let policy = Policy {
            restart: Restart::Permanent,
            ..Policy::default()
        };
        let mut world = Self {
            engine: Engine::new(settings),
            spec: Spec(Arc::new(policy)),
            now: Moment::START,
            children: Vec::with_capacity(children),
            next: 0,
            cursor: None,
        };
        for i in 0..children {
            let id: Arc<str> = format!("session-{i}").into();
            let key = world.start(&id);
            world.children.push((id, key));
        }
        world
    }

    /// One input as the shell gives it: all effects are polled, and the timer is looked at. Answers
    /// the launch that was ordered.
    fn tell(&mut self, input: Input<Smallest>) -> Option<Key> {
        self.engine.handle(self.now, input);
        let mut launched = None;
        while let Some(effect) = self.engine.poll_effect() {
            if let Effect::Launch { life, .. } = &effect {
                launched = Some(life.0);
            }
            black_box(effect);
        }
        black_box(self.engine.poll_timeout());
        launched
    }

    fn ask(&mut self, id: &Arc<str>, request: Request<Smallest>) -> Option<Key> {
        let id = Arc::clone(id);
        self.tell(Input::Asked { id, request })
    }

    fn started(&mut self, launch: Option<Key>) -> Key {
        let key = launch.expect("a launch");
        let recall = Recall::InTime;
        self.tell(Input::Started { key, recall });
        key
    }

    fn start(&mut self, id: &Arc<str>) -> Key {
        let spec = self.spec.clone();
        let launch = self.ask(
            id,
            Request::Start {
                spec,
                ticket: Caller,
            },
        );
        self.started(launch)
    }

    /// The exit and the release of a child. Answers the next launch, if it is restarted.
    fn ends(&mut self, id: &Arc<str>, key: Key) -> Option<Key> {
        let input = Input::Exited {
            id: Some(Arc::clone(id)),
            actor: key.launch.0,
            seen: Seen::Terminated(None),
        };
        self.tell(input);
        self.tell(Input::Released { key })
    }

    fn stop(&mut self, id: &Arc<str>, key: Key) {
        self.ask(id, Request::Stop { ticket: Caller });
        assert_eq!(self.ends(id, key), None);
    }

    /// The place of a child that lies far from the one before.
    fn far(&mut self) -> usize {
        // A prime, so that all children have their turn.
        self.next = (self.next + 7_919) % self.children.len();
        self.next
    }

    /// Lets all restarts so far be forgotten.
    fn pause(&mut self) {
        self.now = self.now.after(WINDOW + Duration::from_secs(1));
    }

    fn exit_and_restart(&mut self) {
        self.pause();
        let place = self.far();
        let (id, key) = self.children[place].clone();
        let launch = self.ends(&id, key);
        self.children[place].1 = self.started(launch);
    }

    /// As many restarts as are allowed, one more that is refused and parks, and a resume by hand.
    fn use_up_limit(&mut self) {
        self.pause();
        let place = self.far();
        let (id, mut key) = self.children[place].clone();
        for _ in 0..RESTARTS {
            let launch = self.ends(&id, key);
            key = self.started(launch);
        }
        assert_eq!(self.ends(&id, key), None, "it is parked");
        let launch = self.ask(&id, Request::Restart { ticket: Caller });
        self.children[place].1 = self.started(launch);
    }

    /// The next sessions of a list that goes on for ever.
    fn list_page(&mut self) {
        let mut cursor = self
            .cursor
            .take()
            .unwrap_or_else(|| self.engine.open_list());
        for _ in 0..PAGE {
            if black_box(self.engine.next_in_list(&cursor)).is_none() {
                self.engine.close_list(cursor);
                cursor = self.engine.open_list();
            }
        }
        self.cursor = Some(cursor);
    }
}

/// The engines of one shape, taken in turn.
#[derive(Debug)]
struct Worlds {
    worlds: Vec<World>,
    next: usize,
}

impl Worlds {
    fn new(shape: Shape) -> Self {
        let worlds = (0..shape.engines).map(|_| World::new(shape.children));
        Self {
            worlds: worlds.collect(),
            next: 0,
        }
    }

    /// The place of the world that is taken next.
    fn next(&mut self) -> usize {
        self.next = (self.next + 1) % self.worlds.len();
        self.next
    }

    fn time(&mut self, times: u64, operation: fn(&mut World)) -> Duration {
        let began = Instant::now();
        for _ in 0..times {
            let world = self.next();
            operation(&mut self.worlds[world]);
        }
        began.elapsed()
    }

    /// Stops some children and starts them again, all different. Answers how long each half took.
    fn stop_and_start(&mut self, some: usize) -> Halves {
        let mut victims = Vec::with_capacity(some);
        for _ in 0..some {
            let at = self.next();
            let world = &mut self.worlds[at];
            let place = world.far();
            let (id, key) = world.children[place].clone();
            victims.push((at, place, id, key));
        }
        let began = Instant::now();
        for (world, _, id, key) in &victims {
            self.worlds[*world].stop(id, *key);
        }
        let stop = began.elapsed();
        let began = Instant::now();
        for (world, place, id, _) in &victims {
            let world = &mut self.worlds[*world];
            world.children[*place].1 = world.start(id);
        }
        let start = began.elapsed();
        Halves { stop, start }
    }

    fn time_half(&mut self, times: u64, half: fn(Halves) -> Duration) -> Duration {
        let children = self.worlds.len() * self.worlds[0].children.len();
        let mut rest = usize::try_from(times).expect("a number of iterations");
        let mut took = Duration::ZERO;
        while rest > 0 {
            let some = rest.min(children).min(BATCH);
            took += half(self.stop_and_start(some));
            rest -= some;
        }
        took
    }
}

/// How long some stops took, and the starts after them.
#[derive(Clone, Copy, Debug)]
struct Halves {
    stop: Duration,
    start: Duration,
}

type Run = fn(&mut Worlds, u64) -> Duration;

const OPERATIONS: [(&str, Run); 6] = [
    ("list page of 256", |worlds, times| {
        worlds.time(times, World::list_page)
    }),
    ("exit and restart", |worlds, times| {
        worlds.time(times, World::exit_and_restart)
    }),
    ("limit used up", |worlds, times| {
        worlds.time(times, World::use_up_limit)
    }),
    ("start", |worlds, times| {
        worlds.time_half(times, |halves| halves.start)
    }),
    ("stop", |worlds, times| {
        worlds.time_half(times, |halves| halves.stop)
    }),
    // The order of first starts no longer is that of the slots.
    ("list page, shuffled", |worlds, times| {
        worlds.time(times, World::list_page)
    }),
];

/// Nanoseconds of one operation, of every sample, by operation and shape.
type Samples = BTreeMap<(&'static str, &'static str), Vec<f64>>;

fn measure(criterion: &mut Criterion, samples: &RefCell<Samples>) {
    for shape in SHAPES {
        let mut worlds = Worlds::new(shape);
        let mut group = criterion.benchmark_group(shape.name);
        group
            .sample_size(20)
            .warm_up_time(Duration::from_millis(200))
            .measurement_time(Duration::from_millis(800));
        for (name, run) in OPERATIONS {
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|times| {
                    let took = run(&mut worlds, times);
                    let mut samples = samples.borrow_mut();
                    let of_this = samples.entry((name, shape.name)).or_default();
                    let times = u32::try_from(times).expect("a number of iterations");
                    of_this.push(Duration::as_secs_f64(&took) * 1e9 / f64::from(times));
                    took
                });
            });
        }
        group.finish();
    }
}

fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The table, with the quotients of the cost at 1,000,000 and at 1,000.
fn summary(samples: &Samples) -> String {
    let mut table = String::from("ns per operation");
    for shape in SHAPES {
        write!(table, " | {}", shape.name).expect("a string");
    }
    table.push_str(" | 1000000 / 1000 | 1000000 / 1000 cold\n");
    for (operation, _) in OPERATIONS {
        let cost = |shape| {
            let found = samples.get(&(operation, shape));
            found.map_or(f64::NAN, |samples| median(samples))
        };
        table.push_str(operation);
        for shape in SHAPES {
            write!(table, " | {:.0}", cost(shape.name)).expect("a string");
        }
        let growth = cost("1000000") / cost("1000");
        let cold = cost("1000000") / cost("1000 cold");
        writeln!(table, " | {growth:.2} | {cold:.2}").expect("a string");
    }
    table
}

fn main() {
    let samples = RefCell::new(Samples::new());
    let mut criterion = Criterion::default().configure_from_args();
    measure(&mut criterion, &samples);
    criterion.final_summary();
    print!("{}", summary(&samples.into_inner()));
}

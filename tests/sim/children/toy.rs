//! A group in a world without surprises: launches succeed, each child that is told to end does, and
//! everything is reported at once. What the engine does is written down in one line each.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use session_supervisor::engine::{
    Backoff, ChildRequest, ChildState, Discard, Effect, Failure, FirstStart, Input, Mark, Moment,
    OrderedEngine, OrderedSettings, Policy, Recall, Seen, Shutdown,
};

use crate::domain::{SimDomain, SimLife, SimSpec, Waiter};
use crate::rules::Pauses;
use crate::told::told;

pub(crate) struct Toy {
    pub(crate) group: OrderedEngine<SimDomain>,
    pub(crate) now: Moment,
    /// What the group did since this was last taken.
    pub(crate) log: Vec<String>,
    lives: Vec<(String, SimLife)>,
    todo: VecDeque<Input<SimDomain>>,
    /// Roles whose launches fail.
    pub(crate) fail: Vec<&'static str>,
    /// Roles whose start functions answer ignore.
    pub(crate) ignore: Vec<&'static str>,
    /// Roles whose launches do not come to an end.
    pub(crate) hang: Vec<&'static str>,
    /// Roles that do not react to a stop.
    pub(crate) unresponsive: Vec<&'static str>,
    /// Roles that survive their kill.
    pub(crate) stuck: Vec<&'static str>,
}

pub(crate) fn policy() -> Policy {
    Policy {
        shutdown: Shutdown::Timeout(Duration::from_millis(100)),
        backoff: Some(Backoff::none()),
        ..Policy::default()
    }
}

pub(crate) fn spec(policy: Policy) -> SimSpec {
    let pauses = Pauses {
        first: Duration::ZERO,
        max: Duration::ZERO,
        doubles: false,
        jitter: false,
    };
    SimSpec::new(policy, pauses)
}

impl Toy {
    pub(crate) fn new(settings: OrderedSettings, children: &[(&str, Policy)]) -> Self {
        let children: Vec<_> = children
            .iter()
            .map(|(role, policy)| (Arc::from(*role), spec(*policy), FirstStart::WithGroup))
            .collect();
        Self::of(settings, children)
    }

    pub(crate) fn of(
        settings: OrderedSettings,
        children: Vec<(Arc<str>, SimSpec, FirstStart)>,
    ) -> Self {
        Self {
            group: OrderedEngine::new(settings, children),
            now: Moment::START,
            log: Vec::new(),
            lives: Vec::new(),
            todo: VecDeque::new(),
            fail: Vec::new(),
            ignore: Vec::new(),
            hang: Vec::new(),
            unresponsive: Vec::new(),
            stuck: Vec::new(),
        }
    }

    pub(crate) fn begin(&mut self) {
        self.feed(Input::Begin { ticket: Waiter(0) });
    }

    pub(crate) fn ask(&mut self, role: &str, request: ChildRequest<SimDomain>) {
        let role = Arc::from(role);
        self.feed(Input::AskedChild { role, request });
    }

    /// The present life of a role ends.
    pub(crate) fn end(&mut self, role: &str, mark: Mark) {
        let life = self.life(role);
        self.report_end(&life, mark);
        self.until_idle();
    }

    pub(crate) fn life(&self, role: &str) -> SimLife {
        let mut lives = self.lives.iter().rev();
        let life = lives.find(|(name, _)| name == role);
        life.expect("it was launched").1.clone()
    }

    fn report_end(&mut self, life: &SimLife, mark: Mark) {
        life.0.mark.set(mark);
        let actor = life.0.actor.get().expect("it started");
        let seen = match mark {
            Mark::Failed => Seen::Failed(crate::drops::cause("crash")),
            _ => Seen::Terminated(None),
        };
        let id = None;
        self.todo.push_back(Input::Exited { id, actor, seen });
        let key = life.0.key;
        self.todo.push_back(Input::Released { key });
    }

    pub(crate) fn feed(&mut self, input: Input<SimDomain>) {
        self.todo.push_back(input);
        self.until_idle();
    }

    /// Lets time pass until the next thing is due.
    pub(crate) fn wait(&mut self) {
        let at = self.group.poll_timeout().expect("something is due");
        self.now = self.now.max(at);
        self.group.handle_timeout(self.now);
        self.carry_out();
        self.until_idle();
    }

    fn until_idle(&mut self) {
        while let Some(input) = self.todo.pop_front() {
            self.group.handle(self.now, input);
            self.carry_out();
        }
    }

    fn carry_out(&mut self) {
        while let Some(effect) = self.group.poll_effect() {
            match effect {
                Effect::Launch { context, life, .. } => self.launch(&context.id, life),
                Effect::Stop { life, .. } => {
                    let role = self.role(&life);
                    self.log.push(format!("stop {role}"));
                    if !self.unresponsive.contains(&&*role) {
                        self.report_end(&life, Mark::Orderly);
                    }
                }
                Effect::Kill { life } => {
                    let role = self.role(&life);
                    self.log.push(format!("kill {role}"));
                    if !self.stuck.contains(&&*role) {
                        self.report_end(&life, Mark::Missing);
                    }
                }
                Effect::Cancel { life, .. } => {
                    let role = self.role(&life);
                    self.log.push(format!("cancel {role}"));
                    let key = life.0.key;
                    let failure = Failure::Cancelled;
                    self.todo.push_back(Input::StartFailed { key, failure });
                }
                Effect::Answer(reply) => {
                    let (ticket, told) = told(&reply);
                    self.log.push(format!("{ticket}: {told:?}"));
                }
                Effect::Finished { report, .. } => {
                    let cause = report.cause;
                    let (stopped, killed) = (report.stopped, report.killed);
                    let (failed, down) = (report.failed, report.not_running);
                    let stuck = report.stuck;
                    self.log.push(format!(
                        "{cause:?}: {stopped} stopped, {failed} failed, {killed} killed, {stuck} stuck, {down} down"
                    ));
                }
                Effect::Discard(Discard::Checkpoint(carried)) => {
                    let saved = carried.close().saved();
                    self.log.push(format!("give up {saved:?}"));
                }
                Effect::StopWithin { .. }
                | Effect::JoinEnd { .. }
                | Effect::Drained { .. }
                | Effect::JoinDrain { .. }
                | Effect::Discard(_)
                | Effect::Claimed { .. }
                | Effect::Unclaimed { .. }
                | Effect::BeginStop { .. }
                | Effect::Note { .. } => {}
            }
        }
    }

    fn launch(&mut self, role: &str, life: SimLife) {
        self.log.push(format!("start {role}"));
        let key = life.0.key;
        let failure = if self.fail.contains(&role) {
            Some(Failure::NameTaken("n".into()))
        } else if self.ignore.contains(&role) {
            Some(Failure::Ignored)
        } else {
            None
        };
        match failure {
            Some(failure) => self.todo.push_back(Input::StartFailed { key, failure }),
            None if self.hang.contains(&role) => {}
            None => {
                life.0.actor.set(Some(key.launch.0));
                let recall = Recall::InTime;
                self.todo.push_back(Input::Started { key, recall });
            }
        }
        self.lives.push((role.to_owned(), life));
    }

    fn role(&self, life: &SimLife) -> String {
        let mut lives = self.lives.iter();
        let found = lives.find(|(_, known)| Rc::ptr_eq(&known.0, &life.0));
        found.expect("it was launched").0.clone()
    }

    /// What was done since this was last asked, in one line.
    pub(crate) fn story(&mut self) -> String {
        std::mem::take(&mut self.log).join(", ")
    }

    /// Takes the group apart. Answers what the children had saved.
    pub(crate) fn taken_apart(&mut self) -> Vec<Option<u64>> {
        let values = self.group.take_apart().into_iter();
        let saved = values.filter_map(|value| match value {
            Discard::Checkpoint(carried) => Some(carried.close().saved()),
            _ => None,
        });
        saved.collect()
    }

    /// The roles in a state.
    pub(crate) fn children(&self, state: ChildState) -> Vec<String> {
        let children = self.group.children().filter(|info| info.state == state);
        children.map(|info| info.role.to_string()).collect()
    }
}

//! The root of a whole application: a supervisor over the session supervisor and whatever else lives as
//! long as the process, from the start to the exit status.
//!
//! Absent on purpose: a way of its own to start or to stop anything. It is a [`Supervisor`] with the
//! signals of the operating system.

mod apart;
mod ended;
mod running;
mod signals;
mod standby;

use std::sync::Arc;
use std::time::Duration;

use apart::LITTLE_PATIENCE;
pub use ended::{EndCause, Ended};
pub use running::RunningApplication;
use running::{KillOnDrop, Rest, Unstarted};
pub use signals::Signal;
use signals::{Hangups, Signals};

use crate::child::Child;
use crate::engine::Strategy;
use crate::error::StartSupervisorError;
use crate::{ChildSpec, Options, SessionSupervisor, Supervisor, TreeSpec};

/// Those who send SIGTERM often kill after 30 s, as Kubernetes does.
const DEADLINE: Duration = Duration::from_secs(25);

/// An application: its root [`Supervisor`] with the session supervisor and other members, its default
/// sessions, and its end.
///
/// The root is one for one and restarts members at most 3 times in 5 s, unless told otherwise. A session
/// supervisor that used up its total restart limit is restarted, empty, under its name.
///
/// ```no_run
/// # struct Chat; struct Listener;
/// # #[ractor::actor(message = (), state = (), arguments = ())]
/// # impl Chat {}
/// # #[ractor::actor(message = (), state = (), arguments = ())]
/// # impl Listener {}
/// use session_supervisor::{Application, ChildSpec, Options};
///
/// #[tokio::main]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     Application::new(Options::new().name("chats"))
///         .child("listener", ChildSpec::new(|_| (Listener, ())))
///         .session("lobby", ChildSpec::new(|_| (Chat, ())))
///         .run()
///         .await?
///         .exit()
/// }
/// ```
///
/// OTP: an application's callback module and its top supervisor.
#[derive(Clone, Debug)]
#[must_use]
pub struct Application {
    /// Its name and its rules; the members come at the start.
    root: TreeSpec,
    options: Options,
    before: Vec<(String, ChildSpec)>,
    after: Vec<(String, ChildSpec)>,
    sessions: Vec<(String, ChildSpec)>,
    deadline: Duration,
    hangups: Hangups,
}

impl Application {
    /// The role of the session supervisor.
    pub const SESSIONS: &'static str = "sessions";

    /// An application around a session supervisor with these options.
    pub fn new(options: Options) -> Self {
        Self {
            root: TreeSpec::one_for_one(),
            options,
            before: Vec::new(),
            after: Vec::new(),
            sessions: Vec::new(),
            deadline: DEADLINE,
            hangups: Hangups::Heard,
        }
    }

    /// The name of the root in ractor's registry: 1 to 512 bytes, no control character, no `/`. Default:
    /// [`Supervisor::NAME`].
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.root = self.root.name(name);
        self
    }

    /// A name of its own for each start, for applications that run side by side, as in tests. The session
    /// supervisor has [its own](Options::unique_name).
    pub fn unique_name(mut self) -> Self {
        self.root = self.root.unique_name();
        self
    }

    /// Adds a member that is started after the session supervisor and those added before, and stopped
    /// before them: for instance what opens sessions, so that none is opened while they are stopped.
    /// Roles are as in a [`TreeSpec`]; [`SESSIONS`](Self::SESSIONS) is taken.
    pub fn child<C: Child>(mut self, role: impl Into<String>, spec: ChildSpec<C>) -> Self {
        self.after.push((role.into(), spec.erase()));
        self
    }

    /// Adds a member that is started before the session supervisor, and stopped after it: what sessions
    /// need as long as they live. Several are started in the order in which they are added.
    pub fn child_before<C: Child>(mut self, role: impl Into<String>, spec: ChildSpec<C>) -> Self {
        self.before.push((role.into(), spec.erase()));
        self
    }

    /// Which members are restarted with one that ended. Default: it alone.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.root = self.root.strategy(strategy);
        self
    }

    /// How often the root may restart members within `window`. Reaching it ends the application, with
    /// status 1. Default: 3 in 5 s. The window must be longer than zero.
    pub fn restart_limit(mut self, max: u32, window: Duration) -> Self {
        self.root = self.root.restart_limit(max, window);
        self
    }

    /// Members are restarted without end.
    pub fn without_restart_limit(mut self) -> Self {
        self.root = self.root.without_restart_limit();
        self
    }

    /// Adds a session that is started with the application, when the root is up and those added before
    /// have been started. If it cannot be started, be it for a bad id, that is logged as an error, and the
    /// application runs on.
    pub fn session<C: Child>(mut self, id: impl Into<String>, spec: ChildSpec<C>) -> Self {
        self.sessions.push((id.into(), spec.erase()));
        self
    }

    /// How long the stop of the whole application may take: what is left then is killed. Default: 25 s.
    /// Zero kills at once. What is killed has a second to go. So the [wait](RunningApplication::wait) is over
    /// a second after the deadline, unless so many end that it takes them longer.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Leaves SIGHUP to the program, for instance to read its configuration again. Without this it ends
    /// the application as SIGTERM does; with it, and without a handler of the program's own, it ends the
    /// process at once.
    pub fn without_hangup(mut self) -> Self {
        self.hangups = Hangups::LeftAlone;
        self
    }

    /// Runs the application until its end: [`start`](Self::start), then
    /// [`wait`](RunningApplication::wait).
    ///
    /// A signal that comes while members are started counts when they are. If they are not by the
    /// [deadline](Self::deadline), which counts from the signal, or if a second Ctrl-C comes, what was
    /// started is killed. A signal that comes while default sessions are started stops that.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start). The exit status is 1 then; std uses that one too for an error of `main`.
    ///
    /// # Cancel safety
    ///
    /// Dropped while the members are started, it leaves nothing behind. Dropped later, the application
    /// runs on, without anybody who waits for a signal.
    pub async fn run(self) -> Result<Ended, StartSupervisorError> {
        let mut signals = Signals::install(self.hangups)?;
        let (root, rest) = self.design();
        let root = tokio::select! {
            biased;
            root = Supervisor::start(root) => root?,
            // What was started is killed when the start is dropped.
            (_, cause) = signals.give_up(rest.deadline) => return Ok(Ended::unfinished(cause).told(None, LITTLE_PATIENCE)),
        };
        let (running, sessions) = RunningApplication::of(root, signals, rest);
        Ok(running.until_the_end(sessions).await)
    }

    /// Starts the root with its members, then the default sessions, one after another.
    ///
    /// From the first poll on, Ctrl-C, SIGTERM and SIGHUP do not end the process any more, as long as it
    /// lives: [`RunningApplication::wait`] hears them. One that comes during the start is not lost: it counts
    /// when the members are started, and no further default session is. A SIGHUP that was ignored when the
    /// program was started, as under `nohup`, stays ignored on Linux; other systems do not tell.
    ///
    /// # Errors
    ///
    /// As [`Supervisor::start`]; a bad value of the options is `InvalidOptions` too. `Failed` also if the
    /// runtime takes no signals, which tokio's do if their IO is enabled; and if a signal came and the
    /// members were not started by the [deadline](Self::deadline) that counts from it, or before a second
    /// Ctrl-C. What was started is killed then. A program that ends by `std::process::exit` does not wait
    /// for a start function that blocks its thread; one that returns from `main` does.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is done, it leaves no actor behind: what was started is killed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ractor::Actor;
    /// # struct Chat;
    /// # #[ractor::actor(message = (), state = (), arguments = ())]
    /// # impl Chat {}
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use session_supervisor::{Application, ChildSpec, Options};
    ///
    /// let running = Application::new(Options::new().unique_name())
    ///     .unique_name()
    ///     .session("lobby", ChildSpec::new(|_| (Chat, ())))
    ///     .start()
    ///     .await
    ///     .unwrap();
    /// let sessions = running.sessions().unwrap();
    /// assert!(sessions.session_running("lobby"));
    /// assert_eq!(running.stop().await.status(), 0);
    /// # }
    /// ```
    pub async fn start(self) -> Result<RunningApplication, StartSupervisorError> {
        let mut signals = Signals::install(self.hangups)?;
        let (root, rest) = self.design();
        let root = tokio::select! {
            biased;
            root = Supervisor::start(root) => root?,
            (signal, cause) = signals.give_up(rest.deadline) => {
                let cause = format!("{cause}, after {signal}");
                return Err(StartSupervisorError::Failed { cause: Arc::new(cause.into()) });
            }
        };
        let undone = KillOnDrop::new(&root);
        let (mut running, sessions) = RunningApplication::of(root, signals, rest);
        tokio::select! {
            biased;
            () = sessions => {}
            // The wait is told it again.
            () = running.signalled() => {}
        }
        undone.defuse();
        Ok(running)
    }

    /// The root with its members, and what is left to do when it is up.
    fn design(self) -> (TreeSpec, Rest) {
        let (options, supervisor) = self.options.settled();
        let mut root = self.root;
        for (role, spec) in self.before {
            root = root.child(role, spec);
        }
        root = root.child(Self::SESSIONS, SessionSupervisor::child_spec(options));
        for (role, spec) in self.after {
            root = root.child(role, spec);
        }
        let rest = Rest {
            supervisor,
            sessions: Unstarted::new(self.sessions),
            deadline: self.deadline,
        };
        (root, rest)
    }
}

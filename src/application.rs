//! The root of a whole application: a supervisor over the session supervisor and whatever else
//! lives as long as the process, from the start to the exit status.
//!
//! It is a [`Supervisor`] with the signals of the operating system, and starts and stops as one
//! does.

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
use crate::{ChildSpec, Options, SessionSupervisor, Shutdown, Supervisor, TreeSpec};

/// A sender of SIGTERM often kills after 30 s, as Kubernetes does.
const STOP_TIMEOUT: Duration = Duration::from_secs(25);

/// The root of a program: a [`Supervisor`] with the session supervisor and other children, default
/// sessions, signals and the exit status.
///
/// By default the root restarts only the child that ended, at most 3 times in 5 s. A session
/// supervisor that used up its total restart limit is restarted under its name, without sessions.
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
    /// Its name and its rules; the children come at the start.
    root: TreeSpec,
    options: Options,
    before: Vec<(String, ChildSpec)>,
    after: Vec<(String, ChildSpec)>,
    sessions: Vec<(String, ChildSpec)>,
    stop_timeout: Duration,
    /// How long the sessions may drain; none: they are stopped.
    drain: Option<Duration>,
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
            stop_timeout: STOP_TIMEOUT,
            drain: None,
            hangups: Hangups::Received,
        }
    }

    /// The name of the root in ractor's registry: 1 to 512 bytes, no control character, no `/`.
    /// Default: [`Supervisor::NAME`].
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.root = self.root.name(name);
        self
    }
    /// Gives the root a new name at each start, so that several applications can run side by side,
    /// as in tests. The session supervisor has [its own option](Options::unique_name) for that.
    pub fn unique_name(mut self) -> Self {
        self.root = self.root.unique_name();
        self
    }

    /// Adds a child that is started after the session supervisor and the children added before, and
    /// stopped before them. Use it for what opens sessions, so that none is opened while they are
    /// stopped. Roles are as in a [`TreeSpec`]; [`SESSIONS`](Self::SESSIONS) is taken.
    pub fn child<C: Child>(mut self, role: impl Into<String>, spec: ChildSpec<C>) -> Self {
        self.after.push((role.into(), spec.erase()));
        self
    }

    /// Adds a child that is started before the session supervisor and stopped after it. Use it for
    /// what sessions need as long as they live. Several are started in the order in which they are
    /// added.
    pub fn child_before<C: Child>(mut self, role: impl Into<String>, spec: ChildSpec<C>) -> Self {
        self.before.push((role.into(), spec.erase()));
        self
    }
    /// Sets which children are restarted when one ends. Default: that child alone.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.root = self.root.strategy(strategy);
        self
    }

    /// Sets how often the root may restart children within `window`. A restart above the limit ends
    /// the application with status 1. Default: 3 in 5 s. The window must be longer than zero.
    pub fn restart_limit(mut self, max: u32, window: Duration) -> Self {
        self.root = self.root.restart_limit(max, window);
        self
    }
    /// Removes the restart limit: children are restarted without end.
    pub fn without_restart_limit(mut self) -> Self {
        self.root = self.root.without_restart_limit();
        self
    }

    /// Adds a session that is started with the application, after its children and the sessions
    /// added before. If it cannot be started, also for a bad id, that is logged as an error, and
    /// the application runs on without it: a first start is not tried again. Nor is the session
    /// started again when the session supervisor itself is restarted. Where that matters, let a
    /// [`child`](Self::child) start it, which is restarted until it succeeds.
    pub fn session<C: Child>(mut self, id: impl Into<String>, spec: ChildSpec<C>) -> Self {
        self.sessions.push((id.into(), spec.erase()));
        self
    }

    /// Sets how long the stop of the whole application may take. What is left then is killed.
    /// Default: 25 s. Zero kills at once. It is for a stop by a signal and for
    /// [`RunningApplication::stop`]. Who stops the [root](RunningApplication::supervisor) by its own handle
    /// gives the time there, with [`Supervisor::stop_within`].
    ///
    /// The time is shared out among the children: each is asked to stop when the one after it is
    /// gone, and at the latest when its share is over. So a child that needs all of its time to
    /// stop, such as one that [drains](SessionSupervisor::drain) the sessions, has this timeout
    /// divided by the number of children.
    ///
    /// A kill is waited for at most 1 s. So the [wait](RunningApplication::wait) ends a second
    /// after the deadline, or later if so many actors end that it takes them longer.
    pub fn stop_timeout(mut self, timeout: Duration) -> Self {
        self.stop_timeout = timeout;
        self
    }

    /// Has the session supervisor [drained](SessionSupervisor::drain) when the application stops: each
    /// session handles what its mailbox has accepted, and has the time of its own shutdown rule for
    /// that. All of them together have at most this long, and at most what is left of the
    /// [stop timeout](Self::stop_timeout). What is left then is killed. Default: the sessions are
    /// stopped by their own rules, and messages that they have not begun are lost.
    ///
    /// The children that were added by [`child`](Self::child) are stopped first. While the sessions
    /// drain, new ones are refused with [`Draining`](crate::error::StartError::Draining). Children
    /// that were added by [`child_before`](Self::child_before) are asked when the sessions are gone,
    /// but at the latest when their own share of the stop timeout begins. For them to outlive a
    /// drain that needs all of its time, let the stop timeout be this long for each of them, and
    /// once more.
    ///
    /// ```
    /// # use session_supervisor::{Application, Options};
    /// use std::time::Duration;
    ///
    /// let application = Application::new(Options::new().name("chats"))
    ///     .drain_sessions(Duration::from_secs(20));
    /// # let _ = application;
    /// ```
    pub fn drain_sessions(mut self, within: Duration) -> Self {
        self.drain = Some(within);
        self
    }

    /// Leaves SIGHUP to the program, for instance to read its configuration again. Without this it
    /// ends the application as SIGTERM does; with it, and without a handler of the program's own,
    /// it ends the process at once.
    pub fn without_hangup(mut self) -> Self {
        self.hangups = Hangups::LeftAlone;
        self
    }

    /// Runs the application until its end: [`start`](Self::start), then
    /// [`wait`](RunningApplication::wait).
    ///
    /// A signal that comes while children are started takes effect when all of them are started. If
    /// that takes longer than the [stop timeout](Self::stop_timeout), counted from the signal, or
    /// if a second Ctrl-C comes, what was started is killed. After a signal no further default
    /// session is started.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), but for a start that a signal ends: that is an [`Ended`] with
    /// [`Overdue`](EndCause::Overdue) or [`Interrupted`](EndCause::Interrupted). The exit status is
    /// 1 for an error; std uses that one too for an error of `main`.
    ///
    /// # Cancel safety
    ///
    /// Dropped while the children are started, it leaves nothing behind. Dropped later, the
    /// application runs on, and no signal is received any more.
    pub async fn run(self) -> Result<Ended, StartSupervisorError> {
        let mut signals = Signals::install(self.hangups)?;
        let (root, rest) = self.design();
        let root = tokio::select! {
            biased;
            root = Supervisor::start(root) => root?,
            // What was started is killed when the start is dropped.
            (_, cause) = signals.give_up(rest.stop_timeout) => return Ok(Ended::unfinished(cause).told(None, LITTLE_PATIENCE)),
        };
        let (running, sessions) = RunningApplication::of(root, signals, rest);
        Ok(running.until_the_end(sessions).await)
    }

    /// Starts the root with its children, then the default sessions, one after another.
    ///
    /// From the first poll on, Ctrl-C, SIGTERM and SIGHUP do not end the process any more, as long
    /// as it lives: [`RunningApplication::wait`] receives them. A signal that comes during the
    /// start is not lost: it takes effect when the children are started, and no further default
    /// session is started. A SIGHUP that was ignored when the program was started, as under
    /// `nohup`, stays ignored on Linux. Other systems do not say whether it was.
    ///
    /// # Errors
    ///
    /// As [`Supervisor::start`]; a bad value of the options is `InvalidOptions` too. `Failed` also
    /// if the runtime has no IO, which tokio needs for signals. `Failed` also if a signal came and
    /// the children were not started within the [stop timeout](Self::stop_timeout) after it, or
    /// before a second Ctrl-C. Then what was started is killed. A program that ends by
    /// `std::process::exit` does not wait for a start function that blocks its thread; one that
    /// returns from `main` does.
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
    /// assert!(sessions.is_running("lobby"));
    /// assert_eq!(running.stop().await.status(), 0);
    /// # }
    /// ```
    pub async fn start(self) -> Result<RunningApplication, StartSupervisorError> {
        let mut signals = Signals::install(self.hangups)?;
        let (root, rest) = self.design();
        let root = tokio::select! {
            biased;
            root = Supervisor::start(root) => root?,
            (signal, cause) = signals.give_up(rest.stop_timeout) => {
                let cause = format!("{cause}, after {signal}");
                return Err(StartSupervisorError::Failed { cause: Arc::new(cause.into()) });
            }
        };
        let undone = KillOnDrop::new(&root);
        let (mut running, sessions) = RunningApplication::of(root, signals, rest);
        tokio::select! {
            biased;
            () = sessions => {}
            // The wait sees the signal again.
            () = running.signalled() => {}
        }
        undone.defuse();
        Ok(running)
    }

    /// The root with its children, and what is left to do when it is up.
    fn design(self) -> (TreeSpec, Rest) {
        let (options, supervisor) = self.options.with_fixed_name();
        let mut root = self.root;
        for (role, spec) in self.before {
            root = root.child(role, spec);
        }
        let mut sessions = SessionSupervisor::child_spec(options);
        if let Some(within) = self.drain {
            sessions = sessions.shutdown(Shutdown::Drain(within));
        }
        root = root.child(Self::SESSIONS, sessions);
        for (role, spec) in self.after {
            root = root.child(role, spec);
        }
        let rest = Rest {
            supervisor,
            sessions: Unstarted::new(self.sessions),
            stop_timeout: self.stop_timeout,
        };
        (root, rest)
    }
}

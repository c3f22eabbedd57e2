//! A page in the browser that shows what the sessions of a supervisor do (feature `dashboard`).
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use session_supervisor::{Options, SessionSupervisor, dashboard};
//!
//! let chats = SessionSupervisor::start(Options::new().name("chats")).await?;
//! let app = axum::Router::new().nest("/sessions", dashboard(&chats));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! axum::serve(listener, app).await?;
//! # Ok(())
//! # }
//! ```
//!
//! The page shows the sessions by state and the rates of starts, restarts and failures over the last
//! 15 minutes, the sessions that failed most, a table of all sessions, a live feed of changes, and
//! of one session its past exits, its children, and what happens at its next failure. It needs no
//! build and loads nothing from another host.
//!
//! # Who may see it, and who may act
//!
//! **All who reach the router can read what it shows.** Put your own authentication in front of
//! it as a layer, or listen on loopback. It only shows, unless the program allows actions:
//! [`Dashboard::allow_actions`].
//!
//! Data and actions are there under an address of numbers, `localhost` or another name without a dot,
//! and under the host of each origin that the program [named](Dashboard::origin). A request that says
//! another `Host` is refused: otherwise a page of any site could have its own name point to this host
//! (DNS rebinding), and would be of the same origin. So name the origin under which people see the
//! dashboard; behind a proxy that says a host of its own, that of the proxy too.
//!
//! An action is carried out only if all of this holds: the request says an `Origin` that is its own
//! host, or one that the program [named](Dashboard::origin); it has the token of this dashboard,
//! which only a page of the same origin can read; and the program's check permits it. The first two
//! keep other sites from acting in the name of a user's browser. They keep nobody else out: that is
//! the check's.
//!
//! Each response has a content security policy without inline scripts and styles. Every text that a
//! user chose is shown as text.
//!
//! # What it costs
//!
//! One task per dashboard, from the call of [`dashboard()`] until the router is dropped or the
//! supervisor ends. Once a second it asks the supervisor for its counts, and reads the feed of
//! changes. What it keeps is bounded, whatever the number of sessions. At most 32 pages
//! ([`Dashboard::max_pages`]) are sent what happens. One that reads too slowly loses the oldest, is
//! told how much, and holds up nothing; when a page is closed nothing is kept of it. One that has read
//! nothing for half a minute gives its place to another that wants one.
//!
//! A request for the table looks at 10,000 sessions at most, and the table stays quick with a million.
//! In the order of their first start (`started`), the pages follow each other at the cost of what
//! they show. Sorted by `id`, `label`, `state`, `restarts` or `incarnation`, or filtered, a request
//! answers the best of what it has looked at and where to go on, and the page asks until all is seen.
//! There is no order of last starts.
//!
//! # The data, for pages of your own
//!
//! All paths are below the mount path. A time is a number of seconds since 1970, a duration one of
//! seconds. Fields may be added. An error is `{"error", "message"}`: a stable name, and a sentence.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET api/overview` | an *overview* |
//! | `GET api/events` | server-sent events, below |
//! | `GET api/sessions` | a *table*; parameters: `state` (names with commas), `find` (a part of an id, label or group; ASCII letters of either case), `sort`, `order` (`asc`, `desc`), `limit` (1 to 500; 100), `after` (the `next` of the answer before); in a sorted table `beyond_id` and `beyond`: the id and the sorted value of the last row that is known |
//! | `GET api/session?id=…` | a *session* |
//! | `POST api/action` | the form `action=stop&id=…` (`stop`, `restart`, `resume`, `discard`), with the header `x-session-supervisor-token`: `{"outcome": "done"}`, or with status 202 `"under_way"` if it takes longer than 10 s |
//!
//! The events, in this order: `overview` once; then `tick` once a second, `changes` when there are
//! some, at most four times a second, and `lagged` (`{"frames"}`: so many were lost to this reader).
//! `ended` is the last one if the supervisor has ended. A stream without any event for five seconds
//! is broken.
//!
//! - *overview*: `supervisor` (its name), `now`, `sessions` (*gauges*), `totals` (*totals*), `history`
//!   (columns of one length: `at`, the gauges, and the totals `starts`, `restarts` and `failures`; one
//!   entry a second, 15 minutes at most), `worst` (a list of `{"id", "label", "failures", "last",
//!   "at"}`: the failures of the last 15 minutes and the sentence of the last), `recent` (the last 100
//!   *changes*), `lost` (changes that were never seen), `actions` (whether there are some), and then
//!   `token`.
//! - *gauges*: `known`, and of these `running`, `starting`, `restarting`, `stopping`, `parked`, `stuck`.
//! - *totals*, since the supervisor began: `starts`, `failed_starts`, `restarts`, `failures`, `kills`,
//!   `parks`, `rejected`.
//! - `tick`: `now`, `sessions`, `totals`, `worst`, as above.
//! - `changes`: `changes` (a list, the oldest first, at most 100), `more` (so many more there were
//!   before these), `lost` (so many were never seen).
//! - *change*: `revision`, `at`, `id` (null: it is about the supervisor), `label`, `role` (of a child of a session that is a tree),
//!   `incarnation`, `event` (the stable name), `text` (the sentence), `failure` (whether it counts for
//!   `worst`).
//! - *table*: `sessions` (a list of *rows*), `exact` (the row whose id is `find`), `looked_at`, `next`
//!   (null at the end).
//! - *row*: `id`, `label`, `group`, `claims` (`{"kind", "value"}`), `state`, `incarnation`, `restarts`,
//!   `last_exit` (`normal`, `shutdown`, `killed`, `failed`, `not_running` or null).
//! - *session*: `session` (a *row*), `exits` (the last 8, the oldest first: `{"incarnation", "at",
//!   "uptime", "text"}`), `earlier` (how many there were before), `next` (what happens at the next
//!   failure, as a sentence), `children` (a list of *children*; null if it is no tree, or does not
//!   run).
//! - *child*: `name`, `label`, `state`, `incarnation`, `restarts`, `last_exit`, `children`, `more` (so
//!   many more it has), `unseen` (`ended`, `no_answer`, `left_out`: why that is not known).

mod actions;
mod assets;
mod detail;
mod feed;
mod history;
mod hub;
mod json;
mod origin;
/// How a page is served, for the crate in `cluster/`, which has one too.
#[doc(hidden)]
pub mod page;
mod parameters;
mod places;
mod refusal;
mod routes;
mod source;
mod stream;
mod table;
mod view;
mod worst;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;

pub use actions::{Action, ActionRequest};

use crate::SessionSupervisor;
use actions::Permission;
use hub::Hub;
use routes::Shown;
use source::Source;

/// How many pages are sent what happens, by default.
const PAGES: usize = 32;

/// A router with the dashboard of a supervisor, which only shows. See the [module](mod@self).
///
/// It may be mounted at any path with axum's `.nest(..)` or `.nest_service(..)`, or be used as it is.
/// axum's `.nest("/sessions", ..)` does not take `/sessions/` with a slash at the end: a program that
/// wants that too redirects it to `/sessions`.
/// It can be made outside of a runtime; its task runs on the supervisor's.
pub fn dashboard<S: Clone + Send + Sync + 'static>(supervisor: &SessionSupervisor) -> Router<S> {
    Dashboard::new(supervisor).router()
}

/// A dashboard with options of its own. See the [module](mod@self).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # use session_supervisor::{Dashboard, Options, SessionSupervisor};
/// # let chats = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
/// let admin = Dashboard::new(&chats)
///     .allow_actions(|request| request.headers.get("x-user").is_some_and(|user| user == "admin"))
///     .origin("https://ops.example.com");
/// let app: axum::Router = axum::Router::new().nest("/sessions", admin.router());
/// # drop(app);
/// # chats.stop().await.unwrap();
/// # }
/// ```
#[must_use = "it is shown by its router"]
pub struct Dashboard {
    source: Source,
    permission: Option<Permission>,
    origins: Vec<String>,
    most: usize,
    end: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl fmt::Debug for Dashboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dashboard")
            .field("supervisor", &self.source.supervisor().name())
            .finish_non_exhaustive()
    }
}

impl Dashboard {
    /// A dashboard of this supervisor, which only shows.
    pub fn new(supervisor: &SessionSupervisor) -> Self {
        Self {
            source: Source::new(supervisor),
            permission: None,
            origins: Vec::new(),
            most: PAGES,
            end: None,
        }
    }

    /// Allows the actions that the check permits: stop and restart a session, resume and discard a
    /// parked one. The default is none.
    ///
    /// The check decides each request by its headers, the action and the id. It runs on a thread of
    /// tokio's blocking pool, so it may block. If it panics, or takes longer than 5 s, the answer is a
    /// refusal. At most 64 requests are checked or carried out at a time. The page shows its buttons
    /// to everybody.
    ///
    /// A program that wants a record of what was done writes it in its check.
    ///
    /// **A check that looks at nothing lets everybody act who can reach the router**, and pages of
    /// other sites too if these can take its host name (DNS rebinding).
    pub fn allow_actions(
        mut self,
        check: impl Fn(&ActionRequest) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.permission = Some(Permission::by(check));
        self
    }

    /// Answers requests for the host of this origin too, and accepts actions of pages that were loaded
    /// from it: a scheme and a host, with a port if it is not the usual one, such as
    /// `https://ops.example.com`. It is needed where people see the dashboard under a name with a dot,
    /// and behind a proxy that changes the header `Host`. May be called several times.
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        let origin: String = origin.into();
        self.origins.push(origin.trim_end_matches('/').to_owned());
        self
    }

    /// At most so many pages are sent what happens; the default is 32, and 0 means none. Further
    /// ones get the status 503.
    pub fn max_pages(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    /// Ends the streams of open pages when this future is ready.
    ///
    /// axum's graceful shutdown waits for all responses, and those streams have no end of their own
    /// before the supervisor's. So give it the future that shuts down the server:
    /// `stop.requested()` in a [task](crate::ChildSpec::task).
    pub fn close_on(mut self, end: impl Future<Output = ()> + Send + 'static) -> Self {
        self.end = Some(Box::pin(end));
        self
    }

    /// The router. Its task begins now.
    pub fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let runtime = self.source.runtime().clone();
        let hub = Hub::start(self.source);
        let closing = self.end.map(|end| {
            let hub = Arc::downgrade(&hub);
            let task = runtime.spawn(async move {
                end.await;
                if let Some(hub) = hub.upgrade() {
                    hub.close();
                }
            });
            task.abort_handle()
        });
        routes::router(Shown::new(
            hub,
            self.permission,
            self.origins,
            self.most,
            closing,
        ))
    }
}

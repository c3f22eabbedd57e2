//! A page in the browser that shows the nodes and the shards of a cluster (feature `dashboard`).
//!
//! ```no_run
//! # async fn serve(cluster: session_supervisor_cluster::ClusterSupervisor) -> std::io::Result<()> {
//! use session_supervisor_cluster::dashboard;
//!
//! let app = axum::Router::new().nest("/cluster", dashboard(&cluster));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! axum::serve(listener, app).await
//! # }
//! ```
//!
//! The page shows what one node knows: all nodes, with their shards, sessions and leases; every shard,
//! in the colour of its owner and in a table, those without an owner and those that are being handed
//! over first of all; what this node may do, how old its lease is, and what keeps it from its work; and
//! what has changed while a page was open. Below `sessions/` is the dashboard of the library for the sessions of this node
//! ([`session_supervisor::dashboard`](mod@session_supervisor::dashboard)). It needs no build and loads
//! nothing from another host.
//!
//! # Who may see it
//!
//! **All who reach the router can read what it shows.** Put your own authentication in front of it as
//! a layer, or listen on loopback. The page of the cluster only shows. That of the sessions does too,
//! unless the program allows actions: [`ClusterDashboard::sessions`].
//!
//! Data are there under an address of numbers, `localhost` or another name without a dot, and under
//! the host of each origin that the program [named](ClusterDashboard::origin). A request that says
//! another `Host` is refused: otherwise a page of any site could have its own name point to this host
//! (DNS rebinding), and would be of the same origin. Each response has a content security policy
//! without inline scripts and styles. Every text that a node says of itself is shown as text.
//!
//! # What it costs
//!
//! Nothing looks at the cluster while no page is open. With the first page a task begins, and it ends with the last one,
//! and with it what it has kept. It looks at the node four times a second, whatever the number of
//! pages, and sends no message for that. Every two seconds it asks the other nodes, 32 at a time, how many
//! sessions they have and how old their leases are. At most 32 pages
//! ([`ClusterDashboard::max_pages`]) are sent what happens. One that reads too slowly loses updates, is
//! told how many, and is sent everything anew; it holds up nothing. One that has read nothing for half
//! a minute gives its place to another that wants one. The dashboard of the sessions has its own task
//! and its own pages.
//!
//! # The data, for pages of your own
//!
//! All paths are below the mount path. A time is a number of seconds since 1970 by the clock of this
//! node, a duration one of seconds. Fields may be added. An error is `{"error", "message"}`: a stable
//! name, and a sentence.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET api/overview` | an *overview* |
//! | `GET api/events` | server-sent events, below |
//! | `GET api/shards` | a *table* of shards; parameters: `owner` (the name of a node), `state` (`owned`, `moving`, `unowned`), `limit` (1 to 500; 100), `after` (the `next` of the answer before) |
//! | `GET sessions/…` | the data of the library's dashboard |
//!
//! The events: `overview` first; then `tick` at least once a second, and `changes` when there are some,
//! at most four times a second; `lagged` (`{"frames"}`: so many were lost to this reader), which an
//! `overview` follows. `ended` is the last one if the node has left the cluster. A stream without any
//! event for five seconds is broken.
//!
//! - *overview*: all of a *tick*, and `cluster` (its name), `shards` (a *grid*), `changes` (the last 100
//!   *changes*), `since` (since when changes are seen: since the first of the open pages).
//! - `tick`: `now`, `revision` (of etcd, as of which the node knows), `here` (*this node*), `planner` (the
//!   node that plans, or null), `nodes` (a list of *nodes* in the order of their names, at most 500),
//!   `more_nodes` (so many more there are), `unowned` and `moving` (how many shards).
//! - *this node*: `node`, `stage` (`joined`, `draining`, `leaving`, `rejoining`, `left`), `standing`
//!   (`serving`: it admits starts and messages; `ending`: it admits nothing and stops its sessions; `over`: it kills
//!   what is left; null: it is in no cluster), `lease` (how long one lasts), `lease_age` (since the
//!   latest confirmed renewal was sent), `serves_for` (for how long it admits something if no renewal
//!   comes), `owned` and `moving` (how many shards it serves, and is claiming or giving up), `faults` (what
//!   keeps it from its work: a list of *faults*, at most 20), `more_faults` (so many more there are).
//! - *fault*: `kind` (the stable name, [`Fault::name`](crate::Fault::name)), `text` (the sentence).
//! - *node*: `name`, `address`, `incarnation` (a text), `weight`, `leaving`, `planner`, `shards` (how many
//!   it owns), `planned` (how many it is to own; null: no plan is known), `sessions` and `lease_age` (null: it has not told),
//!   `connection` (`here`, `up`, `greeting`, `handshaking`, `dialling`, `pausing`, `awaited`, `unknown`),
//!   `heard_ago`, `in_flight`, `waiting` (requests of this node to it), `last_error` (why the last
//!   connection ended).
//! - *grid*: `count`, `names` (of the nodes in it), and columns with an entry for each shard: `owner` and
//!   `planned` (places in `names`, or null), `epoch`; `unowned` and `moving`: the numbers of the shards
//!   in these states. A shard is `moving` while its owner is not the planned one, or gives it up.
//! - *table*: `shards` (a list of *rows*), `matching` (how many shards the parameters fit), `next` (null
//!   at the end), `revision`.
//! - *row*: `shard` (its number), `owner`, `incarnation` (of the owner, a text), `epoch`, `planned`,
//!   `state`, `here` (how this node stands to it: `claiming`, `owned`, `draining`, `releasing`, `lost`, or
//!   null).
//! - `changes`: `revision`, `shards` (a list of *rows*: those that are not as they were), `changes` (a list,
//!   the oldest first, at most 100), `more` (so many more there were before these).
//! - *change*: `number`, `at` (when it was seen), `kind` (`joined`, `rejoined`, `leaving`, `gone`,
//!   `planner`, `shards`, `unowned`, `authority`, `stage`), `node` (which it is about, or null), `text`
//!   (the sentence), `warning` (whether it needs a look).

mod assets;
mod changes;
mod json;
mod routes;
mod sampler;
mod sessions;
mod source;
mod stream;
mod table;
mod told;
mod view;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use session_supervisor::Dashboard;

use crate::cluster_supervisor::ClusterSupervisor;
use routes::Shown;
use sampler::Hub;
use source::Source;

/// How many pages are sent what happens, by default.
const PAGES: usize = 32;

/// A router with the dashboard of a cluster, as one of its nodes sees it. It only shows. See the
/// [module](mod@self).
///
/// It may be mounted at any path with axum's `.nest(..)` or `.nest_service(..)`, or be used as it is.
/// axum's `.nest("/cluster", ..)` does not take `/cluster/` with a slash at the end: a program that
/// wants that too redirects it to `/cluster`.
pub fn dashboard<S: Clone + Send + Sync + 'static>(cluster: &ClusterSupervisor) -> Router<S> {
    ClusterDashboard::new(cluster).router()
}

/// A dashboard of a cluster with options of its own. See the [module](mod@self).
///
/// ```no_run
/// # use session_supervisor_cluster::{ClusterDashboard, ClusterSupervisor};
/// # fn app(cluster: &ClusterSupervisor) -> axum::Router {
/// let admin = ClusterDashboard::new(cluster)
///     .origin("https://ops.example.com")
///     .sessions(|page| {
///         page.allow_actions(|request| {
///             request.headers.get("x-user").is_some_and(|user| user == "admin")
///         })
///     });
/// axum::Router::new().nest("/cluster", admin.router())
/// # }
/// ```
#[must_use = "it is shown by its router"]
pub struct ClusterDashboard {
    source: Arc<dyn Source>,
    sessions: Dashboard,
    origins: Vec<String>,
    most: usize,
    end: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl fmt::Debug for ClusterDashboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterDashboard")
            .field("sessions", &self.sessions)
            .finish_non_exhaustive()
    }
}

impl ClusterDashboard {
    /// A dashboard of the cluster as this node sees it, which only shows.
    pub fn new(cluster: &ClusterSupervisor) -> Self {
        let sessions = Dashboard::new(cluster.sessions());
        Self::of(Arc::new(cluster.clone()), sessions)
    }

    fn of(source: Arc<dyn Source>, sessions: Dashboard) -> Self {
        Self {
            source,
            sessions,
            origins: Vec::new(),
            most: PAGES,
            end: None,
        }
    }

    /// Answers requests for the host of this origin too, and accepts actions on sessions of pages that
    /// were loaded from it: a scheme and a host, with a port if it is not the usual one, such as
    /// `https://ops.example.com`. It is needed where people see the dashboard under a name with a dot,
    /// and behind a proxy that changes the header `Host`. May be called several times.
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        let origin: String = origin.into();
        let origin = origin.trim_end_matches('/').to_owned();
        self.sessions = self.sessions.origin(origin.as_str());
        self.origins.push(origin);
        self
    }

    /// At most `most` pages of the cluster are sent what happens, and as many of the sessions; the
    /// default is 32, and 0 means none. Further ones get the status 503.
    pub fn max_pages(mut self, most: usize) -> Self {
        self.sessions = self.sessions.max_pages(most);
        self.most = most;
        self
    }

    /// Ends the streams of open pages when this future is ready, those of the sessions too.
    ///
    /// axum's graceful shutdown waits for all responses, and those streams have no end of their own
    /// before the node has left. So give it the future that shuts down the server.
    pub fn close_on(mut self, end: impl Future<Output = ()> + Send + 'static) -> Self {
        self.end = Some(Box::pin(end));
        self
    }

    /// Sets options of the dashboard of the sessions, such as the actions that it allows.
    pub fn sessions(mut self, configure: impl FnOnce(Dashboard) -> Dashboard) -> Self {
        self.sessions = configure(self.sessions);
        self
    }

    /// The router. The task of the sessions' dashboard begins now, that of the cluster's with the
    /// first page.
    pub fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let hub = Hub::new(self.source);
        let mut sessions = self.sessions;
        if let Some(end) = self.end {
            // The sessions' dashboard waits for it, on the runtime of their supervisor.
            let closing = Arc::downgrade(&hub);
            sessions = sessions.close_on(async move {
                end.await;
                if let Some(hub) = closing.upgrade() {
                    hub.close();
                }
            });
        }
        let shown = Shown::new(hub, self.origins, self.most);
        routes::router(shown).nest("/sessions", sessions::router(sessions))
    }
}

#[cfg(test)]
mod tests;

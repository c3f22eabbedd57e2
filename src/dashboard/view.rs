//! What the dashboard shows, in its own words: no value of a user's is in it but texts, so it may be
//! kept, compared and dropped anywhere. `source` translates what the library tells into it.

use std::sync::Arc;
use std::time::Duration;

use super::json::{By, ToJson, list, object};
use crate::SessionId;

/// How many sessions there are, by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Gauges {
    pub(super) known: u64,
    pub(super) running: u64,
    pub(super) starting: u64,
    pub(super) restarting: u64,
    pub(super) stopping: u64,
    pub(super) parked: u64,
    pub(super) stuck: u64,
}

impl ToJson for Gauges {
    fn write(&self, out: &mut String) {
        object(out)
            .field("known", &self.known)
            .field("running", &self.running)
            .field("starting", &self.starting)
            .field("restarting", &self.restarting)
            .field("stopping", &self.stopping)
            .field("parked", &self.parked)
            .field("stuck", &self.stuck)
            .end();
    }
}

/// What has happened since the supervisor began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Starts that succeeded.
    pub(super) starts: u64,
    /// Starts that failed, ignored ones among them.
    pub(super) failed_starts: u64,
    /// Restarts that were decided.
    pub(super) restarts: u64,
    /// Incarnations that failed.
    pub(super) failures: u64,
    /// Incarnations that were killed.
    pub(super) kills: u64,
    /// Sessions that were parked.
    pub(super) parks: u64,
    /// Starts that were refused.
    pub(super) rejected: u64,
}

impl ToJson for Totals {
    fn write(&self, out: &mut String) {
        object(out)
            .field("starts", &self.starts)
            .field("failed_starts", &self.failed_starts)
            .field("restarts", &self.restarts)
            .field("failures", &self.failures)
            .field("kills", &self.kills)
            .field("parks", &self.parks)
            .field("rejected", &self.rejected)
            .end();
    }
}

/// A session in the table.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: SessionId,
    pub(super) label: Option<Arc<str>>,
    pub(super) group: Option<Arc<str>>,
    /// Kind and value of each claim.
    pub(super) claims: Vec<(String, String)>,
    pub(super) state: State,
    pub(super) incarnation: u64,
    pub(super) restarts: u64,
    /// How its last incarnation ended, in a word.
    pub(super) last_exit: Option<&'static str>,
}

impl ToJson for Row {
    fn write(&self, out: &mut String) {
        let claim = |(kind, value): &(String, String)| {
            let (kind, value) = (kind.clone(), value.clone());
            By(move |out: &mut String| {
                object(out)
                    .field("kind", &kind)
                    .field("value", &value)
                    .end();
            })
        };
        let claims = By(|out: &mut String| list(self.claims.iter().map(claim), out));
        object(out)
            .field("id", &self.id)
            .field("label", &self.label)
            .field("group", &self.group)
            .field("claims", &claims)
            .field("state", self.state.name())
            .field("incarnation", &self.incarnation)
            .field("restarts", &self.restarts)
            .field("last_exit", &self.last_exit)
            .end();
    }
}

/// What a session is doing, in the order in which a sorted table shows them: what needs a look
/// first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Stuck,
    Parked,
    Restarting,
    Starting,
    Stopping,
    Running,
}

impl State {
    pub(super) const ALL: [Self; 6] = [
        Self::Stuck,
        Self::Parked,
        Self::Restarting,
        Self::Starting,
        Self::Stopping,
        Self::Running,
    ];

    /// The stable name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Stuck => "stuck",
            Self::Parked => "parked",
            Self::Restarting => "restarting",
            Self::Starting => "starting",
            Self::Stopping => "stopping",
            Self::Running => "running",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Whether a change is one that the worst offenders are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// An incarnation failed or was killed, or a start failed.
    Failure,
    /// Anything else.
    Plain,
}

/// A line of the live feed.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) revision: u64,
    /// Since 1970.
    pub(super) at: Duration,
    /// None: it is about the supervisor.
    pub(super) id: Option<SessionId>,
    pub(super) label: Option<Arc<str>>,
    /// Of a child of a session that is a tree.
    pub(super) role: Option<Arc<str>>,
    pub(super) incarnation: u64,
    /// The stable name of what happened.
    pub(super) event: &'static str,
    /// The sentence for people.
    pub(super) text: Arc<str>,
    pub(super) weight: Weight,
}

impl ToJson for Change {
    fn write(&self, out: &mut String) {
        object(out)
            .field("revision", &self.revision)
            .field("at", &self.at)
            .field("id", &self.id)
            .field("label", &self.label)
            .field("role", &self.role)
            .field("incarnation", &self.incarnation)
            .field("event", self.event)
            .field("text", &self.text)
            .field("failure", &(self.weight == Weight::Failure))
            .end();
    }
}

/// An exit of a session, or a restart that failed.
#[derive(Clone, Debug)]
pub(super) struct Past {
    pub(super) incarnation: u64,
    /// Since 1970.
    pub(super) at: Duration,
    pub(super) uptime: Duration,
    /// The sentence for people.
    pub(super) text: String,
}

impl ToJson for Past {
    fn write(&self, out: &mut String) {
        object(out)
            .field("incarnation", &self.incarnation)
            .field("at", &self.at)
            .field("uptime", &self.uptime)
            .field("text", &self.text)
            .end();
    }
}

//! How a gateway listens, dials and limits.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::tls::Tls;

/// How a gateway listens, dials and limits.
///
/// ```
/// use session_supervisor_cluster::gateway::GatewayOptions;
///
/// let options = GatewayOptions::new("a long secret").listen(([10, 0, 0, 7], 7_000).into());
/// // The cookie is not shown.
/// assert!(!format!("{options:?}").contains("secret"));
/// ```
#[derive(Clone)]
#[must_use]
pub struct GatewayOptions {
    pub(super) listen: SocketAddr,
    pub(super) cookie: String,
    pub(super) tls: Option<Tls>,
    pub(super) in_flight: usize,
    pub(super) waiting: usize,
    pub(super) serving: usize,
    pub(super) pulse: Duration,
}

impl GatewayOptions {
    /// It listens on a free port of the loopback interface, without TLS.
    ///
    /// All nodes of a cluster have the same cookie. It proves that a peer may connect, and neither
    /// encrypts nor signs what is said afterwards: beyond one machine, use [`tls`](Self::tls), or a
    /// network of which each host may start and stop any session.
    pub fn new(cookie: impl Into<String>) -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            cookie: cookie.into(),
            tls: None,
            in_flight: 256,
            waiting: 4_096,
            serving: 1_024,
            pulse: Duration::from_secs(1),
        }
    }

    /// Listens on this address. Port 0 takes a free one, which
    /// [`Gateway::address`](super::Gateway::address) tells.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Speaks TLS with all peers, and nothing else.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// How many requests of a [class](super) may be without an answer at each peer, at least 1; 256 if
    /// this is not called. Those beyond it wait for their turn, as long as their timeouts allow, and so do
    /// those beyond 32 MiB of a class.
    pub fn in_flight(mut self, most: usize) -> Self {
        self.in_flight = most.clamp(1, 65_536);
        self
    }

    /// How many requests of a [class](super) may wait for their turn at each peer; 4,096 if this is not
    /// called. Those beyond it fail with [`Overloaded`](super::AskError::Overloaded).
    pub fn waiting(mut self, most: usize) -> Self {
        self.waiting = most;
        self
    }

    /// How many requests of a [class](super) are carried out at once, for all peers together, at least 1;
    /// 1,024 if this is not called. Those beyond it are answered with
    /// [`NobodyNow`](crate::wire::Answer::NobodyNow).
    pub fn serving(mut self, most: usize) -> Self {
        self.serving = most.clamp(1, 65_536);
        self
    }

    /// Each peer is asked for a sign of life at this interval; 1 s if this is not called. After three
    /// intervals without any answer, requests fail at once; after ten, the connection is closed, and
    /// made anew.
    pub fn pulse(mut self, interval: Duration) -> Self {
        self.pulse = interval.clamp(Duration::from_millis(10), Duration::from_secs(60));
        self
    }

    /// Without any answer for so long, a peer is not sent anything but pulses.
    pub(super) fn silent_after(&self) -> Duration {
        self.pulse * 3
    }

    /// Without any answer for so long, its connection is closed.
    pub(super) fn reset_after(&self) -> Duration {
        self.pulse * 10
    }
}

impl fmt::Debug for GatewayOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayOptions")
            .field("listen", &self.listen)
            .field("tls", &self.tls)
            .field("in_flight", &self.in_flight)
            .field("waiting", &self.waiting)
            .field("serving", &self.serving)
            .field("pulse", &self.pulse)
            .finish_non_exhaustive()
    }
}

//! The renewals of a lease.

use std::time::Duration;

use etcd_client::{Client, Error, GetOptions, LeaseKeepAliveStream, LeaseKeeper, ResponseHeader};
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{debug, error, info, warn};

use crate::clock::Clock;
use crate::engine::{Authority, Backoff, BootTime, Renewal, Retry, Standing};

use super::Etcd;
use super::error::EtcdError;
use super::history::Position;
use super::lease::{LeaseState, Lost};
use super::values::random;

/// The two directions of the renewals.
type Stream = Box<(LeaseKeeper, LeaseKeepAliveStream)>;

pub(super) struct Keepalive {
    etcd: Etcd,
    id: i64,
    clock: Clock,
    authority: Authority,
    /// When the latest confirmed renewal was sent.
    sent: BootTime,
    tell: watch::Sender<LeaseState>,
    /// Dropped after every failure: a late answer to an earlier renewal must not be taken for one to a
    /// later one.
    stream: Option<Stream>,
    retry: Retry,
}

/// What one renewal has come to.
enum Answer {
    /// The lease was renewed after that moment, by a server that was the leader then.
    Renewed {
        sent: BootTime,
        stream: Stream,
        /// Where etcd was when it was confirmed.
        found: Option<Position>,
    },
    /// The leader of etcd has changed meanwhile. Whether the lease was renewed is not known.
    Unconfirmed,
    /// etcd does not know the lease.
    Gone,
}

impl Keepalive {
    pub(super) fn new(
        etcd: Etcd,
        id: i64,
        clock: Clock,
        authority: Authority,
        tell: watch::Sender<LeaseState>,
    ) -> Self {
        let (LeaseState::Held { sent } | LeaseState::Lost { sent, .. }) = *tell.borrow();
        let first = Duration::from_millis(20);
        let longest = (authority.ttl().length() / 16).max(first);
        // The bounds are in order, so this is never the default.
        let backoff = Backoff::new(first, longest).unwrap_or_default();
        Self {
            etcd,
            id,
            clock,
            authority,
            sent,
            tell,
            stream: None,
            retry: Retry::new(backoff, random()),
        }
    }

    pub(super) async fn run(mut self) {
        let mut pause = self.until_due(self.sent);
        loop {
            // No pause outlives the authority: at its end the loss is told at once.
            sleep(pause.min(self.left())).await;
            if self.left().is_zero() {
                return self.lost(Lost::NotRenewed);
            }
            pause = match self.renew().await {
                Ok(Answer::Renewed { sent, stream, .. }) => {
                    let now = self.clock.now();
                    if self.authority.renewed(sent, now) == Renewal::TooLate {
                        return self.lost(Lost::NotRenewed);
                    }
                    self.held(sent, stream);
                    self.until_due(sent)
                }
                Ok(Answer::Gone) | Err(EtcdError::LeaseGone { .. }) => {
                    return self.lost(Lost::Gone);
                }
                Err(EtcdError::WentBack(why)) => return self.lost(Lost::WentBack(why)),
                Ok(Answer::Unconfirmed) => {
                    debug!(
                        lease = self.id,
                        "the leader of etcd has changed; the renewal is repeated"
                    );
                    self.retry.failed()
                }
                Err(error) => self.failed(&error),
            };
        }
    }

    /// How long until the next renewal: it is sent a quarter of the lease after this one was.
    fn until_due(&self, sent: BootTime) -> Duration {
        let quarter = self.authority.ttl().length() / 4;
        quarter.saturating_sub(self.clock.now().since(sent))
    }

    /// How long the node still serves.
    fn left(&self) -> Duration {
        let now = self.clock.now();
        match self.authority.standing(now) {
            Standing::Serving => self.authority.serves_until().since(now),
            _ => Duration::ZERO,
        }
    }

    /// Sends one renewal, and waits until it is confirmed.
    async fn renew(&mut self) -> Result<Answer, EtcdError> {
        let ttl = self.authority.ttl().length();
        let within = self.etcd.connection.request_timeout();
        // Three attempts fit between the first renewal that is due and the end of the authority.
        let within = within.min(ttl / 8).min(self.left());
        let (id, key, clock) = (self.id, self.etcd.confirming_key(), &self.clock);
        let stream = self.stream.take();
        let asked = |mut client: Client| async move {
            let mut stream = match stream {
                Some(stream) => stream,
                // Opening it renews the lease too. The client keeps that answer to itself.
                None => Box::new(client.lease_keep_alive(id).await?),
            };
            let (sender, answers) = &mut *stream;
            let sent = clock.now();
            sender.keep_alive().await?;
            let answer = answers.message().await?;
            let answer =
                answer.ok_or_else(|| Error::LeaseKeepAliveError("the stream is over".into()))?;
            if answer.id() != id {
                return Err(Error::LeaseKeepAliveError("it is of another lease".into()));
            }
            if answer.ttl() <= 0 {
                return Ok(Answer::Gone);
            }
            let options = GetOptions::new().with_count_only();
            let read = client.get(key, Some(options)).await?;
            let renewed_in = answer.header().map(ResponseHeader::raft_term);
            let confirmed_in = read.header().map(ResponseHeader::raft_term);
            if renewed_in.is_none() || renewed_in != confirmed_in {
                return Ok(Answer::Unconfirmed);
            }
            let found = Position::of(read.header());
            Ok(Answer::Renewed {
                sent,
                stream,
                found,
            })
        };
        let request = "a renewal of the lease";
        let seen = self.etcd.history.seen();
        let answer = self
            .etcd
            .connection
            .call_within(request, within, asked)
            .await?;
        if let Answer::Renewed { found, .. } = &answer {
            self.etcd.history.answered(request, seen, *found)?;
        }
        Ok(answer)
    }

    fn held(&mut self, sent: BootTime, stream: Stream) {
        if self.retry.failures() > 0 {
            info!(lease = self.id, "the lease is renewed again");
            self.retry.succeeded();
        }
        self.sent = sent;
        self.stream = Some(stream);
        self.tell.send_replace(LeaseState::Held { sent });
    }

    fn failed(&mut self, error: &EtcdError) -> Duration {
        let left = self.left();
        if self.retry.failures() == 0 {
            warn!(lease = self.id, %error, ?left, "the lease was not renewed; it is tried again");
        } else {
            debug!(lease = self.id, %error, ?left, "the lease was not renewed; it is tried again");
        }
        self.retry.failed()
    }

    fn lost(&self, why: Lost) {
        let sent = self.sent;
        error!(lease = self.id, %why, "the lease is lost; the node has to end what it runs");
        self.tell.send_replace(LeaseState::Lost { sent, why });
    }
}

//! Doing what is asked, on the node that owns the id: for callers of this node and of others alike.

mod answers;
mod list;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use session_supervisor::error as plain;
use session_supervisor::{Ensured, SessionState};
use session_supervisor_store::error::StopError;
use session_supervisor_store::{DurableSupervisor, Kept, Standing};
use tokio::sync::Notify;

use crate::admission::Admission;
use crate::chain::chain;
use crate::engine::{Begin, Epoch, RequestId, Requests};
use crate::feed::NodeFeed;
use crate::meter::Meter;
use crate::remote::{Delivered, Delivery, Letter};
use crate::wire::{
    Answer, Ask, Done, Figures, Found, How, Payload, RefusalKind, Request, StartedHow, Wanted,
    fitting,
};
pub(crate) use answers::check_id;
use answers::{is_of_here, later, not_here, not_started, refused, size};

/// What this node does for those who ask it.
#[derive(Clone)]
pub(crate) struct Local {
    pub(crate) admission: Arc<Admission>,
    pub(crate) sessions: DurableSupervisor,
    pub(crate) deliveries: Arc<HashMap<&'static str, Delivery>>,
    pub(crate) requests: Known,
    /// Told that this node is to leave.
    pub(crate) leave: Arc<Notify>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) feed: Arc<NodeFeed>,
}

/// What must not be done twice, by what it waits for: a start or a stop goes on when its caller has given up,
/// and as many of them as can be remembered take no places of calls.
#[derive(Clone, Default)]
pub(crate) struct Known {
    starts: Arc<Asked>,
    stops: Arc<Asked>,
    messages: Arc<Asked>,
}

impl Known {
    /// None: it may be done twice.
    const fn of(&self, ask: &Ask) -> Option<&Arc<Asked>> {
        match ask {
            Ask::Start { .. } => Some(&self.starts),
            Ask::Stop { .. } => Some(&self.stops),
            Ask::Call { .. } => Some(&self.messages),
            Ask::Hello(_) | Ask::Lookup { .. } | Ask::List { .. } | Ask::Leave | Ask::Figures => {
                None
            }
        }
    }
}

/// The requests that were sent once more, maybe, and what they were answered.
#[derive(Default)]
struct Asked {
    requests: Mutex<Requests<Answer>>,
    answered: Notify,
}

impl Local {
    /// Carries out a request. What must not be done twice is not.
    pub(crate) async fn serve(&self, request: Request) -> Answer {
        match (&request.from, self.requests.of(&request.ask)) {
            (Some(_), Some(known)) => {
                let known = Arc::clone(known);
                self.serve_once(request, known).await
            }
            // One of this node's own callers is sent again only after it was answered that nothing was done,
            // so it takes no place among those that are known.
            (None, Some(_)) => self.begun(request, None).await,
            (_, None) => self.carry_out(request.ask, request.deadline_ms).await,
        }
    }

    async fn serve_once(&self, request: Request, known: Arc<Asked>) -> Answer {
        let now = || self.admission.clock().now();
        loop {
            let answered = known.answered.notified();
            tokio::pin!(answered);
            answered.as_mut().enable();
            {
                let mut requests = known.lock();
                match requests.begin(request.id, now()) {
                    Begin::New => break,
                    Begin::Done(answer) => return answer.clone(),
                    Begin::Full => return later(),
                    Begin::Running => {}
                }
            }
            answered.await;
        }
        let open = Unanswered(known, Some(request.id));
        self.begun(request, Some(open)).await
    }

    /// A deadline or a caller who goes away drops this future. What was begun goes on, and the same request
    /// finds it.
    async fn begun(&self, request: Request, open: Option<Unanswered>) -> Answer {
        let local = self.clone();
        let task = tokio::spawn(async move {
            let answer = local.carry_out(request.ask, request.deadline_ms).await;
            if let Some(open) = open {
                open.done(&answer, local.admission.clock().now());
            }
            answer
        });
        match task.await {
            Ok(answer) => answer,
            Err(error) => refused(RefusalKind::Panicked, error.to_string()),
        }
    }

    async fn carry_out(&self, ask: Ask, deadline_ms: u32) -> Answer {
        let answer = match ask {
            Ask::List { after, most } => self.list(after.as_deref(), most).await,
            Ask::Leave => {
                self.leave.notify_one();
                Answer::Done(Done::Leaving)
            }
            Ask::Figures => Answer::Done(Done::Figures(self.figures())),
            ask => self.carry_out_here(ask, deadline_ms).await,
        };
        // Also for a caller of this node: what works for it works when the session has moved.
        fitting(answer)
    }

    /// Carries out what is asked of one id, if this node owns it, and as long as it does.
    async fn carry_out_here(&self, ask: Ask, deadline_ms: u32) -> Answer {
        let (Ask::Start { id, .. } | Ask::Lookup { id } | Ask::Stop { id } | Ask::Call { id, .. }) =
            &ask
        else {
            // A hello is answered by the gateway.
            return refused(RefusalKind::BadRequest, "nothing that this node can do");
        };
        let id = id.clone();
        let permit = match self.admission.enter(&id) {
            Ok(permit) => permit,
            Err(error) => return not_here(error),
        };
        let epoch = permit.epoch;
        // A start not here, if the shard is about to have another owner: it is started there.
        if matches!(ask, Ask::Start { .. })
            && !self.sessions.sessions().is_running(&id)
            && let Err(error) = self.admission.begins(&id)
        {
            return not_here(error);
        }
        let answer = match ask {
            Ask::Start {
                kind,
                arguments,
                how,
                ..
            } => self.start(&id, &kind, &arguments, how, epoch).await,
            Ask::Stop { .. } => self.stop(&id).await,
            Ask::Call {
                protocol,
                request,
                reply,
                ..
            } => {
                let timeout = match reply {
                    Wanted::Yes => Some(Duration::from_millis(deadline_ms.into())),
                    _ => None,
                };
                self.deliver(&id, &protocol, request, timeout).await
            }
            _ => Answer::Done(Done::Found(self.found(&id, epoch).await)),
        };
        if is_of_here(&answer) && self.admission.epoch_of(&id) != Ok(epoch) {
            return later();
        }
        answer
    }

    async fn start(
        &self,
        id: &str,
        kind: &str,
        arguments: &Payload,
        how: How,
        epoch: Epoch,
    ) -> Answer {
        let arguments: Box<serde_json::value::RawValue> =
            match serde_json::from_slice(arguments.as_slice()) {
                Ok(arguments) => arguments,
                Err(error) => return refused(RefusalKind::BadArguments, error.to_string()),
            };
        let started = match how {
            How::New => {
                let started = self.sessions.start_session(id, kind, &*arguments).await;
                started.map(|_| StartedHow::Created)
            }
            _ => {
                let ensured = self.sessions.ensure_session(id, kind, &*arguments).await;
                ensured.map(|ensured| match ensured {
                    Ensured::Created(_) => StartedHow::Created,
                    Ensured::Joined(_) => StartedHow::Joined,
                    _ => StartedHow::Existing,
                })
            }
        };
        match started {
            Ok(how) => Answer::Done(Done::Started {
                incarnation: self.incarnation(id).await,
                epoch: epoch.number(),
                how,
            }),
            Err(error) => not_started(&error),
        }
    }

    async fn incarnation(&self, id: &str) -> u64 {
        let info = self.sessions.sessions().session_info(id).await;
        info.ok().flatten().map_or(0, |info| info.incarnation)
    }

    async fn found(&self, id: &str, epoch: Epoch) -> Option<Found> {
        let kind = self.sessions.kind(id)?;
        let info = self.sessions.sessions().session_info(id).await;
        let info = info.ok().flatten();
        Some(Found {
            kind: kind.to_string(),
            incarnation: info.as_ref().map_or(0, |info| info.incarnation),
            epoch: epoch.number(),
            state: info.map_or_else(|| "kept".to_owned(), |info| info.state.to_string()),
        })
    }

    async fn stop(&self, id: &str) -> Answer {
        match self.sessions.stop_session(id).await {
            Ok(exit) => Answer::Done(Done::Stopped(exit.to_string())),
            Err(StopError::NotFound) => refused(RefusalKind::NotFound, "no such session"),
            Err(error @ StopError::Store(_)) => refused(RefusalKind::Store, chain(&error)),
            Err(error) => refused(RefusalKind::Other, chain(&error)),
        }
    }

    /// What this node tells of itself. It sends no message.
    pub(crate) fn figures(&self) -> Figures {
        let now = self.admission.clock().now();
        let age = self.admission.with(|holder| holder.authority().age(now));
        let sessions = self.sessions.sessions().stats().sessions.specs;
        Figures {
            sessions: u64::try_from(sessions).unwrap_or(u64::MAX),
            lease_age_ms: age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        }
    }

    async fn deliver(
        &self,
        id: &str,
        protocol: &str,
        request: Payload,
        timeout: Option<Duration>,
    ) -> Answer {
        let Some(delivery) = self.deliveries.get(protocol) else {
            let text = format!("no kind here takes messages of protocol {protocol:?}");
            return refused(RefusalKind::UnknownKind, text);
        };
        let letter = Letter {
            sessions: self.sessions.sessions().clone(),
            id: id.to_owned(),
            request: request.into_vec(),
        };
        match delivery.deliver(letter, timeout).await {
            Delivered::Reply(reply) => Answer::Done(Done::Reply(Payload::from(reply))),
            Delivered::Taken => Answer::Done(Done::Delivered),
            Delivered::Unanswered => refused(RefusalKind::NoReply, "the session did not reply"),
            Delivered::Unreadable(text) => refused(RefusalKind::BadArguments, text),
            Delivered::NotTaken(reason) => {
                let kind = match reason {
                    plain::NotTaken::NotRunning if self.is_to_run(id) => return later(),
                    plain::NotTaken::Unavailable {
                        state: SessionState::Starting | SessionState::Restarting,
                    } => return later(),
                    plain::NotTaken::NotRunning => RefusalKind::NotFound,
                    plain::NotTaken::WrongMessageType => RefusalKind::BadArguments,
                    _ => RefusalKind::Stopping,
                };
                refused(kind, chain(&reason))
            }
        }
    }

    /// Whether a session that does not run is about to: its turn to be restored has not come, or it was
    /// started since it was looked for.
    fn is_to_run(&self, id: &str) -> bool {
        let remembered = self.sessions.remembered(id);
        matches!(
            remembered,
            Some(Standing::Kept(Kept::Waiting) | Standing::Running { .. })
        )
    }
}

impl Asked {
    fn lock(&self) -> std::sync::MutexGuard<'_, Requests<Answer>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being carried out. Dropped before it is answered, it may be carried out again.
struct Unanswered(Arc<Asked>, Option<RequestId>);

impl Unanswered {
    fn done(mut self, answer: &Answer, now: crate::engine::BootTime) {
        if let Some(id) = self.1.take() {
            let mut requests = self.0.lock();
            match answer {
                // Nothing was done, so it may be asked again.
                Answer::NotMine { .. } | Answer::NobodyNow { .. } => requests.abandoned(id),
                answer => requests.done(id, answer.clone(), size(answer), now),
            }
        }
        self.0.answered.notify_waiters();
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(id) = self.1.take() {
            self.0.lock().abandoned(id);
            self.0.answered.notify_waiters();
        }
    }
}

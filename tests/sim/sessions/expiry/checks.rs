//! What must hold when a session expires, and what must when nothing is due.

use std::collections::BTreeSet;

use session_supervisor::engine::{EventKind, Expiry, Policy, SessionState, Span};

use super::model::Stage;
use super::{STEP, World};

impl World {
    /// Nothing is due.
    pub(super) fn check(&self) {
        for (id, session) in &self.sessions {
            if session.stage != Stage::Running || !self.serving {
                continue;
            }
            let Policy {
                idle_timeout,
                max_lifetime,
                ..
            } = session.policy;
            if let (Some(timeout), Some(since)) = (idle_timeout, session.idle_since()) {
                let over = since.after(timeout.get());
                assert!(self.now < over, "{id} is idle since {since:?}, and goes on");
            }
            if let Some(longest) = max_lifetime {
                let over = session.started.after(longest.get());
                assert!(self.now < over, "{id} outlives its lifetime");
            }
        }
    }

    /// Whether a session may go on. None: it stops, and what follows then shows whether it may.
    pub(super) fn may_be_leased(&self, id: &str) -> Option<bool> {
        if !self.serving {
            return Some(false);
        }
        let Some(session) = self.sessions.get(id) else {
            return Some(false);
        };
        let info = self.engine.info(id).map(|info| info.state);
        match session.stage {
            _ if info == Some(SessionState::Stuck) => Some(false),
            Stage::Stopping => None,
            // It was cancelled.
            Stage::Launching if info == Some(SessionState::Stopping) => Some(false),
            Stage::Launching | Stage::Running | Stage::Ending | Stage::Down => {
                Some(info != Some(SessionState::Parked))
            }
        }
    }

    pub(super) fn note(&mut self, id: &'static str, kind: &EventKind) {
        let now = self.now;
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        match *kind {
            EventKind::Started { .. } => {
                session.stage = Stage::Running;
                session.started = now;
            }
            EventKind::Expired(expiry) => {
                assert!(self.serving, "{id} expires after the supervisor's stop");
                session.expired = true;
                match expiry {
                    Expiry::Idle(timeout) => {
                        assert_eq!(session.stage, Stage::Running, "it ends by itself");
                        let rule = session.policy.idle_timeout.map(Span::get);
                        assert_eq!(rule, Some(timeout));
                        assert_eq!(session.leases, BTreeSet::new(), "{id} is leased");
                        let since = session.idle_since().expect("it is in use");
                        let idle = now.since(since);
                        let range = timeout..=timeout + STEP;
                        assert!(range.contains(&idle), "{id} was idle for {idle:?}");
                    }
                    Expiry::Lifetime(longest) => {
                        let rule = session.policy.max_lifetime.map(Span::get);
                        assert_eq!(rule, Some(longest));
                        let lived = now.since(session.started);
                        let range = longest / 10 * 9..=longest + STEP;
                        assert!(range.contains(&lived), "{id} lived for {lived:?}");
                    }
                    other => panic!("unknown {other:?}"),
                }
            }
            _ => {}
        }
    }
}

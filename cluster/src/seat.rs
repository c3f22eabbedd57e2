//! What a session of a cluster is given: what it has saved, and as which owner it runs.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use session_supervisor_store::Remembered;

use crate::admission::{Admission, NotAdmitted};
use crate::engine::Epoch;

/// What a session of a cluster is given when its spec is made. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Seat {
    remembered: Remembered,
    admitted: Admitted,
}

impl Seat {
    /// What the session has saved, and where it saves.
    #[must_use]
    pub const fn remembered(&self) -> &Remembered {
        &self.remembered
    }

    /// The epoch in which this node owns the session, for what is outside the cluster: a resource that
    /// has seen a greater one for this id refuses. It grows with each owner.
    ///
    /// # Errors
    ///
    /// This node may not run the session any more.
    pub fn epoch(&self) -> Result<u64, NotAdmitted> {
        self.admitted.epoch().map(Epoch::number)
    }
}

/// Where seats are made. Set when the node has joined.
#[derive(Default)]
pub(crate) struct Seats(OnceLock<Weak<Admission>>);

impl Seats {
    pub(crate) fn are_of(&self, admission: &Arc<Admission>) {
        self.0.get_or_init(|| Arc::downgrade(admission));
    }

    pub(crate) fn seat(&self, remembered: Remembered) -> (Seat, Admitted) {
        let admitted = Admitted {
            admission: self.0.get().cloned().unwrap_or_default(),
            id: remembered.id().into(),
        };
        let seat = Seat {
            remembered,
            admitted: admitted.clone(),
        };
        (seat, admitted)
    }
}

/// Asks whether this node may run a session.
#[derive(Clone)]
pub(crate) struct Admitted {
    admission: Weak<Admission>,
    id: Arc<str>,
}

impl fmt::Debug for Admitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Admitted").field(&self.id).finish()
    }
}

impl Admitted {
    /// At each launch of the session.
    pub(crate) fn now(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(self.epoch().map(drop)?)
    }

    fn epoch(&self) -> Result<Epoch, NotAdmitted> {
        match self.admission.upgrade() {
            Some(admission) => admission.owned(&self.id),
            None => Err(NotAdmitted::NotJoined),
        }
    }
}

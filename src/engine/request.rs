//! What a caller asks for one id.

use super::io::Domain;

/// What a caller asks for one id.
#[derive(Debug)]
pub enum Request<D: Domain> {
    /// Start a session.
    Start {
        /// How.
        spec: D::Spec,
        /// Who asks.
        ticket: D::Ticket,
    },
    /// Start a session, or share what becomes of a start that is under way.
    Ensure {
        /// How.
        spec: D::Spec,
        /// Who asks.
        ticket: D::Ticket,
    },
    /// Stop it.
    Stop {
        /// Who asks.
        ticket: D::Ticket,
    },
    /// Restart it by hand. In a group: start a child again that does not run.
    Restart {
        /// Who asks.
        ticket: D::Ticket,
    },
    /// Forget a child of a group that does not run.
    Delete {
        /// Who asks.
        ticket: D::Ticket,
    },
}

impl<D: Domain> Request<D> {
    /// How something is to be started, if that is asked, and who asks.
    pub(crate) fn into_parts(self) -> (Option<D::Spec>, D::Ticket) {
        match self {
            Self::Start { spec, ticket } | Self::Ensure { spec, ticket } => (Some(spec), ticket),
            Self::Stop { ticket } | Self::Restart { ticket } | Self::Delete { ticket } => {
                (None, ticket)
            }
        }
    }

    /// Who asks.
    pub(super) const fn ticket(&self) -> &D::Ticket {
        match self {
            Self::Start { ticket, .. }
            | Self::Ensure { ticket, .. }
            | Self::Stop { ticket }
            | Self::Restart { ticket }
            | Self::Delete { ticket } => ticket,
        }
    }
}

//! An exit as the model keeps it: of its cause no more than which it is, since the engine must be
//! the last that holds it.

use std::error::Error;
use std::sync::{Arc, Weak};

use session_supervisor::engine::Exit;

#[derive(Clone, Debug)]
pub(crate) struct KeptExit {
    exit: Exit,
    cause: Option<Weak<Box<dyn Error + Send + Sync>>>,
}

impl KeptExit {
    pub(crate) fn of(exit: &Exit) -> Self {
        match exit {
            Exit::Failed { cause } => Self {
                exit: Exit::Failed {
                    cause: Arc::new("it failed".into()),
                },
                cause: Some(Arc::downgrade(cause)),
            },
            other => Self {
                exit: other.clone(),
                cause: None,
            },
        }
    }

    /// Whether it is this one.
    pub(crate) fn is(&self, other: &Exit) -> bool {
        match (&self.cause, other) {
            (Some(kept), Exit::Failed { cause }) => Weak::ptr_eq(kept, &Arc::downgrade(cause)),
            (None, other) => self.exit == *other,
            (Some(_), _) => false,
        }
    }

    /// How it ended, with another cause.
    pub(crate) fn exit(&self) -> Exit {
        self.exit.clone()
    }
}

//! The check before each launch of a durable session: a new session runs only after its record is durable.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use ractor::ActorProcessingErr;

use crate::engine::{Intent, NoStart, Outcome};
use crate::error::{StartError, WriteError};
use crate::follow::Follower;
use crate::journal::{Journal, Passage};
use crate::record::Record;
use crate::remembered::Remembered;

/// One start of one session: all of its launches.
pub(crate) struct Gate {
    pub(crate) journal: Journal,
    pub(crate) follower: Follower,
    /// What is remembered; its revision is given at the first launch.
    pub(crate) record: Arc<Record>,
    pub(crate) tag: u64,
    pub(crate) intent: Intent,
    pub(crate) remembered: Remembered,
}

/// Why a launch was not made. It is the cause of the start's failure.
#[derive(Clone, Debug)]
pub(crate) enum Shut {
    No(NoStart),
    Write(WriteError),
    /// It was stopped before its record was written.
    Withdrawn,
    /// The follower has not noted the end of an earlier session of its id or its claims.
    Overlap,
}

impl Gate {
    /// A launch is about to run.
    pub(crate) async fn pass(&self) -> Result<(), ActorProcessingErr> {
        match self.passed().await {
            Ok(()) => Ok(()),
            Err(shut) => Err(Box::new(shut)),
        }
    }

    async fn passed(&self) -> Result<(), Shut> {
        let written = match self.admit() {
            // The earlier session has ended, and the follower has not noted that yet.
            Passage::Later => {
                self.follower.catch_up().await;
                self.admit()
            }
            passage => passage,
        };
        match written {
            Passage::Go => Ok(()),
            Passage::Refused(why) => Err(Shut::No(why)),
            Passage::Later => Err(Shut::Overlap),
            Passage::When(written) => match written.wait().await {
                Ok(Outcome::Withdrawn) => Err(Shut::Withdrawn),
                Ok(_) => Ok(()),
                Err(error) => Err(Shut::Write(error)),
            },
        }
    }

    fn admit(&self) -> Passage {
        let revision = |revision| self.remembered.is_of(revision);
        let Self {
            record,
            tag,
            intent,
            ..
        } = self;
        self.journal.admit(record, *tag, *intent, revision)
    }
}

impl fmt::Display for Shut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No(NoStart::Remembered(kept)) => write!(f, "it is remembered: it {kept}"),
            Self::No(NoStart::SetAside(why)) => write!(f, "what is stored is set aside: {why}"),
            Self::No(NoStart::Changed) => f.write_str("it is not remembered any more"),
            Self::No(NoStart::Claimed(claimed)) => claimed.fmt(f),
            Self::Write(_) => f.write_str("it could not be remembered"),
            Self::Withdrawn => f.write_str("it was stopped before it was remembered"),
            Self::Overlap => {
                f.write_str("the end of an earlier session of its id or its claims is not known")
            }
        }
    }
}

impl Error for Shut {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Write(error) => Some(error),
            _ => None,
        }
    }
}

impl Shut {
    /// What the caller of the start is told.
    pub(crate) fn told(&self) -> Option<StartError> {
        Some(match self {
            Self::No(NoStart::Remembered(kept)) => StartError::Remembered(kept.clone()),
            Self::No(NoStart::SetAside(why)) => StartError::SetAside(Arc::clone(why)),
            Self::No(NoStart::Changed) => StartError::NotRemembered,
            Self::No(NoStart::Claimed(claimed)) => StartError::Claimed(claimed.clone()),
            Self::Write(error) => StartError::Store(error.clone()),
            Self::Withdrawn | Self::Overlap => return None,
        })
    }
}

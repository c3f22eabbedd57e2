//! The kinds of sessions: how a session is made again of its arguments.

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use session_supervisor::{Child, ChildSpec};

use crate::error::{OpenError, StartError};
use crate::remembered::Remembered;
use crate::writer::text;

/// How many bytes the name of a kind may have.
const LONGEST: usize = 128;

/// The kinds of sessions that a program has, each with the function that makes the spec of one.
///
/// A session is remembered by the name of its kind and by its arguments, so a name stays what it is
/// as long as there are sessions of it, and its function reads the arguments of all of them: give new
/// fields a `#[serde(default)]`.
///
/// The function is given the arguments and the [`Remembered`] of the session, in which it saves. Its
/// spec may be any: an actor, a task, a tree; with labels, claims, limits and timeouts. It is called
/// at each start and each restore, and should only make the spec.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use session_supervisor::ChildSpec;
/// use session_supervisor_store::{Kinds, Remembered};
///
/// #[derive(Clone, Serialize, Deserialize)]
/// struct ChatArgs { topic: String }
///
/// struct Chat;
/// #[ractor::actor(message = (), state = Remembered, arguments = (ChatArgs, Remembered))]
/// impl Chat {
///     // …
/// #     async fn pre_start(
/// #         &self,
/// #         _: ractor::ActorRef<()>,
/// #         (_, remembered): (ChatArgs, Remembered),
/// #     ) -> Result<Remembered, ractor::ActorProcessingErr> {
/// #         Ok(remembered)
/// #     }
/// }
///
/// let kinds = Kinds::new().kind("chat", |args: ChatArgs, remembered| {
///     ChildSpec::new(move |_start| (Chat, (args.clone(), remembered.clone())))
/// });
/// # drop(kinds);
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Kinds {
    kinds: HashMap<Arc<str>, Kind>,
    fault: Option<(String, &'static str)>,
}

/// Makes a spec of arguments.
type Make = dyn Fn(&str, Remembered) -> serde_json::Result<ChildSpec> + Send + Sync;

#[derive(Clone)]
struct Kind {
    make: Arc<Make>,
    check: fn(&str) -> serde_json::Result<()>,
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.kinds.keys()).finish()
    }
}

impl Kinds {
    /// No kinds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a kind. Its name has 1 to 128 bytes and no control characters, and is given once;
    /// [`open`](crate::DurableSupervisor::open) fails with the first name that is not.
    pub fn kind<T, C, F>(mut self, name: impl Into<Arc<str>>, make: F) -> Self
    where
        T: DeserializeOwned,
        C: Child,
        F: Fn(T, Remembered) -> ChildSpec<C> + Send + Sync + 'static,
    {
        let name = name.into();
        let bad = name.is_empty() || name.len() > LONGEST || name.contains(char::is_control);
        let kind = Kind {
            make: Arc::new(move |json, remembered| {
                let arguments = serde_json::from_str(json)?;
                Ok(make(arguments, remembered).erase())
            }),
            check: |json| serde_json::from_str::<T>(json).map(drop),
        };
        if bad {
            let rule = "must have 1 to 128 bytes and no control characters";
            self.fault.get_or_insert((name.to_string(), rule));
        } else if self.kinds.insert(Arc::clone(&name), kind).is_some() {
            self.fault
                .get_or_insert((name.to_string(), "is registered twice"));
        }
        self
    }

    pub(crate) fn valid(self) -> Result<Self, OpenError> {
        match self.fault {
            Some((name, rule)) => Err(OpenError::InvalidKind { name, rule }),
            None => Ok(self),
        }
    }

    /// The spec of a session. The user's functions run under a guard: they run where others wait.
    pub(crate) fn make(
        &self,
        kind: &str,
        arguments: &str,
        remembered: Remembered,
    ) -> Result<ChildSpec, StartError> {
        let make = &self.find(kind)?.make;
        let made = catch_unwind(AssertUnwindSafe(|| make(arguments, remembered)));
        flat(kind, made)
    }

    /// Whether the arguments of a record are of its kind.
    pub(crate) fn check(&self, kind: &str, arguments: &str) -> Result<(), StartError> {
        let check = self.find(kind)?.check;
        flat(kind, catch_unwind(|| check(arguments)))
    }

    fn find(&self, kind: &str) -> Result<&Kind, StartError> {
        self.kinds.get(kind).ok_or_else(|| StartError::UnknownKind {
            kind: kind.to_owned(),
        })
    }
}

fn flat<T>(
    kind: &str,
    called: std::thread::Result<serde_json::Result<T>>,
) -> Result<T, StartError> {
    let kind = kind.to_owned();
    match called {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(cause)) => Err(StartError::Arguments { kind, cause }),
        Err(panic) => {
            let text = text(&*panic).to_owned();
            Err(StartError::KindPanicked { kind, text })
        }
    }
}

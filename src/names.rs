//! The names in ractor's registry, and the rules that ids and supervisor names obey.
//!
//! The only place that builds or takes apart a registry name. A supervisor is registered under its
//! own name, a session under `"{supervisor}/session/{id}"`, a child of a session's tree under
//! `"{supervisor}/{role}/{id}"`, a child of another static supervisor under
//! `"{supervisor}/{role}"`. A supervisor's name and a role hold no `/`, and `session` is no role,
//! so no two of them share a name.
//!
//! ```
//! use session_supervisor::names;
//!
//! let name = names::session("chats", "room/7");
//! assert_eq!(name, "chats/session/room/7");
//! assert_eq!(names::parse_session(&name), Some(("chats", "room/7")));
//! ```

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

/// The longest id, and the longest supervisor name, in bytes.
pub const MAX_LENGTH: usize = 512;

const SESSION: &str = "/session/";
const RESERVED: &str = "session";

/// The bytes of which the UTF-8 of a control character has one. Most ids have none. It is a table, and
/// all bytes are looked at, since that takes the fewest steps for each.
const SUSPICIOUS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = byte < 0x20 || byte == 0x7F || byte == 0xC2;
        byte += 1;
    }
    table
};

/// The rule that a name or an id breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameError {
    /// It is empty.
    #[error("must not be empty")]
    Empty,
    /// It is longer than [`MAX_LENGTH`] bytes.
    #[error("has {length} bytes, and at most {MAX_LENGTH} are allowed")]
    TooLong {
        /// How long it is, in bytes.
        length: usize,
    },
    /// It holds a control character.
    #[error("must not hold a control character (at byte {at})")]
    ControlCharacter {
        /// Where, in bytes.
        at: usize,
    },
    /// It holds a `/`, which only ids may.
    #[error("must not hold a '/' (at byte {at})")]
    Slash {
        /// Where, in bytes.
        at: usize,
    },
    /// It is the word `session`, which no role may be.
    #[error("must not be `session`, which the names of sessions use")]
    Reserved,
}

/// A text that is not a role.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{role:?} is not a role: it {rule}")]
#[non_exhaustive]
pub struct InvalidRole {
    /// The text.
    pub role: String,
    /// The rule that it breaks.
    pub rule: NameError,
}

/// The registry name of a session.
#[must_use]
pub fn session(supervisor: &str, id: &str) -> String {
    joined([supervisor, SESSION, id])
}

/// A name in its parts. `concat` takes more steps, and each start makes a name.
fn joined<const N: usize>(parts: [&str; N]) -> String {
    let mut name = String::with_capacity(parts.iter().map(|part| part.len()).sum());
    name.extend(parts);
    name
}

/// Looks something up by the registry name of a session. The name lies in a buffer of the thread,
/// so no memory is allocated for it.
pub(crate) fn by_session<T>(
    supervisor: &str,
    id: &str,
    look_up: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    thread_local! {
        static BUFFER: RefCell<String> = const { RefCell::new(String::new()) };
    }
    // What is too long for an id would stay in the buffer for as long as its thread.
    if id.len() <= MAX_LENGTH {
        // While its thread ends there is no buffer.
        let found = BUFFER.try_with(|buffer| {
            let mut name = buffer.try_borrow_mut().ok()?;
            name.clear();
            name.extend([supervisor, SESSION, id]);
            Some(look_up(&name))
        });
        if let Ok(Some(found)) = found {
            return found;
        }
    }
    look_up(&session(supervisor, id))
}

/// The registry name of a child of a session's tree.
#[must_use]
pub fn session_child(supervisor: &str, role: &str, id: &str) -> String {
    joined([supervisor, "/", role, "/", id])
}

/// The registry name of a child of a [`Supervisor`](crate::Supervisor) outside any session.
#[must_use]
pub fn child(supervisor: &str, role: &str) -> String {
    joined([supervisor, "/", role])
}

/// The supervisor and the id in the registry name of a session; `None` if it is not one.
#[must_use]
pub fn parse_session(name: &str) -> Option<(&str, &str)> {
    let (supervisor, rest) = name.split_at(name.find('/')?);
    let id = rest.strip_prefix(SESSION)?;
    (!supervisor.is_empty() && !id.is_empty()).then_some((supervisor, id))
}

/// The id in the registry name of a session of this supervisor, whose name holds no `/`.
pub(crate) fn id_of<'a>(supervisor: &str, name: &'a str) -> Option<&'a str> {
    let id = name.strip_prefix(supervisor)?.strip_prefix(SESSION)?;
    (!id.is_empty()).then_some(id)
}

/// Where in the tree of a session a supervisor of this name is, by the roles down to it, if its name
/// tells. The tree itself is at none.
pub(crate) fn place_in_tree(name: &str, session: &str) -> Option<String> {
    let (_, place) = name.split_once('/')?;
    // Its own parent registers it as a child of the session, those below extend its name.
    let (role, rest) = place.split_once('/')?;
    let below = rest.strip_prefix(session)?;
    (role != "session").then(|| format!("{role}{below}"))
}

/// A supervisor name that no other call of this process has been given.
fn unique(kind: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{kind}#{number}")
}

/// How a supervisor is to be named.
#[derive(Clone, Debug)]
pub(crate) enum Naming {
    Given(String),
    /// Anew at each start.
    Unique,
}

impl Naming {
    /// The name for one start; `kind` is what a unique one begins with.
    pub(crate) fn name(self, kind: &str) -> String {
        match self {
            Self::Given(name) => name,
            Self::Unique => unique(kind),
        }
    }
}

/// Checks a session id: 1 to 512 bytes, no control characters.
///
/// # Errors
///
/// The rule that it breaks.
pub fn check_id(id: &str) -> Result<(), NameError> {
    if id.is_empty() {
        return Err(NameError::Empty);
    }
    if id.len() > MAX_LENGTH {
        return Err(NameError::TooLong { length: id.len() });
    }
    if !id
        .bytes()
        .fold(false, |any, byte| any | SUSPICIOUS[usize::from(byte)])
    {
        return Ok(());
    }
    match id.char_indices().find(|(_, c)| c.is_control()) {
        Some((at, _)) => Err(NameError::ControlCharacter { at }),
        None => Ok(()),
    }
}

/// Checks a supervisor's name: as an id, and no `/`.
///
/// # Errors
///
/// The rule that it breaks.
pub fn check_supervisor(name: &str) -> Result<(), NameError> {
    check_id(name)?;
    match name.find('/') {
        Some(at) => Err(NameError::Slash { at }),
        None => Ok(()),
    }
}

/// Checks a role: as a supervisor's name, and not `session`.
///
/// # Errors
///
/// The rule that it breaks.
pub fn check_role(role: &str) -> Result<(), NameError> {
    check_supervisor(role)?;
    if role == RESERVED {
        return Err(NameError::Reserved);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{
        MAX_LENGTH, NameError, check_id, check_role, check_supervisor, parse_session, session,
    };

    #[test]
    fn a_name_leads_back_to_its_parts() {
        for (supervisor, id) in [
            ("a", "b"),
            ("a", "b/session/c"),
            ("ä b", "/"),
            ("s", "session"),
        ] {
            assert_eq!(
                parse_session(&session(supervisor, id)),
                Some((supervisor, id))
            );
        }
        for other in [
            "",
            "a",
            "a/b",
            "a/sessions/b",
            "/session",
            "a/session/",
            "/session/b",
        ] {
            assert_eq!(parse_session(other), None, "{other}");
        }
    }

    #[test]
    fn rules() {
        let long = "x".repeat(MAX_LENGTH + 1);
        assert_eq!(check_id(""), Err(NameError::Empty));
        assert_eq!(check_id(&long), Err(NameError::TooLong { length: 513 }));
        assert_eq!(check_id(&long[1..]), Ok(()));
        assert_eq!(check_id("a\nb"), Err(NameError::ControlCharacter { at: 1 }));
        assert_eq!(check_id("a/b"), Ok(()));
        assert_eq!(check_supervisor("a/b"), Err(NameError::Slash { at: 1 }));
        assert_eq!(check_role("a/b"), Err(NameError::Slash { at: 1 }));
        assert_eq!(check_role("session"), Err(NameError::Reserved));
        assert_eq!(check_role("agent"), Ok(()));
    }
}

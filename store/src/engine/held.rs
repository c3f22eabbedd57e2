//! The claims of all that is remembered. A session holds its own as long as it is remembered, so that
//! what is to be restored, rests or is set aside finds them free.

use std::collections::HashMap;
use std::sync::Arc;

/// Invariant: a claim is in `holders` with an id exactly if it is among the claims of that id. If two
/// sessions were written with one claim, the first that was found holds it.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// By kind and value, as one text.
    holders: HashMap<Arc<str>, Arc<str>>,
    claims: HashMap<Arc<str>, Box<[Arc<str>]>>,
}

/// Neither part of a claim has a control character.
fn text((kind, value): &(String, String)) -> String {
    format!("{kind}\0{value}")
}

impl Held {
    /// A session takes those of these claims that no other session holds.
    pub(super) fn hold(&mut self, id: &Arc<str>, claims: &[(String, String)]) {
        let mut own = Vec::new();
        for claim in claims {
            let claim: Arc<str> = text(claim).into();
            if !self.holders.contains_key(&claim) {
                self.holders.insert(Arc::clone(&claim), Arc::clone(id));
                own.push(claim);
            }
        }
        if !own.is_empty() {
            self.claims.insert(Arc::clone(id), own.into());
        }
    }

    /// What a session held is free.
    pub(super) fn release(&mut self, id: &str) {
        for claim in self.claims.remove(id).unwrap_or_default() {
            self.holders.remove(&claim);
        }
    }

    /// The first of these claims that another session holds: its kind, its value, and that session.
    pub(super) fn other<'a>(
        &'a self,
        id: &str,
        claims: &'a [(String, String)],
    ) -> Option<(&'a str, &'a str, &'a Arc<str>)> {
        claims.iter().find_map(|claim| {
            let holder = self.holders.get(&*text(claim))?;
            (**holder != *id).then_some((&*claim.0, &*claim.1, holder))
        })
    }
}

//! What people and programs call a session.

use std::num::NonZeroU64;
use std::sync::Arc;

use super::ChildSpec;
use crate::child::Child;

/// How many bytes a label may have.
const LONGEST: usize = 128;

impl<C: Child> ChildSpec<C> {
    /// Sets what people call the session or the child: in [`SessionInfo`](crate::SessionInfo),
    /// [`ChildInfo`](crate::ChildInfo) and the field `label` of the log. 1 to 128 bytes without
    /// control characters. It need not be unique, and nothing is found by it.
    ///
    /// ```
    /// # use session_supervisor::ChildSpec;
    /// # struct Chat;
    /// # #[ractor::actor(message = (), state = (), arguments = ())]
    /// # impl Chat {}
    /// let spec = ChildSpec::new(|_start| (Chat, ())).label("Alice's chat about tea");
    /// # drop(spec);
    /// ```
    pub fn label(mut self, label: impl AsRef<str>) -> Self {
        let label = label.as_ref();
        if label.is_empty() || label.len() > LONGEST || label.contains(char::is_control) {
            let rule = format!("must have 1 to {LONGEST} bytes and no control characters");
            self.fault.add("label", format_args!("{label:?}"), rule);
            return self;
        }
        Arc::make_mut(&mut self.plan).terms().label = Some(label.into());
        self
    }

    /// The label that was [set](Self::label), if one was.
    #[must_use]
    pub fn get_label(&self) -> Option<&str> {
        self.plan.terms.as_ref()?.label.as_deref()
    }

    /// Gives the session a number that its [events](crate::Event::tag) carry, for a program that has
    /// to tell it from a later session of the same id. It need not be unique. None by default; it has
    /// no effect on a child of a tree.
    ///
    /// ```
    /// # use session_supervisor::ChildSpec;
    /// # use std::num::NonZeroU64;
    /// # struct Chat;
    /// # #[ractor::actor(message = (), state = (), arguments = ())]
    /// # impl Chat {}
    /// let spec = ChildSpec::new(|_start| (Chat, ())).tag(NonZeroU64::MIN);
    /// # drop(spec);
    /// ```
    pub fn tag(mut self, tag: NonZeroU64) -> Self {
        Arc::make_mut(&mut self.plan).terms().tag = Some(tag);
        self
    }
}

//! What people call a session.

use std::sync::Arc;

use super::ChildSpec;
use crate::child::Child;

/// So many bytes a label may have.
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
}

//! Of which group a session is, and how many sessions a group has.
//!
//! The function that says the group is the user's. It runs in the caller's task.

use std::future::Future;
use std::sync::Arc;

use crate::actor::shared::{Plan, Query, Shared};
use crate::actor::unwind::{Panicked, guard};
use crate::error::{InvalidGroup, StartError, SupervisorDown};
use crate::info::GroupCount;
use crate::{SessionId, SessionSupervisor, ask, names};

/// How many groups are asked for at once.
const PAGE: usize = 1_000;

/// The plan of a start, with the group of its session if the supervisor has a quota.
pub(super) fn in_group(
    shared: &Shared,
    id: &SessionId,
    mut plan: Arc<Plan>,
) -> Result<Arc<Plan>, StartError> {
    let Some(group_of) = shared.group_of() else {
        return Ok(plan);
    };
    let group = guard(|| group_of.call(id)).map_err(|Panicked(text)| StartError::Failed {
        id: id.clone(),
        cause: Arc::new(format!("the group function of the quota panicked: {text}").into()),
    })?;
    if let Some(group) = group {
        if let Err(rule) = names::check_id(&group) {
            let id = id.clone();
            return Err(StartError::InvalidGroup(InvalidGroup { id, group, rule }));
        }
        // Another session may be started by the same spec.
        Arc::make_mut(&mut plan).terms().group = Some(group);
    }
    Ok(plan)
}

impl SessionSupervisor {
    /// How many sessions of a group take a place of its [quota](crate::Options::quota): starting,
    /// running, restarting, stopping and stuck ones. 0 for a group that has none, and without a
    /// quota.
    ///
    /// # Errors
    ///
    /// [`SupervisorDown`] if the supervisor has ended.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub fn count_group(
        &self,
        group: &str,
    ) -> impl Future<Output = Result<usize, SupervisorDown>> + Send + 'static + use<> {
        let shared = Arc::clone(&self.shared);
        let group: Arc<str> = group.into();
        async move { ask::query(&shared, |reply| Query::count_group(group, reply)).await }
    }

    /// The groups that have at least one such session, with their counts, in the order of their
    /// names. Empty without a [quota](crate::Options::quota).
    ///
    /// They are asked for in pages, so that other callers are answered in between. The list
    /// therefore does not show a single instant.
    ///
    /// # Errors
    ///
    /// [`SupervisorDown`] if the supervisor has ended.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub fn groups(
        &self,
    ) -> impl Future<Output = Result<Vec<GroupCount>, SupervisorDown>> + Send + 'static + use<>
    {
        let shared = Arc::clone(&self.shared);
        async move {
            let mut all: Vec<GroupCount> = Vec::new();
            loop {
                let last = all.last().map(|last| Arc::clone(&last.group));
                let question = |reply| Query::groups(last, PAGE, reply);
                let page = ask::query(&shared, question).await?;
                let more = page.len() == PAGE;
                all.extend(page);
                if !more {
                    return Ok(all);
                }
            }
        }
    }
}

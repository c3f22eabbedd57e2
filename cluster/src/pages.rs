//! The pages of all nodes as one, in the order of the ids.

use std::collections::BTreeMap;

use crate::engine::NodeName;
use crate::wire::Row;

/// Some of the sessions of all nodes, in the order of their ids.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Page {
    /// The sessions, each with its node.
    pub sessions: Vec<(NodeName, Row)>,
    /// With what the next page is asked for, also if none of these sessions is left. None: there were no
    /// more.
    pub next: Option<String>,
    /// The nodes that did not answer, whose sessions are missing.
    pub missing: Vec<NodeName>,
}

/// What the nodes have answered so far.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    rows: BTreeMap<String, (NodeName, Row)>,
    /// Up to this id all is known: a node has more after it. None: there is no more.
    up_to: Option<String>,
}

impl Pages {
    /// A node has answered these, and has more after that id.
    pub(crate) fn add(&mut self, node: &NodeName, rows: Vec<Row>, more: Option<String>) {
        let rows = rows.into_iter();
        self.rows
            .extend(rows.map(|row| (row.id.clone(), (node.clone(), row))));
        let both = self.up_to.take().into_iter().chain(more);
        self.up_to = both.min();
    }

    /// At most so many of them. What comes after the end of one node's page is for the next one, since that
    /// node may have others before it.
    pub(crate) fn first(self, most: usize, missing: Vec<NodeName>) -> Page {
        let Self { mut rows, up_to } = self;
        if let Some(up_to) = &up_to {
            rows.retain(|id, _| id <= up_to);
        }
        let full = rows.len() > most;
        let sessions: Vec<_> = rows.into_values().take(most).collect();
        let last = sessions.last().map(|(_, row)| row.id.clone());
        Page {
            next: if full { last } else { up_to },
            sessions,
            missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pages;
    use crate::engine::NodeName;
    use crate::wire::{Found, Row};

    /// The pages of these nodes: the ids of each, and after which it has more.
    fn page(nodes: &[(&[&str], Option<&str>)], most: usize) -> (Vec<String>, Option<String>) {
        let mut pages = Pages::default();
        for (number, (ids, more)) in nodes.iter().enumerate() {
            let found = || Found {
                kind: "kind".to_owned(),
                incarnation: 1,
                epoch: 1,
                state: "running".to_owned(),
            };
            let rows = ids.iter().map(|id| Row {
                id: (*id).to_owned(),
                found: found(),
            });
            let name = NodeName::try_from(&*format!("n{number}")).expect("a name");
            pages.add(&name, rows.collect(), more.map(str::to_owned));
        }
        let page = pages.first(most, Vec::new());
        let ids = page.sessions.into_iter().map(|(_, row)| row.id);
        (ids.collect(), page.next)
    }

    fn ids(ids: &[&str], next: Option<&str>) -> (Vec<String>, Option<String>) {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        (ids, next.map(str::to_owned))
    }

    #[test]
    fn a_page_ends_where_that_of_one_node_does() {
        assert_eq!(page(&[], 2), ids(&[], None));
        assert_eq!(
            page(&[(&["a", "d"], None), (&["b"], None)], 9),
            ids(&["a", "b", "d"], None)
        );
        assert_eq!(
            page(&[(&["a", "d"], Some("d")), (&["b", "c"], None)], 2),
            ids(&["a", "b"], Some("b"))
        );
        // Of this node two have ended since it looked for them, and it may have others before `x`.
        assert_eq!(
            page(&[(&["a"], Some("c")), (&["x", "y"], None)], 3),
            ids(&["a"], Some("c"))
        );
        assert_eq!(
            page(&[(&[], Some("c")), (&["b"], Some("b"))], 3),
            ids(&["b"], Some("b"))
        );
        assert_eq!(page(&[(&[], Some("c"))], 3), ids(&[], Some("c")));
        // Just as many as there may be, and no more.
        assert_eq!(page(&[(&["a", "b"], None)], 2), ids(&["a", "b"], None));
    }
}

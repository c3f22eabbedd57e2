//! The table of sessions: filtered, sorted and paged here, at a bounded cost for each request.
//!
//! A request looks at no more than [`LOOK`] sessions, in the order of their first start, from where
//! the request before has ended. In that order the pages follow each other. In any other, a request
//! answers the best of those that it has looked at, and says where to go on: who asks merges the
//! answers until all have been looked at. So no request, however many sessions there are, costs more
//! than [`LOOK`] of them, and nothing is kept between two requests.

use std::cmp::Ordering;

use super::json::{ToJson, object};
use super::parameters::{Parameters, not};
use super::refusal::Refusal;
use super::source::Source;
use super::view::{Row, State};
use crate::SessionId;
use crate::info::PageMark;

/// How many sessions a request looks at.
const LOOK: usize = 10_000;

/// How many are asked for at once.
const PAGE: usize = 500;

/// How many rows a request answers at most, and by default.
const MOST: usize = 500;
const DEFAULT: usize = 100;

/// The longest text to look for, in bytes.
const LONGEST: usize = 512;

/// What a request wants to see.
#[derive(Debug)]
pub(super) struct Wish {
    /// All, if there is none.
    states: Vec<State>,
    find: Option<String>,
    order: Order,
    limit: usize,
    /// Behind which session to go on.
    after: Option<PageMark>,
    /// Only what comes behind this row in a sorted table.
    beyond: Option<Beyond>,
}

/// The order of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Order {
    by: By,
    direction: Direction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The order of first starts, the oldest first.
    Started,
    Id,
    Label,
    State,
    Restarts,
    Incarnation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Ascending,
    Descending,
}

/// The last row of a page of a sorted table.
#[derive(Debug)]
struct Beyond {
    key: Key,
    id: SessionId,
}

/// By what a row is sorted. Rows of one key are sorted by their ids.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Text(String),
    Number(u64),
    State(State),
}

/// The rows of an answer.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Row>,
    /// The session whose id is the text that was looked for.
    exact: Option<Row>,
    looked_at: usize,
    /// Where to go on.
    next: Option<PageMark>,
}

impl ToJson for Table {
    fn write(&self, out: &mut String) {
        object(out)
            .field("sessions", &self.rows)
            .field("exact", &self.exact)
            .field("looked_at", &(self.looked_at as u64))
            .field("next", &self.next.as_ref().map(PageMark::to_string))
            .end();
    }
}

impl Wish {
    pub(super) fn parse(mut parameters: Parameters) -> Result<Self, Refusal> {
        let states = match parameters.take("state") {
            None => Vec::new(),
            Some(names) => {
                let one = |name: &str| State::parse(name).ok_or_else(|| not("state", name, "one"));
                names.split(',').map(one).collect::<Result<_, _>>()?
            }
        };
        let find = parameters.take("find");
        if let Some(find) = find.as_ref().filter(|find| find.len() > LONGEST) {
            return Err(not("find", find, &format!("{LONGEST} bytes or less")));
        }
        let limit = match parameters.take("limit") {
            None => DEFAULT,
            Some(text) => {
                let limit = text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                limit.ok_or_else(|| not("limit", &text, &format!("between 1 and {MOST}")))?
            }
        };
        let order = Order::parse(parameters.take("sort"), parameters.take("order"))?;
        let after = parameters.take("after");
        let after = after.map(|text| {
            let rule = "what an answer had in `next`";
            text.parse().map_err(|_| not("after", &text, rule))
        });
        let beyond = match (parameters.take("beyond_id"), parameters.take("beyond")) {
            (None, None) => None,
            (Some(id), key) => Some(Beyond::parse(order.by, &id, key)?),
            (None, Some(_)) => return Err(Refusal::bad("beyond_id is missing")),
        };
        parameters.end()?;
        Ok(Self {
            states,
            find,
            order,
            limit,
            after: after.transpose()?,
            beyond,
        })
    }

    /// Looks, and answers what it found.
    pub(super) async fn grant(mut self, source: &Source) -> Result<Table, Refusal> {
        let exact = match (&self.after, &self.find) {
            (None, Some(find)) if self.beyond.is_none() => source.row(find).await?,
            _ => None,
        };
        let mut table = Table {
            rows: Vec::new(),
            exact,
            looked_at: 0,
            next: self.after.take(),
        };
        let sorted = self.order.by != By::Started;
        let all = self.find.is_none() && self.states.is_empty();
        loop {
            let most = match all && !sorted {
                true => self.limit - table.rows.len(),
                false => PAGE.min(LOOK - table.looked_at),
            };
            let after = table.next.take();
            let (mut rows, mut next) = source.page(after.clone(), most).await?;
            if !sorted {
                let wanted = self.limit - table.rows.len();
                let mut matching = (0..rows.len()).filter(|at| self.matches(&rows[*at]));
                // It is to end with the last row that is wanted, so that the next one begins behind
                // that. What has changed meanwhile may make an answer longer than its limit.
                if let Some(last) = matching.nth(wanted - 1)
                    && last + 1 < rows.len()
                {
                    (rows, next) = source.page(after, last + 1).await?;
                }
            }
            table.looked_at += rows.len();
            table.next = next;
            table
                .rows
                .extend(rows.into_iter().filter(|row| self.matches(row)));
            if sorted && table.rows.len() > 2 * self.limit {
                self.keep_best(&mut table.rows);
            }
            let full = !sorted && table.rows.len() >= self.limit;
            if table.next.is_none() || full || table.looked_at >= LOOK {
                break;
            }
        }
        if sorted {
            self.keep_best(&mut table.rows);
        }
        Ok(table)
    }

    fn matches(&self, row: &Row) -> bool {
        let found = |find: &String| {
            let texts = [
                Some(row.id.as_str()),
                row.label.as_deref(),
                row.group.as_deref(),
            ];
            texts.into_iter().flatten().any(|text| contains(text, find))
        };
        (self.states.is_empty() || self.states.contains(&row.state))
            && self.find.as_ref().is_none_or(found)
            && self.beyond.as_ref().is_none_or(|beyond| {
                let key = self.order.by.key(row);
                self.order
                    .compare((&key, &row.id), (&beyond.key, &beyond.id))
                    == Ordering::Greater
            })
    }

    fn keep_best(&self, rows: &mut Vec<Row>) {
        rows.sort_by_cached_key(|row| (self.order.by.key(row), row.id.clone()));
        if self.order.direction == Direction::Descending {
            rows.reverse();
        }
        rows.truncate(self.limit);
    }
}

impl Order {
    fn parse(by: Option<String>, direction: Option<String>) -> Result<Self, Refusal> {
        let direction = match direction.as_deref() {
            None | Some("asc") => Direction::Ascending,
            Some("desc") => Direction::Descending,
            Some(other) => return Err(not("order", other, "asc or desc")),
        };
        let by = match by.as_deref() {
            None | Some("started") => By::Started,
            Some("id") => By::Id,
            Some("label") => By::Label,
            Some("state") => By::State,
            Some("restarts") => By::Restarts,
            Some("incarnation") => By::Incarnation,
            Some(other) => {
                let rule = "started, id, label, state, restarts or incarnation";
                return Err(not("sort", other, rule));
            }
        };
        if (by, direction) == (By::Started, Direction::Descending) {
            return Err(not("order", "desc", "possible with the sort started"));
        }
        Ok(Self { by, direction })
    }

    fn compare(self, a: (&Key, &SessionId), b: (&Key, &SessionId)) -> Ordering {
        match self.direction {
            Direction::Ascending => a.cmp(&b),
            Direction::Descending => b.cmp(&a),
        }
    }
}

impl By {
    fn key(self, row: &Row) -> Key {
        match self {
            Self::Started => Key::Number(0),
            Self::Id => Key::Text(String::new()),
            Self::Label => Key::Text(row.label.as_deref().unwrap_or_default().to_owned()),
            Self::State => Key::State(row.state),
            Self::Restarts => Key::Number(row.restarts),
            Self::Incarnation => Key::Number(row.incarnation),
        }
    }
}

impl Beyond {
    fn parse(by: By, id: &str, key: Option<String>) -> Result<Self, Refusal> {
        let id = SessionId::parse(id).map_err(|error| Refusal::bad(error.to_string()))?;
        let text = key.unwrap_or_default();
        let key = match by {
            By::Started => return Err(not("sort", "started", "paged by `beyond`")),
            By::Id => Some(Key::Text(String::new())),
            By::Label => Some(Key::Text(text.clone())),
            By::State => State::parse(&text).map(Key::State),
            By::Restarts | By::Incarnation => text.parse().ok().map(Key::Number),
        };
        let key = key.ok_or_else(|| not("beyond", &text, "what the sorted rows have"))?;
        Ok(Self { key, id })
    }
}

/// Whether a text contains another one, whatever the case of ASCII letters.
fn contains(text: &str, find: &str) -> bool {
    let mut windows = text.as_bytes().windows(find.len().max(1));
    find.is_empty() || windows.any(|window| window.eq_ignore_ascii_case(find.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn a_text_is_found_whatever_its_case() {
        for (text, find) in [("Room 7", "room"), ("Room 7", " 7"), ("é", "é"), ("x", "")] {
            assert!(contains(text, find), "{text} {find}");
        }
        for (text, find) in [("Room 7", "8"), ("", "x"), ("é", "É"), ("ab", "abc")] {
            assert!(!contains(text, find), "{text} {find}");
        }
    }
}

//! The table of shards: filtered and paged here. A request looks at all shards, of which there are 4,096
//! at most, and answers some of them.

use serde::Serialize;

use session_supervisor::dashboard::page::Refusal;

use super::json::json;
use super::told::Row;
use super::view::{ShardState, ShardView, View};
use crate::engine::NodeName;

/// The longest text of parameters, in bytes.
const LONGEST: usize = 1_024;

/// How many parameters at most.
const PARAMETERS: usize = 8;

/// How many rows a request answers at most, and by default.
const MOST: usize = 500;
const DEFAULT: usize = 100;

/// What a request wants to see.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    owner: Option<NodeName>,
    state: Option<ShardState>,
    /// Behind which shard to go on.
    after: Option<usize>,
    limit: Option<usize>,
}

impl Wish {
    /// Parses `name=value&name=value`. Each name is known and comes once, and an empty value is none.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        if text.len() > LONGEST {
            let rule = format!("parameters of {} bytes: at most {LONGEST}", text.len());
            return Err(Refusal::bad(rule));
        }
        let mut wish = Self::default();
        let mut known: Vec<String> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if known.contains(&name) {
                return Err(Refusal::bad(format!("{:?} comes twice", short(&name))));
            }
            if known.len() == PARAMETERS {
                return Err(Refusal::bad(format!("more than {PARAMETERS} parameters")));
            }
            if !value.is_empty() {
                wish.set(&name, &value)?;
            }
            known.push(name);
        }
        Ok(wish)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        match name {
            "owner" => {
                let owner = NodeName::try_from(value);
                let rule = "the name of a node";
                self.owner = Some(owner.map_err(|_| not("owner", value, rule))?);
            }
            "state" => {
                let rule = "owned, moving or unowned";
                let state = ShardState::parse(value);
                self.state = Some(state.ok_or_else(|| not("state", value, rule))?);
            }
            "after" => {
                let after = value.parse().map_err(|_| not("after", value, "a number"));
                self.after = Some(after?);
            }
            "limit" => {
                let limit = value
                    .parse()
                    .ok()
                    .filter(|limit| (1..=MOST).contains(limit));
                let rule = format!("1 to {MOST}");
                self.limit = Some(limit.ok_or_else(|| not("limit", value, &rule))?);
            }
            _ => return Err(Refusal::bad(format!("{:?} is no parameter", short(name)))),
        }
        Ok(())
    }

    /// The rows, as JSON.
    pub(super) fn grant(&self, view: &View) -> String {
        #[derive(Serialize)]
        struct Table<'a> {
            shards: Vec<Row<'a>>,
            matching: usize,
            next: Option<usize>,
            revision: u64,
        }
        let all = view.shards.iter().enumerate();
        let matching: Vec<_> = all.filter(|(_, shard)| self.takes(shard)).collect();
        let behind = |(at, _): &&(usize, &ShardView)| self.after.is_none_or(|after| *at > after);
        let mut rest = matching.iter().filter(behind);
        let rows: Vec<_> = rest.by_ref().take(self.limit.unwrap_or(DEFAULT)).collect();
        let next = rest.next().and(rows.last()).map(|(at, _)| *at);
        json(&Table {
            shards: rows.iter().map(|(at, shard)| Row::of(*at, shard)).collect(),
            matching: matching.len(),
            next,
            revision: view.revision,
        })
    }

    fn takes(&self, shard: &ShardView) -> bool {
        let owner = shard.owner.as_ref().map(|owner| &owner.node);
        let owned = self.owner.is_none() || self.owner.as_ref() == owner;
        owned && self.state.is_none_or(|state| shard.state == state)
    }
}

/// The beginning of a text from outside, for a message.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

/// The error for a value that is not allowed.
fn not(name: &str, value: &str, rule: &str) -> Refusal {
    Refusal::bad(format!("{name}: {:?} is not {rule}", short(value)))
}

/// `%` escapes, and `+` for a space.
fn decode(text: &str) -> Result<String, Refusal> {
    let hex = |digit: Option<u8>| digit.and_then(|digit| char::from(digit).to_digit(16));
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => match (hex(bytes.next()), hex(bytes.next())) {
                (Some(high), Some(low)) => u8::try_from(high * 16 + low).unwrap_or(b'?'),
                _ => return Err(not("a parameter", text, "escaped as in a URL")),
            },
            byte => byte,
        });
    }
    String::from_utf8(decoded).map_err(|_| not("a parameter", text, "UTF-8"))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{LONGEST, Wish};
    use crate::dashboard::tests::fake::{name, seen};
    use crate::dashboard::view::{ShardState, View};

    fn told(view: &View, wish: &str) -> Value {
        let told = Wish::parse(wish).expect("a wish").grant(view);
        serde_json::from_str(&told).expect("JSON")
    }

    fn numbers(table: &Value) -> Vec<u64> {
        let rows = table["shards"].as_array().expect("rows").iter();
        rows.map(|row| row["shard"].as_u64().expect("a number"))
            .collect()
    }

    #[test]
    fn the_pages_follow_each_other_and_are_all_of_it() {
        let view = View::of(seen(4_096, &["a", "b", "c"]));
        for filter in ["", "&owner=b", "&state=owned"] {
            let (mut seen, mut after) = (Vec::new(), String::new());
            let matching = loop {
                let table = told(&view, &format!("limit=500&after={after}{filter}"));
                let rows = numbers(&table);
                assert!(rows.len() <= 500);
                seen.extend(rows);
                match table["next"].as_u64() {
                    Some(next) => after = next.to_string(),
                    None => break table["matching"].as_u64().expect("a number"),
                }
            };
            assert_eq!(seen.len() as u64, matching, "{filter}");
            assert!(seen.is_sorted_by(|one, other| one < other), "{filter}");
        }
        assert_eq!(numbers(&told(&view, "")).len(), 100);
        assert_eq!(told(&view, "after=4095")["next"], Value::Null);
        // The last page is full, and there is none after it.
        let last = told(&view, "after=3995");
        assert_eq!((numbers(&last).len(), &last["next"]), (100, &Value::Null));
    }

    #[test]
    fn a_table_is_filtered_by_owner_and_by_state() {
        let mut seen = seen(16, &["a", "b"]);
        for at in [2, 9] {
            let shard = seen.shards.get(at).expect("a shard");
            seen.status.owners.remove(&shard);
        }
        let view = View::of(seen);
        let unowned = told(&view, "state=unowned");
        assert_eq!(numbers(&unowned), [2, 9]);
        assert_eq!(unowned["shards"][0]["owner"], Value::Null);
        let of_a = told(&view, "owner=a");
        let rows = of_a["shards"].as_array().expect("rows").iter();
        assert!(rows.clone().count() > 0);
        rows.for_each(|row| assert_eq!(row["owner"], "a"));
        assert_eq!(numbers(&told(&view, "owner=nobody")), [0; 0]);
        assert_eq!(numbers(&told(&view, "owner=a&state=unowned")), [0; 0]);
    }

    #[test]
    fn parameters_are_read_and_what_is_wrong_is_refused() {
        let wish = Wish::parse("owner=node%2D1&state=&after=+&limit=").expect_err("no number");
        assert!(format!("{wish:?}").contains("after"), "{wish:?}");
        let wish = Wish::parse("owner=node%2D1&&state=moving&after=7&limit=5").expect("a wish");
        let expected = Wish {
            owner: Some(name("node-1")),
            state: Some(ShardState::Moving),
            after: Some(7),
            limit: Some(5),
        };
        assert_eq!(wish, expected);
        let long = "x".repeat(LONGEST + 1);
        let many: Vec<_> = (0..9).map(|n| format!("p{n}=")).collect();
        for bad in [
            "limit=0",
            "limit=501",
            "limit=-1",
            "limit=x",
            "after=-1",
            "after=99999999999999999999",
            "state=lost",
            "owner=<b>",
            "owner=A",
            "sort=1",
            "owner=a&owner=b",
            "a=%",
            "a=%4",
            "a=%zz",
            "a=%ff",
            "%c3=1",
            &many.join("&"),
            &long,
        ] {
            assert!(Wish::parse(bad).is_err(), "{bad}");
        }
    }
}

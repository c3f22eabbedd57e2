//! What may be there after a crash: what was acknowledged must be, what was under way may be.

use std::collections::HashMap;

/// What is known of one id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Known {
    /// Its generation, and its counts that may be there: from the last that is durable to the last
    /// that was begun.
    there: Option<(u64, u64, u64)>,
    /// It may have been started, or stopped.
    under_way: Option<UnderWay>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UnderWay {
    Start(u64),
    Stop,
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    ids: HashMap<String, Known>,
    pub(crate) acknowledged: u64,
}

impl Model {
    /// A line of the child's.
    pub(crate) fn line(&mut self, line: &str) {
        let words: Vec<_> = line.split(' ').collect();
        let (word, id) = (words[0], words[1]);
        let known = self.ids.entry(id.to_owned()).or_default();
        match word {
            "starting" => {
                assert_eq!(known.there, None, "{line}: it is there");
                known.under_way = Some(UnderWay::Start(words[2].parse().expect("a number")));
            }
            "started" => {
                let Some(UnderWay::Start(generation)) = known.under_way.take() else {
                    panic!("{line}: it was not begun");
                };
                known.there = Some((generation, 0, 0));
                self.acknowledged += 1;
            }
            "stopping" => known.under_way = Some(UnderWay::Stop),
            "stopped" => {
                *known = Known::default();
                self.acknowledged += 1;
            }
            "saving" | "noting" => {
                let (_, _, last) = known.there.as_mut().expect("it is there");
                *last += 1;
            }
            "saved" => {
                let (_, durable, last) = known.there.as_mut().expect("it is there");
                *durable = *last;
                self.acknowledged += 1;
            }
            _ => panic!("the child says: {line}"),
        }
    }

    /// All that the next process has, as id, generation and count. It is what is known from then on.
    pub(crate) fn check(&mut self, have: &[(String, u64, u64)]) {
        let mut found = HashMap::new();
        for (id, generation, count) in have {
            let twice = found.insert(id.clone(), (*generation, *count));
            assert_eq!(twice, None, "{id} is there twice");
        }
        for (id, known) in &self.ids {
            let found = found.remove(id);
            let right = match (found, known.there, known.under_way) {
                (None, None, _) | (None, Some(_), Some(UnderWay::Stop)) => true,
                (Some((generation, 0)), None, Some(UnderWay::Start(begun))) => generation == begun,
                (Some((generation, count)), Some((known, durable, last)), _) => {
                    generation == known && (durable..=last).contains(&count)
                }
                _ => false,
            };
            assert!(right, "{id}: {known:?} was known, and {found:?} is there");
        }
        assert!(
            found.is_empty(),
            "what was never started is there: {found:?}"
        );
        self.ids.clear();
        for (id, generation, count) in have {
            let known = Known {
                there: Some((*generation, *count, *count)),
                under_way: None,
            };
            self.ids.insert(id.clone(), known);
        }
    }
}

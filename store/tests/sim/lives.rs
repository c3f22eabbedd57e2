//! What is known of each id, simulated: starts, resumes, ends that are seen late, stops, decisions, claims,
//! supervisors that end and processes that are opened again. A model of the supervisor says what runs, and a
//! disk what is remembered.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use session_supervisor_store::engine::{Admission, End, Intent, Kept, Ledger, Standing};
use session_supervisor_store::{Change, Part, Record};

use crate::{IDS, Random, setting};

/// The claims that there are; each id has its own, and may want those of others.
const CLAIMS: [&str; 3] = ["x", "y", "z"];

/// A session that the supervisor has.
#[derive(Clone, Debug)]
struct Runs {
    tag: u64,
    revision: u64,
    claims: Vec<(String, String)>,
}

#[derive(Default)]
struct World {
    ledger: Ledger,
    disk: BTreeMap<String, Record>,
    runs: BTreeMap<&'static str, Runs>,
    /// Ends that the follower has not seen.
    ends: VecDeque<(u64, &'static str, End)>,
    revisions: BTreeSet<u64>,
}

impl World {
    /// A change is written.
    fn write(&mut self, change: Change) {
        match change {
            Change::Remember(record) => {
                assert!(
                    self.revisions.insert(record.revision),
                    "a revision is given once"
                );
                let before = self.disk.insert(record.id.to_string(), record);
                assert!(before.is_none(), "it replaces {before:?}");
            }
            Change::Rest { id, revision } | Change::Wake { id, revision } => {
                let record = self.disk.get_mut(&*id).expect("it is remembered");
                assert_eq!(record.revision, revision);
            }
            Change::Forget { id, revision } => {
                let forgotten = self.disk.remove(&*id).expect("it is remembered");
                assert_eq!(forgotten.revision, revision);
            }
            Change::Discard { id } => drop(self.disk.remove(&*id).expect("it is there")),
            other => panic!("{other:?}"),
        }
    }

    fn rests(&mut self, id: &str, resting: bool) {
        self.disk.get_mut(id).expect("it is remembered").resting = resting;
    }

    /// The follower sees what has ended.
    fn catch_up(&mut self) {
        while self.see_one() {}
    }

    fn see_one(&mut self) -> bool {
        let Some((tag, id, end)) = self.ends.pop_front() else {
            return false;
        };
        let never = matches!(end, End::NeverRan(_));
        let new = matches!(
            self.ledger.look(id),
            Some((
                _,
                Standing::Running {
                    intent: Intent::New,
                    ..
                }
            ))
        );
        let changed = self.ledger.ended(tag, id, end);
        assert!(
            !(never && new) || changed.is_some(),
            "a start that failed leaves nothing"
        );
        if let Some(change) = changed {
            if let Change::Rest { id, .. } = &change {
                let id = id.to_string();
                self.rests(&id, true);
            }
            self.write(change);
        }
        true
    }

    /// A launch of an id, as the gate makes one; the supervisor has admitted it.
    fn launch(&mut self, random: &mut Random, id: &'static str, intent: Intent) {
        let mut claims = Vec::new();
        for claim in CLAIMS {
            if random.below(3) == 0 {
                claims.push(("k".to_owned(), claim.to_owned()));
            }
        }
        if let (Intent::Resume(_), Some(record)) = (intent, self.disk.get(id)) {
            claims.clone_from(&record.claims);
        }
        let mut others = self.runs.values().flat_map(|runs| &runs.claims);
        if self.runs.contains_key(id) || others.any(|claim| claims.contains(claim)) {
            return;
        }
        let mut record = Record::new(id, "k", "{}", 0, 0);
        record.claims.clone_from(&claims);
        let tag = self.ledger.next();
        let mut admission = self.ledger.admit(&record, tag, intent);
        if admission == Admission::Later {
            self.catch_up();
            admission = self.ledger.admit(&record, tag, intent);
        }
        let wakes = matches!(admission, Admission::Wake(_));
        let revision = match (admission, intent) {
            (Admission::Remember(revision), Intent::New) => {
                record.revision = revision;
                revision
            }
            (Admission::Go | Admission::Wake(_), Intent::Resume(revision)) => revision,
            (Admission::Refused(_), _) => {
                // What stands in its way is there, and does not run, also when all is seen.
                self.catch_up();
                let held = self.disk.values().any(|known| {
                    !self.runs.contains_key(&*known.id)
                        && (*known.id == *id || known.claims.iter().any(|of| claims.contains(of)))
                });
                let resumed = matches!(intent, Intent::Resume(_));
                assert!(held || resumed, "{id} is refused for nothing");
                return;
            }
            (other, _) => panic!("{id}, {intent:?}: {other:?}"),
        };
        if random.below(5) == 0 {
            // The write fails, or the launch does after it.
            if intent == Intent::New {
                self.write(Change::Remember(record));
            } else if wakes && random.below(2) == 0 {
                self.rests(id, false);
            }
            let why = Some("it failed".into());
            self.ends.push_back((tag, id, End::NeverRan(why)));
            return;
        }
        if intent == Intent::New {
            self.write(Change::Remember(record));
        } else if wakes {
            self.rests(id, false);
        }
        let runs = Runs {
            tag,
            revision,
            claims,
        };
        self.runs.insert(id, runs);
    }

    fn step(&mut self, random: &mut Random) {
        let id = random.of(&IDS);
        match random.below(16) {
            0..=3 => self.launch(random, id, Intent::New),
            4..=6 => {
                if let Some((revision, _)) = self.ledger.look(id) {
                    self.launch(random, id, Intent::Resume(revision));
                }
            }
            7..=9 => {
                if let Some(Runs { tag, .. }) = self.runs.remove(id) {
                    let crashed = End::Keep(Kept::Crashed("it crashed".into()));
                    let resting = End::Keep(Kept::Resting);
                    let ends = [End::Forget, crashed, resting];
                    let end = ends[usize::try_from(random.below(3)).expect("few")].clone();
                    self.ends.push_back((tag, id, end));
                }
            }
            10 => {
                // Somebody else's session of another id has the same tag.
                if let Some(Runs { tag, .. }) = self.runs.get(id) {
                    self.ends.push_back((*tag, "other", End::Forget));
                }
            }
            11 => drop(self.see_one()),
            12 => {
                // As a stop does: the supervisor first, then what does not run.
                if let Some(Runs { tag, .. }) = self.runs.remove(id) {
                    self.ends.push_back((tag, id, End::Forget));
                }
                self.catch_up();
                if let Some(change) = self.ledger.forget_kept(id) {
                    self.write(change);
                }
                if self.ledger.look(id).is_some() {
                    let (_, standing) = self.ledger.look(id).expect("it is there");
                    assert!(matches!(standing, Standing::SetAside(_)), "{standing:?}");
                }
            }
            13 => {
                if let Some(change) = self.ledger.discard(id) {
                    self.write(change);
                }
            }
            14 => {
                // The supervisor ends, and another one follows.
                self.runs.clear();
                self.catch_up();
                self.ledger.all_ended();
            }
            _ => {
                // The process ends at any moment.
                self.runs.clear();
                self.ends.clear();
                // Nobody is left who knows of a revision that is not on the disk.
                let there = self.disk.values().map(|record| record.revision);
                self.revisions = there.collect();
                let mut ledger = Ledger::default();
                for record in self.disk.values() {
                    let standing = match random.below(6) {
                        0 => Standing::SetAside("it is not understood".into()),
                        _ if record.resting => Standing::Kept(Kept::Resting),
                        _ => Standing::Kept(Kept::Waiting),
                    };
                    ledger.found(record, standing);
                }
                ledger.take_over(Part::ALL);
                self.ledger = ledger;
            }
        }
        self.check();
    }

    fn check(&self) {
        let known: BTreeMap<_, _> = self
            .ledger
            .all()
            .map(|(id, ..)| (id.to_string(), ()))
            .collect();
        let there: BTreeMap<_, _> = self.disk.keys().map(|id| (id.clone(), ())).collect();
        assert_eq!(known, there, "what is known is what is remembered");
        let mut claimed = BTreeSet::new();
        for record in self.disk.values() {
            let (revision, standing) = self.ledger.look(&record.id).expect("it is known");
            assert_eq!(revision, record.revision, "{}", record.id);
            for claim in &record.claims {
                assert!(claimed.insert(claim), "two have {claim:?}");
            }
            if *standing == Standing::Kept(Kept::Resting) {
                assert!(record.resting, "{} does not rest on the disk", record.id);
            }
        }
        for (id, runs) in &self.runs {
            let (revision, standing) = self.ledger.look(id).expect("it is known");
            let Standing::Running { tag, .. } = standing else {
                panic!("{id} runs: {standing:?}");
            };
            assert_eq!((revision, *tag), (runs.revision, runs.tag));
            // After a crash it is restored.
            assert!(!self.disk[*id].resting, "{id} runs, and rests on the disk");
        }
    }
}

fn play(seed: u64) {
    let (mut random, mut world) = (Random(seed), World::default());
    for _ in 0..10 + random.below(150) {
        world.step(&mut random);
    }
}

#[test]
fn what_runs_is_remembered_and_what_is_remembered_has_its_id_and_its_claims() {
    if let Some(seed) = setting("SIM_SEED") {
        return play(seed);
    }
    for seed in 0..setting("SIM_HISTORIES").unwrap_or(2_000) {
        let played = std::panic::catch_unwind(|| play(seed));
        assert!(
            played.is_ok(),
            "history {seed}: play it again with SIM_SEED={seed}"
        );
    }
}

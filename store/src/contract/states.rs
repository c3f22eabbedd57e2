//! What a store has to hold of what sessions have saved.

use super::{Open, of, record, remember, save, state, write};
use crate::record::Entry;

pub(super) fn one(open: Open<'_>) {
    let mut store = open();
    write(&mut *store, &[remember("a", 1), remember("b", 2)]);
    write(
        &mut *store,
        &[
            save("a", 1, state("", b"one", 8)),
            save("a", 1, state("x", b"two", 9)),
            save("a", 1, state("", b"three", 7)),
        ],
    );
    assert_eq!(of(store.state("a", "")), Some(state("", b"three", 7)));
    assert_eq!(of(store.state("a", "x")), Some(state("x", b"two", 9)));
    assert_eq!(of(store.state("b", "")), None);
    let mut used = record("a", 1);
    used.used = 9;
    assert_eq!(of(store.entry("a")), Some(Entry::Record(used)));
}

pub(super) fn many(open: Open<'_>) {
    let mut store = open();
    let most = vec![0xff; crate::MAX_VALUE];
    let names: Vec<_> = (0..70).map(|at| format!("s{at}'\u{e4}")).collect();
    let all: Vec<_> = (1..).zip(&names).map(|(at, id)| remember(id, at)).collect();
    write(&mut *store, &all);
    write(
        &mut *store,
        &[
            save(&names[0], 1, state("", b"one", 8)),
            save(&names[1], 2, state("x", b"two", 8)),
            save(&names[2], 3, state("", &most, 8)),
            save(&names[3], 4, state("", b"old", 8)),
            remember(&names[3], 99),
            save(&names[4], 5, state("", b"", 8)),
            save(&names[69], 70, state("", b"last", 8)),
        ],
    );
    let mut ids: Vec<&str> = names.iter().map(|id| &**id).collect();
    // Ids that are not there, and one that is asked for twice.
    ids.extend(["none", &names[0], ""]);
    for slot in ["", "x", "none"] {
        let mut found = vec![None; ids.len()];
        of(store.states(&ids, slot, &mut |place, state| {
            assert_eq!(found[place], None, "it is handed over once");
            found[place] = Some(state);
        }));
        let each = ids.iter().map(|id| Some(of(store.state(id, slot))));
        assert_eq!(found, each.collect::<Vec<_>>());
    }
    of(store.states(&[], "", &mut |place, _| {
        std::panic::panic_any(format!("none was asked for, and it answers {place}"))
    }));
}

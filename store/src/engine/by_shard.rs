//! A map from ids that is divided by their shards, so that what is asked of one shard looks at its own ids
//! alone: a process that hands over hundreds of shards would look at every session as often otherwise.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::part::Part;

/// Invariant: an id is in the map of its shard, and `len` is how many there are in all of them.
#[derive(Debug)]
pub(super) struct ByShard<V> {
    /// One for each shard, at least one.
    maps: Vec<HashMap<Arc<str>, V>>,
    len: usize,
}

impl<V> Default for ByShard<V> {
    fn default() -> Self {
        Self {
            maps: vec![HashMap::new()],
            len: 0,
        }
    }
}

impl<V> ByShard<V> {
    /// Into how many shards it is divided from now on.
    pub(super) fn divide(&mut self, of: u32) {
        let of = of.max(1);
        if of == self.count() {
            return;
        }
        let maps = (0..of).map(|_| HashMap::new()).collect();
        for (id, value) in std::mem::replace(&mut self.maps, maps)
            .into_iter()
            .flatten()
        {
            self.map_mut(&id).insert(id, value);
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn get(&self, id: &str) -> Option<&V> {
        self.map(id).get(id)
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut V> {
        self.map_mut(id).get_mut(id)
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.get(id).is_some()
    }

    pub(super) fn get_or_insert_with(&mut self, id: &Arc<str>, make: impl FnOnce() -> V) -> &mut V {
        let place = self.place(id);
        match self.maps[place].entry(Arc::clone(id)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(vacant) => {
                self.len += 1;
                vacant.insert(make())
            }
        }
    }

    /// The id as it is kept.
    pub(super) fn id(&self, id: &str) -> Option<&Arc<str>> {
        Some(self.map(id).get_key_value(id)?.0)
    }

    pub(super) fn insert(&mut self, id: Arc<str>, value: V) {
        let before = self.map_mut(&id).insert(id, value);
        self.len += usize::from(before.is_none());
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<(Arc<str>, V)> {
        let removed = self.map_mut(id).remove_entry(id)?;
        self.len -= 1;
        Some(removed)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &V)> {
        self.maps.iter().flatten()
    }

    pub(super) fn into_values(self) -> impl Iterator<Item = V> {
        self.maps.into_iter().flat_map(HashMap::into_values)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.maps.iter().flat_map(HashMap::values)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.maps.iter_mut().flat_map(HashMap::values_mut)
    }

    /// What is in a part, by a look at its own ids if it is divided as this is.
    pub(super) fn of_part(&self, part: Part) -> impl Iterator<Item = (&Arc<str>, &V)> {
        let whole = self.is_whole(part);
        let looked_at = self.looked_at(part);
        looked_at
            .flatten()
            .filter(move |(id, _)| whole || part.has(id))
    }

    /// The same, to change it.
    pub(super) fn of_part_mut(&mut self, part: Part) -> impl Iterator<Item = (&Arc<str>, &mut V)> {
        let (whole, alone) = (self.is_whole(part), self.is_alone(part));
        let maps = self.maps.iter_mut().zip(0..);
        let maps = maps.filter(move |(_, shard)| alone.is_none_or(|alone| alone == *shard));
        let ids = maps.flat_map(|(map, _)| map.iter_mut());
        ids.filter(move |(id, _)| whole || part.has(id))
    }

    /// The maps in which the ids of a part can be.
    fn looked_at(&self, part: Part) -> impl Iterator<Item = &HashMap<Arc<str>, V>> {
        let alone = self.is_alone(part);
        let maps = self.maps.iter().zip(0..);
        let maps = maps.filter(move |(_, shard)| alone.is_none_or(|alone| alone == *shard));
        maps.map(|(map, _)| map)
    }

    /// The only map of a part.
    fn is_alone(&self, part: Part) -> Option<u32> {
        (part.count() == self.count()).then(|| part.number())
    }

    /// Whether each id of the maps that are looked at is in the part.
    fn is_whole(&self, part: Part) -> bool {
        part.count() == 1 || part.count() == self.count()
    }

    fn count(&self) -> u32 {
        u32::try_from(self.maps.len()).unwrap_or(u32::MAX)
    }

    /// Always one of the maps.
    fn place(&self, id: &str) -> usize {
        // Not hashed for nothing where a process has a store for itself.
        match self.count() {
            1 => 0,
            of => usize::try_from(Part::shard_of(id, of)).unwrap_or(0),
        }
    }

    fn map(&self, id: &str) -> &HashMap<Arc<str>, V> {
        &self.maps[self.place(id)]
    }

    fn map_mut(&mut self, id: &str) -> &mut HashMap<Arc<str>, V> {
        let place = self.place(id);
        &mut self.maps[place]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::ByShard;
    use crate::part::Part;

    const IDS: usize = 1_000;

    fn ids(of: u32) -> ByShard<usize> {
        let mut ids = ByShard::default();
        ids.divide(of);
        for at in 0..IDS {
            ids.insert(format!("s{at}").into(), at);
        }
        ids
    }

    fn part(number: u32, of: u32) -> Part {
        Part::shard(number, of, 1).unwrap_or(Part::ALL)
    }

    #[test]
    fn all_shards_together_look_at_each_id_once() {
        let ids = ids(64);
        let looked_at: usize = (0..64)
            .map(|number| ids.looked_at(part(number, 64)))
            .map(|maps| maps.map(|map| map.len()).sum::<usize>())
            .sum();
        assert_eq!(looked_at, IDS);
    }

    #[test]
    fn a_part_has_its_own_ids_however_the_map_is_divided() {
        for divided in [1, 4, 64] {
            let mut ids = ids(divided);
            for part in [Part::ALL, part(2, 4), part(3, 64)] {
                let expected: BTreeSet<Arc<str>> = (0..IDS)
                    .map(|at| format!("s{at}").into())
                    .filter(|id: &Arc<str>| part.has(id))
                    .collect();
                let found = ids.of_part(part).map(|(id, _)| Arc::clone(id));
                assert_eq!(found.collect::<BTreeSet<_>>(), expected);
                let found = ids.of_part_mut(part).map(|(id, _)| Arc::clone(id));
                assert_eq!(found.collect::<BTreeSet<_>>(), expected);
            }
        }
    }

    #[test]
    fn what_is_in_it_stays_when_it_is_divided_anew() {
        let mut ids = ids(1);
        for of in [8, 512, 1] {
            ids.divide(of);
            assert_eq!((ids.len(), ids.iter().count()), (IDS, IDS));
            assert!((0..IDS).all(|at| ids.get(&format!("s{at}")) == Some(&at)));
        }
        assert_eq!(ids.remove("s7").map(|(_, at)| at), Some(7));
        assert_eq!((ids.len(), ids.get("s7")), (IDS - 1, None));
        ids.insert("s8".into(), 9);
        assert_eq!((ids.len(), ids.get("s8")), (IDS - 1, Some(&9)));
    }
}

//! A recorder that keeps what it is told, and panics or blocks if it is to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, mpsc};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

/// What was recorded, by name and labels as Prometheus writes them.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    pub(crate) values: BTreeMap<String, f64>,
    pub(crate) samples: BTreeMap<String, Vec<f64>>,
    /// The name and the labels of each metric.
    pub(crate) keys: BTreeSet<(String, Vec<(String, String)>)>,
    pub(crate) described: BTreeMap<String, Option<Unit>>,
}

/// Does something before a number is recorded.
pub(crate) type Before = Arc<dyn Fn(&str) + Send + Sync>;

#[derive(Clone, Default)]
pub(crate) struct Record {
    pub(crate) recorded: Arc<Mutex<Recorded>>,
    before: Option<Before>,
}

struct Metric(String, Record);

impl Record {
    pub(crate) fn with(mut self, before: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.before = Some(Arc::new(before));
        self
    }

    /// One that blocks at the first number until the other side releases it. The receiver tells that
    /// it blocks.
    pub(crate) fn that_blocks() -> (Self, mpsc::Receiver<()>, mpsc::SyncSender<()>) {
        let (blocks, blocked) = mpsc::channel();
        let (release, go_on) = mpsc::sync_channel::<()>(0);
        let go_on = Mutex::new(Some(go_on));
        let record = Self::default().with(move |_| {
            if let Some(go_on) = go_on.lock().unwrap().take() {
                blocks.send(()).unwrap();
                go_on.recv().unwrap_err();
            }
        });
        (record, blocked, release)
    }

    pub(crate) fn value(&self, name: &str) -> f64 {
        *self.recorded.lock().unwrap().values.get(name).expect(name)
    }

    pub(crate) fn samples(&self, name: &str) -> Vec<f64> {
        let recorded = self.recorded.lock().unwrap();
        recorded.samples.get(name).cloned().unwrap_or_default()
    }

    fn metric(&self, key: &Key) -> Arc<Metric> {
        let labels = key.labels();
        let labels: Vec<_> = labels
            .map(|label| (label.key().to_owned(), label.value().to_owned()))
            .collect();
        let shown: Vec<_> = labels
            .iter()
            .map(|(key, value)| format!("{key}={value:?}"))
            .collect();
        let name = format!("{}{{{}}}", key.name(), shown.join(","));
        let mut recorded = self.recorded.lock().unwrap();
        recorded.keys.insert((key.name().to_owned(), labels));
        Arc::new(Metric(name, self.clone()))
    }

    fn describe(&self, name: &KeyName, unit: Option<Unit>) {
        let mut recorded = self.recorded.lock().unwrap();
        recorded.described.insert(name.as_str().to_owned(), unit);
    }
}

impl Metric {
    fn change(&self, change: impl FnOnce(&mut f64)) {
        let Self(name, record) = self;
        if let Some(before) = &record.before {
            before(name);
        }
        let mut recorded = record.recorded.lock().unwrap();
        change(recorded.values.entry(name.clone()).or_default());
    }
}

impl CounterFn for Metric {
    fn increment(&self, more: u64) {
        self.change(|value| *value += more as f64);
    }

    fn absolute(&self, value: u64) {
        self.change(|before| *before = value as f64);
    }
}

impl GaugeFn for Metric {
    fn increment(&self, more: f64) {
        self.change(|value| *value += more);
    }

    fn decrement(&self, less: f64) {
        self.change(|value| *value -= less);
    }

    fn set(&self, now: f64) {
        self.change(|value| *value = now);
    }
}

impl HistogramFn for Metric {
    fn record(&self, sample: f64) {
        self.change(|count| *count += 1.0);
        let Self(name, record) = self;
        let mut recorded = record.recorded.lock().unwrap();
        recorded
            .samples
            .entry(name.clone())
            .or_default()
            .push(sample);
    }
}

impl Recorder for Record {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, unit);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, unit);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, unit);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.metric(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.metric(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.metric(key))
    }
}

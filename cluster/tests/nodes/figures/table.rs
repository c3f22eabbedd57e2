//! The table that is printed: the least and the median of what was measured, and its ratio to another row.

/// A row, by its place in the table.
#[derive(Clone, Copy)]
pub(super) struct Place(usize);

struct Row {
    what: String,
    unit: Unit,
    /// What its median is compared with.
    against: Option<Place>,
    measured: Vec<f64>,
}

#[derive(Clone, Copy)]
pub(super) enum Unit {
    /// Measured in nanoseconds.
    Micros,
    /// Measured in nanoseconds.
    Seconds,
    Bytes,
}

#[derive(Default)]
pub(super) struct Table(Vec<Row>);

impl Table {
    pub(super) fn row(&mut self, what: String, unit: Unit, against: Option<Place>) -> Place {
        let row = Row {
            what,
            unit,
            against,
            measured: Vec::new(),
        };
        self.0.push(row);
        Place(self.0.len() - 1)
    }

    pub(super) fn add(&mut self, row: Place, measured: f64) {
        self.0[row.0].measured.push(measured);
    }

    pub(super) fn print(&self) {
        println!("| what | least | median | ratio | to |\n| --- | --- | --- | --- | --- |");
        for row in self.0.iter().filter(|row| !row.measured.is_empty()) {
            let (ratio, to) = match row.against {
                None => (String::new(), ""),
                Some(Place(other)) => {
                    let other = &self.0[other];
                    (ratio(row.median() / other.median()), &*other.what)
                }
            };
            let what = &row.what;
            let [least, median] = [row.sorted()[0], row.median()].map(|one| row.unit.text(one));
            println!("| {what} | {least} | {median} | {ratio} | {to} |");
        }
    }
}

fn ratio(ratio: f64) -> String {
    if ratio < 0.1 {
        format!("{ratio:.4}")
    } else {
        format!("{ratio:.1}")
    }
}

impl Row {
    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.measured.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted
    }

    fn median(&self) -> f64 {
        self.sorted()[self.measured.len() / 2]
    }
}

impl Unit {
    fn text(self, measured: f64) -> String {
        match self {
            Self::Micros => format!("{:.1} us", measured / 1e3),
            Self::Seconds => format!("{:.2} s", measured / 1e9),
            Self::Bytes => format!("{measured:.0} B"),
        }
    }
}

//! Samples that stand for durations of which only the buckets and the sum are known.

use crate::engine::Histogram;

/// What was handed over of one distribution.
#[derive(Debug, Default)]
pub struct Given {
    buckets: Vec<u64>,
    /// In seconds, as the samples that were handed over add up. What the buckets could not hold at one
    /// time is made up for at the next.
    sum: f64,
}

impl Given {
    /// The samples that are to be handed over now: a number of seconds, and how many times. Each counts
    /// as handed over when it is taken.
    pub fn more(&mut self, counted: &Histogram) -> impl Iterator<Item = (f64, usize)> {
        self.buckets.resize(counted.buckets().len(), 0);
        let bounds: Vec<_> = counted.bounds().iter().map(|it| it.as_secs_f64()).collect();
        let new: Vec<_> = counted
            .buckets()
            .iter()
            .zip(&self.buckets)
            .map(|(now, given)| now.saturating_sub(*given))
            .collect();
        let values = values(&bounds, &new, counted.sum().as_secs_f64() - self.sum);
        let all = self.buckets.iter_mut().zip(new).zip(values);
        let sum = &mut self.sum;
        all.filter(|((_, new), _)| *new > 0)
            .map(move |((given, new), value)| {
                *given += new;
                *sum += value * new as f64;
                (value, usize::try_from(new).unwrap_or(usize::MAX))
            })
    }
}

/// The least part of a bucket's width by which a value lies above the bucket's lower bound. Only in the
/// first bucket the lower bound is among the values: zero.
const LITTLE: f64 = 1e-6;

/// For each bucket a value that lies in it, so that all samples add up to `sum` if any values in these
/// buckets do. `new`: how many samples each bucket has; one more than there are bounds.
fn values(bounds: &[f64], new: &[u64], sum: f64) -> Vec<f64> {
    let lowers = || [0.0].into_iter().chain(bounds.iter().copied());
    let count = |at: usize| new.get(at).copied().unwrap_or(0) as f64;
    let widths = || lowers().zip(bounds).map(|(lower, upper)| upper - lower);
    let least: f64 = lowers().enumerate().map(|(at, it)| it * count(at)).sum();
    let width: f64 = widths().enumerate().map(|(at, it)| it * count(at)).sum();
    let above = (sum - least).max(0.0);
    // All values lie at the same part of the widths of their buckets. The last bucket has no width: it
    // takes what is left, and is left a half at least.
    let beyond = count(bounds.len());
    let most = if beyond > 0.0 { 0.5 } else { 1.0 };
    let part = if width > 0.0 {
        above / width * most
    } else {
        0.0
    };
    let part = part.min(most);
    let mut values: Vec<_> = lowers()
        .zip(bounds)
        .map(|(lower, upper)| {
            let part = if lower > 0.0 { part.max(LITTLE) } else { part };
            (lower + part * (upper - lower)).min(*upper)
        })
        .collect();
    let last = bounds.last().copied().unwrap_or(0.0);
    let left = (above - part * width) / beyond.max(1.0);
    values.push(last + left.max(last * LITTLE));
    values
}

#[cfg(test)]
mod tests {
    use super::values;

    const BOUNDS: [f64; 4] = [0.001, 0.01, 1.0, 60.0];

    /// Draws durations, and asks for values that stand for them.
    fn check(durations: &[f64]) {
        let mut new = vec![0; BOUNDS.len() + 1];
        for duration in durations {
            let bucket = BOUNDS.iter().position(|bound| duration <= bound);
            new[bucket.unwrap_or(BOUNDS.len())] += 1;
        }
        let sum: f64 = durations.iter().sum();
        let values = values(&BOUNDS, &new, sum);
        let mut total = 0.0;
        for (at, (value, count)) in values.iter().zip(&new).enumerate() {
            let lower = if at == 0 { -1.0 } else { BOUNDS[at - 1] };
            assert!(*value > lower, "{value} lies below bucket {at}");
            if let Some(upper) = BOUNDS.get(at) {
                assert!(value <= upper, "{value} lies above bucket {at}");
            }
            total += value * f64::from(*count as u32);
        }
        let close = (total - sum).abs() <= 1e-6 * sum.max(1.0);
        assert!(close, "{durations:?} are {sum}, their samples {total}");
    }

    #[test]
    fn they_lie_in_the_buckets_and_add_up_to_the_sum() {
        check(&[]);
        check(&[0.0]);
        check(&[0.001]);
        check(&[0.000_01, 0.000_02, 0.5, 59.9]);
        check(&[61.0, 1_000.0]);
        check(&[0.000_5, 60.000_1]);
        check(&BOUNDS);
        let mut random: u64 = 17;
        for count in 0..500 {
            let durations: Vec<_> = (0..count % 23)
                .map(|_| {
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    let exponent = f64::from((random >> 40) as u32 % 8_000) / 1_000.0;
                    1e-5 * 10_f64.powf(exponent)
                })
                .collect();
            check(&durations);
        }
    }

    #[test]
    fn a_sum_that_does_not_fit_the_buckets_leaves_the_values_in_them() {
        for sum in [-1.0, 0.0, 1e9] {
            let values = values(&BOUNDS, &[3, 0, 2, 0, 0], sum);
            assert!(values[0] >= 0.0 && values[0] <= BOUNDS[0], "{sum}");
            assert!(values[2] > BOUNDS[1] && values[2] <= BOUNDS[2], "{sum}");
        }
    }
}

//! Times of one contender over the rounds, and what is said about them.

use serde::Serialize;

/// Sorted measurements in one unit; at least one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(into = "Summary")]
pub struct Series(Vec<f64>);

/// Median and extremes of a [`Series`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Middle value; the mean of the two middle ones if there is an even number.
    pub median: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// The 99th percentile, nearest rank.
    pub p99: f64,
    /// How many there are.
    pub count: usize,
}

impl Series {
    /// None if there is no measurement.
    pub fn new(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        (!values.is_empty()).then_some(Self(values))
    }

    /// Median, extremes and the slow tail.
    pub fn summary(&self) -> Summary {
        let values = &self.0;
        let (count, middle) = (values.len(), values.len() / 2);
        let median = match count % 2 {
            0 => f64::midpoint(values[middle - 1], values[middle]),
            _ => values[middle],
        };
        let p99 = values[(count * 99).div_ceil(100) - 1];
        Summary { median, min: values[0], max: values[count - 1], p99, count }
    }
}

impl From<Series> for Summary {
    fn from(series: Series) -> Self {
        series.summary()
    }
}

#[cfg(test)]
mod tests {
    use super::{Series, Summary};

    #[test]
    fn a_series_is_summed_up_by_median_extremes_and_tail() {
        let odd = Series::new(vec![3.0, 1.0, 2.0]).unwrap().summary();
        assert_eq!(odd, Summary { median: 2.0, min: 1.0, max: 3.0, p99: 3.0, count: 3 });
        let even = Series::new(vec![4.0, 1.0, 2.0, 3.0]).unwrap().summary();
        assert_eq!(even.median, 2.5);
        let many = Series::new((1..=200).map(f64::from).collect()).unwrap().summary();
        assert_eq!(many.p99, 198.0);
        assert_eq!(Series::new(vec![]), None);
    }
}

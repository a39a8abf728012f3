//! Values that so many of all lie below.

/// The smallest value with at least `per_cent` of 100 at or below it; none of none.
pub(crate) fn quantile<T: Copy + Ord>(mut values: Vec<T>, per_cent: usize) -> Option<T> {
    values.sort_unstable();
    let at = (values.len() * per_cent).div_ceil(100).saturating_sub(1);
    values.get(at).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_value_that_was_seen() {
        let values: Vec<u32> = (1..=20).rev().collect();
        assert_eq!(quantile(values.clone(), 50), Some(10));
        assert_eq!(quantile(values.clone(), 95), Some(19));
        assert_eq!(quantile(values, 100), Some(20));
        assert_eq!(quantile(vec![3_000, 1_000, 2_000], 50), Some(2_000));
        assert_eq!(quantile((1..=100).collect(), 95), Some(95));
        assert_eq!(quantile(Vec::<u32>::new(), 50), None);
    }
}

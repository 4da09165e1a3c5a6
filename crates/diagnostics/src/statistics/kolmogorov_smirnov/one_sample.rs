//! The distribution of the two-sided one-sample statistic.
//!
//! Three methods are used, each where it is accurate (Simard and L'Ecuyer 2011, "Computing the
//! two-sided Kolmogorov-Smirnov distribution"). In the upper tail it is twice the one-sided tail.
//! Elsewhere it is the matrix of Marsaglia, Tsang and Wang (2003) for few rows, and the series of
//! Pelz and Good (1976) for many. Together they are accurate to more than five digits.

use std::f64::consts::{FRAC_PI_2, PI};

use statrs::function::gamma::ln_gamma;

/// Largest number of rows for the matrix method, whose matrix is then small.
const FEW_ROWS: f64 = 140.0;
/// N·D² from which twice the one-sided tail is accurate to e^(−6·4), about 4e−11; for few rows.
const UPPER_TAIL_OF_FEW: f64 = 4.0;
/// N·D² from which twice the one-sided tail is accurate to e^(−6·2.2), about 2e−6; for many rows.
const UPPER_TAIL_OF_MANY: f64 = 2.2;
/// Number of terms of the series. For z up to √2.2 the twelfth term is below e^(−300).
const SERIES_TERMS: u32 = 12;
/// D above which the two one-sided events exclude each other.
const ONE_SIDED: f64 = 0.5;

/// P(D ≥ statistic) for `rows` values, a whole number of at least 1.
pub(super) fn one_sample_tail(rows: f64, statistic: f64) -> f64 {
    let squared = rows * statistic * statistic;
    let upper_tail = if rows <= FEW_ROWS {
        UPPER_TAIL_OF_FEW
    } else {
        UPPER_TAIL_OF_MANY
    };
    let tail = if rows * statistic <= 0.5 {
        1.0
    } else if statistic >= ONE_SIDED || squared >= upper_tail {
        2.0 * one_sided_tail(rows, statistic)
    } else if rows <= FEW_ROWS {
        1.0 - by_matrix(rows, statistic)
    } else {
        1.0 - by_series(rows, statistic)
    };
    tail.clamp(0.0, 1.0)
}

/// P(D⁺ ≥ d) = d·Σ_j C(N, j)·(d + j/N)^(j−1)·(1 − d − j/N)^(N−j) (Smirnov 1944; Birnbaum and Tingey
/// 1951). All terms are positive.
fn one_sided_tail(rows: f64, statistic: f64) -> f64 {
    if statistic >= 1.0 {
        return 0.0;
    }
    let all = ln_gamma(rows + 1.0);
    let last = (rows * (1.0 - statistic)).floor() as u64;
    let term = |j: u64| {
        let j = j as f64;
        let (reached, rest) = (statistic + j / rows, 1.0 - statistic - j / rows);
        let ways = all - ln_gamma(j + 1.0) - ln_gamma(rows - j + 1.0);
        if rest <= 0.0 {
            return 0.0;
        }
        (ways + (j - 1.0) * reached.ln() + (rows - j) * rest.ln()).exp()
    };
    statistic * (0..=last).map(term).sum::<f64>()
}

/// P(D < d) = N!/Nᴺ · (Hᴺ)_kk with k − 1 = ⌊Nd⌋; H has 2k − 1 rows (Durbin 1973).
///
/// Only one row of the power is computed. Each step multiplies by its factor of N!/Nᴺ, because that
/// factor shrinks as the power grows.
fn by_matrix(rows: f64, statistic: f64) -> f64 {
    let k = (rows * statistic).floor() as usize + 1;
    let matrix = durbin_matrix(2 * k - 1, k as f64 - rows * statistic);
    let mut row = vec![0.0; matrix.len()];
    row[k - 1] = 1.0;
    for step in 1..=rows as u64 {
        let factor = step as f64 / rows;
        row = (0..row.len())
            .map(|column| {
                let products = row.iter().zip(&matrix).map(|(x, line)| x * line[column]);
                products.sum::<f64>() * factor
            })
            .collect();
    }
    row[k - 1]
}

/// Durbin's matrix H (Marsaglia, Tsang and Wang 2003). It holds 1/(i − j + 1)! on and below the
/// superdiagonal. Powers of h are subtracted in the first column and the last row.
fn durbin_matrix(size: usize, h: f64) -> Vec<Vec<f64>> {
    let is_band = |i: usize, j: usize| i + 1 >= j;
    let mut matrix: Vec<Vec<f64>> = (0..size)
        .map(|i| {
            (0..size)
                .map(|j| f64::from(u8::from(is_band(i, j))))
                .collect()
        })
        .collect();
    for (i, line) in matrix.iter_mut().enumerate() {
        line[0] -= h.powi(i as i32 + 1);
    }
    for (i, entry) in matrix[size - 1].iter_mut().enumerate() {
        *entry -= h.powi((size - i) as i32);
    }
    matrix[size - 1][0] += (2.0 * h - 1.0).max(0.0).powi(size as i32);
    let factorials: Vec<f64> = (0..=size)
        .scan(1.0, |product, step| {
            *product *= step.max(1) as f64;
            Some(*product)
        })
        .collect();
    for (i, line) in matrix.iter_mut().enumerate() {
        for (j, entry) in line.iter_mut().enumerate().take(i + 2) {
            *entry /= factorials[i + 1 - j];
        }
    }
    matrix
}

/// P(D < d) ≈ K₀(z) + K₁(z)/√N + K₂(z)/N + K₃(z)/N^1.5 with z = √N·d (Pelz and Good 1976).
///
/// Each K is a sum over k of a polynomial in a = π²(k + ½)², or in b = π²k², times
/// e^(−a / 2z²) or e^(−b / 2z²).
fn by_series(rows: f64, statistic: f64) -> f64 {
    let root = rows.sqrt();
    let z = root * statistic;
    let z2 = z * z;
    let (z4, z6) = (z2 * z2, z2 * z2 * z2);
    let (n1, n2, n3) = (
        1.0 / (6.0 * root * z4),
        1.0 / (72.0 * rows * z6 * z),
        1.0 / (6480.0 * rows * root * z4 * z6),
    );
    // Contribution of the whole numbers to K₂ and K₃.
    let (w2, w3) = (
        1.0 / (36.0 * rows * z2 * z),
        1.0 / (216.0 * rows * root * z6),
    );
    let half = |k: f64| {
        let a = (PI * (k + 0.5)).powi(2);
        let k1 = a - z2;
        let k2 = 6.0 * z6 + 2.0 * z4 + a * (2.0 * z4 - 5.0 * z2) + a * a * (1.0 - 2.0 * z2);
        let k3 = a.powi(3) * (5.0 - 30.0 * z2)
            + a * a * (212.0 * z4 - 60.0 * z2)
            + a * (135.0 * z4 - 96.0 * z6)
            - (30.0 * z6 + 90.0 * z4 * z4);
        (1.0 / z + k1 * n1 + k2 * n2 + k3 * n3) * (-a / (2.0 * z2)).exp()
    };
    let whole = |k: f64| {
        let b = (PI * k).powi(2);
        ((3.0 * b * z2 - b * b) * w3 - b * w2) * (-b / (2.0 * z2)).exp()
    };
    // Both sums run over all k from −∞ to ∞. Each term also counts for its mirror image.
    let sum: f64 = (0..SERIES_TERMS)
        .map(|k| 2.0 * (half(f64::from(k)) + whole(f64::from(k))))
        .sum();
    FRAC_PI_2.sqrt() * sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::test_cases::{assert_close, cases};

    #[test]
    fn the_tail_matches_scipy() {
        for case in cases("kolmogorov") {
            let found = one_sample_tail(case.number("rows"), case.number("at"));
            assert_close(Some(found), case.number("value"), 1e-5, &case);
        }
    }

    #[test]
    fn the_methods_agree() {
        for statistic in [0.07, 0.1, 0.12] {
            let (matrix, series) = (by_matrix(140.0, statistic), by_series(140.0, statistic));
            assert!((matrix - series).abs() < 1e-5, "{matrix} {series}");
        }
        let (matrix, tail) = (by_matrix(30.0, 0.4), one_sided_tail(30.0, 0.4));
        assert!((1.0 - matrix - 2.0 * tail).abs() < 1e-10);
    }

    #[test]
    fn the_tail_decreases_from_1_to_0() {
        for rows in [1.0, 2.0, 26.0, 140.0, 141.0, 1e4] {
            assert_eq!(one_sample_tail(rows, 0.0), 1.0);
            assert_eq!(one_sample_tail(rows, 1.0), 0.0);
            let mut before = 1.0;
            for step in 1..1000 {
                let tail = one_sample_tail(rows, f64::from(step) / 1000.0);
                assert!(tail <= before + 1e-5 && tail >= 0.0, "{rows} {step}");
                before = tail;
            }
        }
    }
}

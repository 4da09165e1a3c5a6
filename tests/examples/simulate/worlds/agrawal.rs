//! Agrawal's loan applicants (Agrawal, Imielinski and Swami 1993), with the ten functions that
//! group them.
//!
//! The features are salary, commission, age, hvalue, hyears, loan, and the categories elevel, car
//! and zipcode. A client leaves if it is in group B. The label is set before each number is
//! perturbed by up to 5 % of its range.

use crate::draws::Draws;
use crate::rows::Row;

/// The features of the schema: numbers, then categories.
pub(super) const NUMBERS: [&str; 6] = ["salary", "commission", "age", "hvalue", "hyears", "loan"];
pub(super) const CATEGORIES: [&str; 3] = ["elevel", "car", "zipcode"];

/// Share of its range by which a number is perturbed at most.
const PERTURBATION: f64 = 0.05;
/// The range of each number.
const RANGES: [[f64; 2]; 6] = [
    [20_000.0, 150_000.0],
    [0.0, 75_000.0],
    [20.0, 80.0],
    [0.0, 1_200_000.0],
    [1.0, 30.0],
    [0.0, 500_000.0],
];

struct Applicant {
    salary: f64,
    commission: f64,
    age: f64,
    hvalue: f64,
    hyears: f64,
    loan: f64,
    elevel: usize,
}

/// Draws an applicant who is grouped by a function, 1 to 10.
pub(super) fn row(draws: &mut Draws, function: usize) -> Row {
    let salary = draws.between(20_000.0, 150_000.0);
    let commission = match salary < 75_000.0 {
        true => draws.between(10_000.0, 75_000.0),
        false => 0.0,
    };
    let age = draws.whole(20, 80) as f64;
    let (elevel, car, zipcode) = (draws.whole(0, 4), draws.whole(1, 20), draws.whole(0, 8));
    let applicant = Applicant {
        salary,
        commission,
        age,
        hvalue: (8 - zipcode) as f64 * 100_000.0 * draws.between(0.5, 1.5),
        hyears: draws.whole(1, 30) as f64,
        loan: draws.between(0.0, 500_000.0),
        elevel,
    };
    let left = !applicant.is_in_group_a(function);
    let Applicant {
        hvalue,
        hyears,
        loan,
        ..
    } = applicant;
    let numbers = [salary, commission, age, hvalue, hyears, loan];
    let perturbed = numbers
        .into_iter()
        .zip(RANGES)
        .map(|(number, [least, most])| {
            let by = PERTURBATION * (most - least) * draws.between(-1.0, 1.0);
            (number + by).clamp(least, most)
        });
    let mut values: Vec<f64> = perturbed.collect();
    values.extend([elevel, car, zipcode].map(|level| level as f64));
    Row::of(values, left)
}

impl Applicant {
    fn is_in_group_a(&self, function: usize) -> bool {
        let Self {
            salary,
            commission,
            age,
            hvalue,
            hyears,
            loan,
            elevel,
        } = *self;
        // Each choice depends on the age group: below 40, below 60, from 60 on.
        let by_age = |[young, middle, old]: [bool; 3]| match age {
            ..40.0 => young,
            ..60.0 => middle,
            _ => old,
        };
        let within = |amount: f64, least: f64, most: f64| {
            (1_000.0 * least..=1_000.0 * most).contains(&amount)
        };
        let salaried = |least, most| within(salary, least, most);
        let owes = |least, most| within(loan, least, most);
        let earns = |least, most| within(salary + commission, least, most);
        let income = 2.0 * (salary + commission) / 3.0;
        let schooling = 5_000.0 * elevel as f64;
        let equity = 0.1 * hvalue * (hyears - 20.0).max(0.0);
        match function {
            1 => by_age([true, false, true]),
            2 => by_age([salaried(50., 100.), salaried(75., 125.), salaried(25., 75.)]),
            3 => by_age([elevel < 2, (1..4).contains(&elevel), elevel > 1]),
            4 => by_age([
                if elevel < 2 {
                    salaried(25., 75.)
                } else {
                    salaried(50., 100.)
                },
                if (1..4).contains(&elevel) {
                    salaried(50., 100.)
                } else {
                    salaried(75., 125.)
                },
                if elevel > 1 {
                    salaried(50., 100.)
                } else {
                    salaried(25., 75.)
                },
            ]),
            5 => by_age([
                if salaried(50., 100.) {
                    owes(100., 300.)
                } else {
                    owes(200., 400.)
                },
                if salaried(75., 125.) {
                    owes(200., 400.)
                } else {
                    owes(300., 500.)
                },
                if salaried(25., 75.) {
                    owes(300., 500.)
                } else {
                    owes(100., 300.)
                },
            ]),
            6 => by_age([earns(50., 100.), earns(75., 125.), earns(25., 75.)]),
            7 => income - loan / 5.0 - 20_000.0 > 0.0,
            8 => income - schooling - 20_000.0 > 0.0,
            9 => income - schooling - loan / 5.0 - 10_000.0 > 0.0,
            10 => income - schooling + equity / 5.0 - 10_000.0 > 0.0,
            _ => unreachable!("there are ten functions"),
        }
    }
}

//! Logistic worlds with several rows of a client.
//!
//! A client has an effect of its own on the log-odds, normal with standard deviation 1. Half of the
//! variance of each feature is the client's, the other half the row's.

use std::f64::consts::FRAC_1_SQRT_2;

use super::Begin;
use super::logistic::{FEATURES, Logistic};
use crate::draws::Draws;
use crate::rows::Row;

/// How the rows of clients arrive.
#[derive(Clone, Copy)]
pub(super) struct Clients {
    /// Number of rows of each client.
    pub(super) rows: usize,
    /// Number of clients whose rows arrive at the same time. With one, the rows of a client follow
    /// each other; with many, they spread over batches.
    pub(super) at_once: usize,
}

struct Client {
    id: usize,
    effect: f64,
    means: [f64; FEATURES],
    rows_left: usize,
}

impl Client {
    fn draw(draws: &mut Draws, id: usize, rows: usize) -> Self {
        let mut means = [0.0; FEATURES];
        means.fill_with(|| draws.normal());
        Self {
            id,
            effect: draws.normal(),
            means,
            rows_left: rows,
        }
    }

    fn row(&mut self, draws: &mut Draws, world: &Logistic) -> Row {
        self.rows_left -= 1;
        let values = self
            .means
            .map(|mean| FRAC_1_SQRT_2 * (mean + draws.normal()));
        let log_odds = world.log_odds(&values) + self.effect;
        let left = draws.is(1.0 / (1.0 + (-log_odds).exp()));
        Row {
            client: Some(self.id),
            ..Row::of(values.to_vec(), left)
        }
    }
}

impl Clients {
    /// A world of these clients with this distribution at each batch.
    pub(super) fn at(
        self,
        distribution: impl Fn(usize) -> Logistic + Copy + Sync + 'static,
    ) -> Begin {
        Box::new(move |_| {
            let mut clients: Vec<Client> = Vec::new();
            let mut next_id = 0;
            Box::new(move |draws, batch| {
                while clients.len() < self.at_once {
                    clients.push(Client::draw(draws, next_id, self.rows));
                    next_id += 1;
                }
                let chosen = draws.whole(0, self.at_once - 1);
                let row = clients[chosen].row(draws, &distribution(batch));
                if clients[chosen].rows_left == 0 {
                    clients.swap_remove(chosen);
                }
                row
            })
        })
    }
}

//! Groups of terms: in a row, few terms of a group are not 0.

use super::grid::Grid;
use super::term::{Encoding, Term};

/// Terms that follow one another and belong together.
pub(super) struct TermGroup<'a> {
    pub(super) terms: &'a [Term<'a>],
    pub(super) kind: GroupKind<'a>,
}

/// What the terms of a group have in common.
#[derive(Clone, Copy)]
pub(super) enum GroupKind<'a> {
    /// A single term.
    Single,
    /// All steps of a number with these knots.
    Steps(&'a [f64]),
    /// Indicators of one feature, of which at most one is 1.
    Indicators,
    /// All cells of a grid.
    Cells(&'a Grid),
}

/// The groups of some terms, in their order.
pub(super) fn term_groups<'a>(terms: &'a [Term<'a>]) -> impl Iterator<Item = TermGroup<'a>> {
    terms.chunk_by(are_together).map(|terms| TermGroup {
        terms,
        kind: match terms[0].encoding {
            Encoding::Step(knots, _) => GroupKind::Steps(knots),
            Encoding::Cell(grid, _) => GroupKind::Cells(grid),
            encoding if encoding.is_indicator() && terms.len() > 1 => GroupKind::Indicators,
            _ => GroupKind::Single,
        },
    })
}

/// True for a step of a number and for a cell of a grid.
pub(super) fn is_step_or_cell(term: &Term<'_>) -> bool {
    matches!(term.encoding, Encoding::Step(..) | Encoding::Cell(..))
}

fn are_together(one: &Term<'_>, next: &Term<'_>) -> bool {
    match (one.encoding, next.encoding) {
        (Encoding::Step(_, step), Encoding::Step(_, next_step)) => {
            one.feature == next.feature && step + 1 == next_step
        }
        (Encoding::Cell(_, place), Encoding::Cell(_, next_place)) => place + 1 == next_place,
        (one_kind, next_kind) => {
            one.feature == next.feature && one_kind.is_indicator() && next_kind.is_indicator()
        }
    }
}

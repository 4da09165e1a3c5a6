//! Statements: plain texts, made of terms, expressions and selections.

mod input;
mod row;
mod statements;
mod storing;
mod term;

pub(crate) use self::input::{ACCEPTED, HEADER, InputText, rows_of_numbers};
pub(crate) use self::row::Likelihood;
pub(crate) use self::statements::*;
pub(crate) use self::storing::*;

//! Tests of `docs/when-something-is-wrong.md`. Each problem of the page is caused with the real
//! programs, the commands of its section are run, and their output must be as on the page.
//!
//! Only the page has the commands and messages. A test prepares the problem, follows the page step
//! by step, and does between the commands what a person would do.

mod input;
mod models;
mod page;
mod runs;
mod state;
mod surroundings;

use self::page::Section;

//! `docs/when-something-is-wrong.md`: each section is provoked on the real programs, its commands
//! are run, and what they print is what the page says.
//!
//! The page is the only place where commands and messages stand. A test sets the scene, does what
//! a person would do between the commands, and follows the page from one step to the next.

mod input;
mod models;
mod page;
mod runs;
mod state;
mod surroundings;

use self::page::Section;

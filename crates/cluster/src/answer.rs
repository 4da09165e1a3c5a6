//! Answers to statements, and the connection that brings them.

use std::fmt::Debug;

use common::Failure;

/// A cell of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// NULL.
    Null,
    /// A whole number.
    Whole(i64),
    /// A float.
    Number(f64),
    /// A text.
    Text(String),
}

/// A connection to an SQL engine.
pub trait Connection: Debug + Send + Sync {
    /// Runs a read-only statement and returns its result rows. Errors name the statement by `name`. Fails if the
    /// result has more than `max_lines` rows.
    fn ask(&self, name: &str, statement: &str, max_lines: usize) -> Result<Answer, Failure>;

    /// Runs a statement that changes something, once. Errors name the statement by `name`.
    fn execute(&self, name: &str, statement: &str) -> Result<(), Failure>;
}

/// The lines of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Name of the value that was asked for.
    pub name: String,
    /// The lines, each with a cell for each column.
    pub lines: Vec<Vec<Cell>>,
}

/// The cells of a line, read from left to right.
pub(crate) struct Line<'a> {
    name: &'a str,
    cells: std::slice::Iter<'a, Cell>,
}

impl Answer {
    /// The only line.
    pub(crate) fn only(&self) -> Result<Line<'_>, Failure> {
        match &self.lines[..] {
            [line] => Ok(self.line(line)),
            lines => Err(odd(
                &self.name,
                &format!("{} lines instead of one", lines.len()),
            )),
        }
    }

    /// All lines.
    pub(crate) fn each(&self) -> impl Iterator<Item = Line<'_>> {
        self.lines.iter().map(|line| self.line(line))
    }

    /// Reads each line into one of the values: its first cell is the place of the value. An error if there is
    /// no such place, or if two lines have the same one.
    pub(crate) fn read_into<T>(
        &self,
        values: &mut [T],
        read: impl Fn(&mut Line<'_>, &mut T) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut has_line = vec![false; values.len()];
        for mut line in self.each() {
            let place = line.count()?;
            let found = usize::try_from(place).ok().filter(|it| *it < values.len());
            let found = found.ok_or_else(|| {
                let what = format!("a line for group {place}, which was not asked for");
                odd(&self.name, &what)
            })?;
            if std::mem::replace(&mut has_line[found], true) {
                return Err(odd(&self.name, &format!("two lines for group {place}")));
            }
            read(&mut line, &mut values[found])?;
        }
        Ok(())
    }

    /// Appends the cells of each line of another answer to the same line of this one. With a key, lines with
    /// the same first cell are the same; without one, both answers have one line.
    pub(crate) fn extend_lines(&mut self, other: Self, has_key: bool) -> Result<(), Failure> {
        if self.lines.len() != other.lines.len() {
            let what = format!(
                "{} lines, and then with {}",
                self.lines.len(),
                other.lines.len()
            );
            return Err(odd(&self.name, &what));
        }
        for cells in other.lines {
            let key = cells.first().filter(|_| has_key);
            let line = self.lines.iter_mut().find(|line| match key {
                Some(key) => line.first() == Some(key),
                None => true,
            });
            let line = line.ok_or_else(|| odd(&self.name, "lines that do not belong together"))?;
            line.extend(cells.into_iter().skip(usize::from(has_key)));
        }
        Ok(())
    }

    fn line<'a>(&'a self, cells: &'a [Cell]) -> Line<'a> {
        Line {
            name: &self.name,
            cells: cells.iter(),
        }
    }
}

impl<'a> Line<'a> {
    fn next(&mut self) -> Result<&'a Cell, Failure> {
        let missing = || odd(self.name, "too few columns");
        self.cells.next().ok_or_else(missing)
    }

    /// A count. NULL, the sum of no rows, is 0.
    pub(crate) fn count(&mut self) -> Result<u64, Failure> {
        let cell = self.next()?;
        let count = match cell {
            Cell::Null => Some(0),
            Cell::Whole(whole) => u64::try_from(*whole).ok(),
            // A sum of floats that are whole numbers.
            Cell::Number(number) => {
                (number.fract() == 0.0 && (0.0..9e15).contains(number)).then_some(*number as u64)
            }
            Cell::Text(_) => None,
        };
        count.ok_or_else(|| odd(self.name, &format!("{cell:?} instead of a count")))
    }

    /// A whole number.
    pub(crate) fn whole(&mut self) -> Result<i64, Failure> {
        let cell = self.next()?;
        match cell {
            Cell::Whole(whole) => Ok(*whole),
            other => Err(odd(
                self.name,
                &format!("{other:?} instead of a whole number"),
            )),
        }
    }

    /// A finite number. NULL, the sum of no rows, is 0.
    pub(crate) fn number(&mut self) -> Result<f64, Failure> {
        Ok(self.number_if_present()?.unwrap_or(0.0))
    }

    /// A finite number, or NULL.
    pub(crate) fn number_if_present(&mut self) -> Result<Option<f64>, Failure> {
        let cell = self.next()?;
        match cell {
            Cell::Null => Ok(None),
            Cell::Whole(whole) => Ok(Some(*whole as f64)),
            Cell::Number(number) if number.is_finite() => Ok(Some(*number)),
            Cell::Number(_) | Cell::Text(_) => Err(odd(
                self.name,
                &format!("{cell:?} instead of a finite number"),
            )),
        }
    }

    /// A text, or NULL.
    pub(crate) fn text_if_present(&mut self) -> Result<Option<&'a str>, Failure> {
        let cell = self.next()?;
        match cell {
            Cell::Null => Ok(None),
            Cell::Text(text) => Ok(Some(text)),
            Cell::Whole(_) | Cell::Number(_) => {
                Err(odd(self.name, &format!("{cell:?} instead of a text")))
            }
        }
    }

    /// Reads one number into each element of `to`.
    pub(crate) fn fill<'n>(
        &mut self,
        to: impl IntoIterator<Item = &'n mut f64>,
    ) -> Result<(), Failure> {
        for number in to {
            *number = self.number()?;
        }
        Ok(())
    }
}

/// Failure for a result with an unexpected shape or type.
pub(crate) fn odd(name: &str, what: &str) -> Failure {
    Failure::input_output(format!(
        "the engine answered the query for {name} with {what}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(cells: &[Cell]) -> Answer {
        Answer {
            name: "the sum".into(),
            lines: vec![cells.to_vec()],
        }
    }

    #[test]
    fn sums_of_no_rows_are_zero() {
        let answer = answer(&[Cell::Null, Cell::Null, Cell::Number(3.0), Cell::Whole(4)]);
        let mut line = answer.only().unwrap();
        assert_eq!(line.count(), Ok(0));
        assert_eq!(line.number_if_present(), Ok(None));
        assert_eq!(line.count(), Ok(3));
        assert_eq!(line.number(), Ok(4.0));
    }

    #[test]
    fn lines_of_the_same_key_are_put_together() {
        let lines = |lines: &[[i64; 2]]| Answer {
            name: "the sums".into(),
            lines: lines
                .iter()
                .map(|cells| cells.map(Cell::Whole).to_vec())
                .collect(),
        };
        let mut all = lines(&[[4, 1], [0, 2]]);
        all.extend_lines(lines(&[[0, 3], [4, 5]]), true).unwrap();
        let cells = |cells: [i64; 3]| cells.map(Cell::Whole).to_vec();
        assert_eq!(all.lines, [cells([4, 1, 5]), cells([0, 2, 3])]);
        for other in [&[[0, 3], [1, 5]][..], &[[0, 3]]] {
            let failure = all.extend_lines(lines(other), true).unwrap_err();
            assert!(failure.message.contains("the sums"), "{failure}");
        }
        let mut one = lines(&[[1, 2]]);
        one.extend_lines(lines(&[[3, 4]]), false).unwrap();
        assert_eq!(one.lines, [[1, 2, 3, 4].map(Cell::Whole)]);
    }

    #[test]
    fn cells_that_a_query_cannot_have_are_failures_that_name_it() {
        let text = Cell::Text("x".into());
        let counts = [
            Cell::Whole(-1),
            Cell::Number(0.5),
            Cell::Number(f64::NAN),
            text.clone(),
        ];
        for cell in counts {
            let failure = answer(&[cell]).only().unwrap().count().unwrap_err();
            assert!(failure.message.contains("the sum"), "{failure}");
        }
        for cell in [Cell::Number(f64::INFINITY), Cell::Number(f64::NAN), text] {
            assert!(answer(&[cell]).only().unwrap().number().is_err());
        }
        let number = answer(&[Cell::Whole(1)]);
        assert!(number.only().unwrap().text_if_present().is_err());
        assert!(answer(&[]).only().unwrap().count().is_err());
        assert!(Answer::default().only().is_err());
    }
}

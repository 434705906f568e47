//! Columns that line up.

use std::fmt::{self, Write as _};

/// How a column's cells are aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows of cells; the first row is the heading unless it is empty.
#[derive(Debug)]
pub(crate) struct Table {
    aligns: Vec<Align>,
    rows: Vec<Vec<String>>,
    indent: usize,
}

impl Table {
    /// A table with a heading.
    pub(crate) fn headed<const N: usize>(columns: [(&str, Align); N]) -> Self {
        let heading = columns.iter().map(|(title, _)| (*title).to_owned()).collect();
        let mut table = Self::bare(columns.map(|(_, align)| align));
        table.rows.push(heading);
        table
    }

    /// A table without a heading.
    pub(crate) fn bare<const N: usize>(aligns: [Align; N]) -> Self {
        Self { aligns: aligns.into(), rows: Vec::new(), indent: 0 }
    }

    /// Puts `indent` spaces before every row.
    pub(crate) fn indented(self, indent: usize) -> Self {
        Self { indent, ..self }
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        debug_assert_eq!(N, self.aligns.len(), "a row has a cell for every column");
        // One row is one line, whatever a crate or a reason is called.
        self.rows.push(cells.map(|cell| cell.replace(char::is_control, " ")).into());
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![0; self.aligns.len()];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        widths
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for row in &self.rows {
            let mut line = " ".repeat(self.indent);
            for ((cell, width), align) in row.iter().zip(&widths).zip(&self.aligns) {
                match align {
                    Align::Left => write!(line, "{cell:<width$}  ")?,
                    Align::Right => write!(line, "{cell:>width$}  ")?,
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_end_with_their_text() {
        let mut table = Table::headed([("name", Align::Left), ("size", Align::Right)]);
        table.row(["größe".to_owned(), "7".to_owned()]);
        table.row(["a\nb".to_owned(), "1234567".to_owned()]);
        assert_eq!(table.to_string(), "name      size\ngröße        7\na b    1234567\n");
    }
}

//! Tables in Markdown, whose columns are also straight where nobody renders them.

use std::fmt;

/// A table; its first columns are text, the others numbers.
pub(crate) struct Table {
    texts: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings, of which so many are of columns of text.
    pub(crate) fn new<H: Into<String>>(texts: usize, headings: impl IntoIterator<Item = H>) -> Self {
        Table { texts, rows: vec![headings.into_iter().map(Into::into).collect()] }
    }

    pub(crate) fn row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column| {
            let lengths =
                self.rows.iter().filter_map(|row| row.get(column)).map(|cell: &String| cell.chars().count());
            lengths.max().unwrap_or(0).max(3)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (number, row) in self.rows.iter().enumerate() {
            for (column, width) in widths.iter().enumerate() {
                let cell = row.get(column).map_or("", String::as_str);
                if column < self.texts {
                    write!(f, "| {cell:<width$} ")?;
                } else {
                    write!(f, "| {cell:>width$} ")?;
                }
            }
            writeln!(f, "|")?;
            if number == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let line = "-".repeat(width - 1);
                    if column < self.texts {
                        write!(f, "| :{line} ")?;
                    } else {
                        write!(f, "| {line}: ")?;
                    }
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

/// A number with so many digits that the size of it shows, and no more.
pub(crate) fn number(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if value.abs() < 10.0 => format!("{value:.2}"),
        Some(value) if value.abs() < 100.0 => format!("{value:.1}"),
        Some(value) => grouped(&format!("{value:.0}")),
    }
}

/// Digits in groups of three, with a narrow space that does not break.
fn grouped(digits: &str) -> String {
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(1, ["who", "µs"]);
        table.row(["somebody", "1"]);
        assert_eq!(table.to_string(), "| who      |  µs |\n| :------- | --: |\n| somebody |   1 |\n");
    }

    #[test]
    fn numbers_have_three_digits_that_count() {
        assert_eq!(number(Some(1.234)), "1.23");
        assert_eq!(number(Some(12.34)), "12.3");
        assert_eq!(number(Some(123.4)), "123");
        assert_eq!(number(Some(1_234_567.0)), "1\u{202f}234\u{202f}567");
        assert_eq!(number(None), "–");
    }
}

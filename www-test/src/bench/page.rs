//! The page: `docs/performance.md`, whose table is a sheet's and whose words are a person's.

use std::path::Path;

use super::sheet::Sheet;
use super::{BenchError, cannot_use};

/// Between these stands the table.
const MARKS: [&str; 2] = ["<!-- generated: figures -->\n", "<!-- end -->\n"];

/// Writes the table into the page.
pub(super) fn write(path: &Path, sheet: &Sheet) -> Result<(), BenchError> {
    let page = std::fs::read_to_string(path).map_err(cannot_use(path))?;
    let full = fill(&page, &sheet.markdown()).ok_or_else(|| BenchError::Marks { path: path.to_owned() })?;
    std::fs::write(path, full).map_err(cannot_use(path))
}

/// The page with another table.
fn fill(page: &str, table: &str) -> Option<String> {
    let [start, end] = MARKS;
    let (before, rest) = page.split_once(start)?;
    let (_, after) = rest.split_once(end)?;
    Some([before, start, "\n", table, "\n", end, after].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::figures::Section;

    #[test]
    fn a_table_takes_the_place_of_the_one_before() {
        let page = |table: &str| format!("a\n<!-- generated: figures -->\n{table}<!-- end -->\nb\n");
        assert_eq!(fill(&page("old\n"), "new\n"), Some(page("\nnew\n\n")));
        assert_eq!(fill("a\n", "new\n"), None);
    }

    #[test]
    fn the_page_has_every_figure_in_its_place() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance.md");
        let page = std::fs::read_to_string(&path).expect("the page");
        let (_, rest) = page.split_once(MARKS[0]).expect("a table");
        let (table, _) = rest.split_once(MARKS[1]).expect("its end");
        let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        let heads = ["what".to_owned(), "---".to_owned()];
        let rows = table.lines().filter(|line| line.starts_with('|')).map(cells);
        let there: Vec<(String, String)> =
            rows.filter(|row| !heads.contains(&row[1])).map(|row| (row[1].clone(), row[2].clone())).collect();
        let figures = Section::ALL.iter().flat_map(|section| section.figures());
        let wanted: Vec<(String, String)> =
            figures.map(|figure| (figure.words.to_owned(), figure.unit.to_owned())).collect();
        assert_eq!(there, wanted, "write it anew with `cargo xtask bench all --write`");
    }
}

//! Files read from their beginning and from any place, and what is wrong with their lines.

use std::io::Write;

use super::*;

fn file(text: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text).unwrap();
    file
}

/// Every record from a place on: its line, and its JSON or what is wrong.
fn all(file: &tempfile::NamedTempFile, format: Format, from: Option<Place>) -> Vec<(u64, String)> {
    let mut records = Records::open(file.path(), format, &[], from).unwrap();
    let text = |record: Record| match record.json {
        Ok(json) => (record.line, json.trim().to_owned()),
        Err(problem) => (record.line, problem.to_string()),
    };
    std::iter::from_fn(|| records.read_next().unwrap().map(text)).collect()
}

#[test]
fn a_file_read_from_any_place_gives_the_rest() {
    let long = format!("{{\"x\":\"{}\"}}", "y".repeat(300_000));
    let lines = format!("{{\"a\":1}}\n\n{long}\n{{\"b\":2}}\n{{\"c\":3}}");
    let table = "event,time,page.title\nLead,1,\"two\nlines\"\nPurchase,2,\"say \"\"hi\"\"\"\nLead,3,\n";
    for (format, text) in [(Format::Jsonl, lines.as_str()), (Format::Csv, table)] {
        let file = file(text.as_bytes());
        let whole = all(&file, format, None);
        let mut records = Records::open(file.path(), format, &[], None).unwrap();
        for read in 0..whole.len() {
            assert_eq!(all(&file, format, Some(records.place())), whole[read..], "{format:?}");
            records.read_next().unwrap();
        }
    }
    let jsonl = all(&file(lines.as_bytes()), Format::Jsonl, None);
    let places: Vec<u64> = jsonl.iter().map(|(line, _)| *line).collect();
    assert_eq!((places, jsonl[1].1.as_str()), (vec![1, 3, 4, 5], "longer than an event may be"));
    assert_eq!(
        all(&file(table.as_bytes()), Format::Csv, None).iter().map(|(line, _)| *line).collect::<Vec<_>>(),
        [2, 4, 5]
    );
}

#[test]
fn a_byte_order_mark_before_a_row_makes_no_difference_wherever_reading_begins() {
    let rows = [
        "\u{feff}event,time,email",
        "Lead,1,",
        "\u{feff}Lead,2,",
        "\u{feff}\u{feff}\"Lead\",3,\"a,b\"",
        "\"\u{feff}Lead\",4,",
        "Lead,5,",
        "",
        "\u{feff}",
        "Lead,6,\u{feff}c",
        "\u{feff}",
    ];
    let event = |line: u64, json: &str| (line, json.to_owned());
    let expected = [
        event(2, r#"{"event":"Lead","time":1}"#),
        event(3, r#"{"event":"Lead","time":2}"#),
        event(4, r#"{"event":"Lead","time":3,"user":{"email":"a,b"}}"#),
        event(5, "{\"event\":\"\u{feff}Lead\",\"time\":4}"),
        event(6, r#"{"event":"Lead","time":5}"#),
        event(9, "{\"event\":\"Lead\",\"time\":6,\"user\":{\"email\":\"\u{feff}c\"}}"),
    ];
    for end in ["\n", "\r\n"] {
        let file = file(rows.join(end).as_bytes());
        assert_eq!(all(&file, Format::Csv, None), expected, "{end:?}");
        let mut records = Records::open(file.path(), Format::Csv, &[], None).unwrap();
        for read in 0..=expected.len() {
            let rest = all(&file, Format::Csv, Some(records.place()));
            assert_eq!(rest, expected[read..], "{end:?}, from row {read}");
            records.read_next().unwrap();
        }
    }
}

/// Whatever lines end with, and however many of them are blank.
#[test]
fn every_row_is_told_by_its_own_line() {
    let (head, good, bad) = ("event,time", "Lead,1", "Lead");
    let check = |parts: &[&str], expected: &[u64]| {
        let file = file(parts.concat().as_bytes());
        let lines =
            |from| all(&file, Format::Csv, from).into_iter().map(|(line, _)| line).collect::<Vec<_>>();
        assert_eq!(lines(None), expected, "{parts:?}");
        let mut records = Records::open(file.path(), Format::Csv, &[], None).unwrap();
        for read in 0..expected.len() {
            assert_eq!(lines(Some(records.place())), expected[read..], "{parts:?}, from row {read}");
            records.read_next().unwrap();
        }
    };
    let (lf, cr_lf) = ("\n", "\r\n");
    check(&[head, lf, good, lf, bad, lf], &[2, 3]);
    check(&[head, cr_lf, good, cr_lf, bad, cr_lf], &[2, 3]);
    check(&[head, lf, good, cr_lf, bad, cr_lf, good, lf], &[2, 3, 4]);
    check(&[head, cr_lf, good, lf, bad, lf, good, cr_lf], &[2, 3, 4]);
    check(&[head, lf, lf, good, lf, lf, lf, bad, lf], &[3, 6]);
    check(&[head, cr_lf, cr_lf, good, cr_lf, cr_lf, cr_lf, bad, cr_lf], &[3, 6]);
    check(&[head, lf, good, lf, lf, "\u{feff}", lf, bad, lf, good], &[2, 5, 6]);
    check(&[head, cr_lf, "Lead,\"1\r\n\"", cr_lf, bad, cr_lf], &[2, 4]);
    // More than the parser reads at once.
    let long = ["Lead,\"", &"1".repeat(20_000), "\""].concat();
    check(&[head, cr_lf, &long, cr_lf, lf, &long, lf, bad], &[2, 4, 5]);
}

#[test]
fn a_file_in_utf_16_is_refused_and_says_so() {
    let text = "event,time\nLead,1\n";
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let marked = |mark: [u8; 2], text: &[u8]| [mark.as_slice(), text].concat();
    let files = [marked([0xff, 0xfe], &little), marked([0xfe, 0xff], &big), little, big];
    for (text, format) in files.iter().flat_map(|text| [(text, Format::Csv), (text, Format::Jsonl)]) {
        let error = Records::open(file(text).path(), format, &[], None).err().unwrap();
        assert!(matches!(error, RecordsError::Utf16), "{format:?}: {error}");
    }
    assert_eq!(all(&file(b"{"), Format::Jsonl, None), [(1, "{".to_owned())], "one byte tells nothing");
}

#[test]
fn text_that_is_no_utf_8_costs_only_its_line() {
    let found = all(&file(b"{\"a\":1}\n\xff\n{\"b\":2}\n"), Format::Jsonl, None);
    assert_eq!(
        found.iter().map(|(_, json)| json.as_str()).collect::<Vec<_>>(),
        ["{\"a\":1}", "not UTF-8; save the file as UTF-8", "{\"b\":2}"]
    );
}

#[test]
fn a_row_that_does_not_stand_under_the_headings_is_refused() {
    let text =
        "event,time,email\nLead,1,a@example.com\nLead,2\nPurchase,3,1,90\nLead,4,,,, \nLead,5,\nLead\n";
    let found = all(&file(text.as_bytes()), Format::Csv, None);
    let advice = "; put a cell that holds a comma in quotes, and leave an empty one in its place";
    let expected = [
        (2_u64, r#"{"event":"Lead","time":1,"user":{"email":"a@example.com"}}"#.to_owned()),
        (3, format!("cells: 2, headings: 3{advice}")),
        (4, format!("cells: 4, headings: 3{advice}")),
        (5, r#"{"event":"Lead","time":4}"#.to_owned()),
        (6, r#"{"event":"Lead","time":5}"#.to_owned()),
        (7, format!("cells: 1, headings: 3{advice}")),
    ];
    assert_eq!(found, expected);
}

//! Organisations from a table (CSV) as spreadsheets write it.

use std::collections::HashMap;

use pikir_contract::is_language_tag;

use super::plan::{Mention, Row};
use super::{check_code, check_name};

/// What can stand between two cells.
const DELIMITERS: [u8; 4] = *b",;\t|";
/// The cell that takes away what is known.
const REMOVED: &str = "-";
/// Characters of a line that an error repeats.
const SHOWN_CHARS: usize = 60;

enum Column {
    Code,
    Parent,
    Name(String),
}

/// Where the names of the columns stand, and what separates them.
struct Header<'a> {
    /// From that line to the end.
    text: &'a str,
    /// Lines before it.
    skipped: u64,
    delimiter: u8,
}

/// The rows of a table. The error names the line at fault.
pub(super) fn read(text: &str) -> Result<Vec<Row>, String> {
    let Header {
        text,
        skipped,
        delimiter,
    } = find_header(text)?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(text.as_bytes());
    let names = reader.headers().map_err(|error| error.to_string())?;
    let columns = columns(names).map_err(|why| format!("line {}: {why}", skipped + 1))?;
    let mut rows: Vec<Row> = Vec::new();
    let mut lines: HashMap<String, u64> = HashMap::new();
    let (mut at, mut line) = (0, skipped + 1);
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        // The reader takes empty lines for a part of what follows them.
        let begins = record.position().map_or(0, csv::Position::byte) as usize;
        let begins = begins + empty_lines(&text.as_bytes()[begins..]);
        line += line_ends(&text.as_bytes()[at..begins]);
        at = begins;
        if record.iter().all(str::is_empty) {
            continue;
        }
        let row = read_row(&columns, &record, line).map_err(|why| format!("line {line}: {why}"))?;
        if let Some(same) = lines.insert(row.code.clone(), line) {
            return Err(format!(
                "line {line}: the code {} stands on line {same} already",
                row.code
            ));
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Bytes of the line ends at the beginning of `text`.
fn empty_lines(text: &[u8]) -> usize {
    text.iter()
        .take_while(|byte| b"\r\n".contains(byte))
        .count()
}

/// How many lines end in `text`, whichever way.
fn line_ends(text: &[u8]) -> u64 {
    let ends = text.iter().enumerate().filter(|&(index, &byte)| {
        byte == b'\n' || byte == b'\r' && text.get(index + 1) != Some(&b'\n')
    });
    ends.count() as u64
}

/// The first line with anything on it names the columns. One before it may say what separates them
/// (`sep=;`).
fn find_header(text: &str) -> Result<Header<'_>, String> {
    let mut rest = text;
    let (mut skipped, mut told) = (0, None);
    loop {
        let end = rest.find(['\r', '\n']).unwrap_or(rest.len());
        let line = &rest[..end];
        let delimiter = line.strip_prefix("sep=").and_then(|it| it.bytes().next());
        if delimiter.is_some() {
            told = delimiter;
        } else if line.chars().any(char::is_alphanumeric) {
            let delimiter = told
                .or_else(|| DELIMITERS.into_iter().find(|&with| names_the_code(line, with)))
                .ok_or_else(|| {
                    format!(
                        "line {}: there is no column `code` in {:?}; this line names the columns (code, parent, name_ky, name_ru, …), and commas, semicolons or tabs separate them",
                        skipped + 1,
                        line.chars().take(SHOWN_CHARS).collect::<String>()
                    )
                })?;
            return Ok(Header {
                text: rest,
                skipped,
                delimiter,
            });
        }
        if end == rest.len() {
            return Err("is empty: the first line names the columns".to_owned());
        }
        let ending = if rest[end..].starts_with("\r\n") {
            2
        } else {
            1
        };
        rest = &rest[end + ending..];
        skipped += 1;
    }
}

fn names_the_code(line: &str, delimiter: u8) -> bool {
    let mut cells = line.split(char::from(delimiter));
    cells.any(|cell| tidy(cell) == "code")
}

/// A column's name as people may have typed it.
fn tidy(name: &str) -> String {
    name.trim().trim_matches('"').trim().to_lowercase()
}

fn columns(names: &csv::StringRecord) -> Result<Vec<Column>, String> {
    let names: Vec<String> = names.iter().map(tidy).collect();
    let mut first: HashMap<&str, usize> = HashMap::new();
    for (index, name) in names
        .iter()
        .enumerate()
        .filter(|(_, name)| !name.is_empty())
    {
        if let Some(same) = first.insert(name, index) {
            return Err(format!(
                "columns {} and {} are both {name}; each column stands there once",
                same + 1,
                index + 1
            ));
        }
    }
    if !first.contains_key("code") {
        return Err("there is no column `code`; this line names the columns".to_owned());
    }
    names.iter().map(|name| column(name)).collect()
}

fn column(name: &str) -> Result<Column, String> {
    match name {
        "code" => Ok(Column::Code),
        "parent" => Ok(Column::Parent),
        _ => match name
            .strip_prefix("name_")
            .map(language)
            .filter(|tag| is_language_tag(tag))
        {
            Some(language) => Ok(Column::Name(language)),
            None => Err(format!(
                "{name:?} is not a column; columns are code, parent, name_ky, name_ru, …"
            )),
        },
    }
}

/// A tag as it is usually written: the script with a capital, the region in capitals.
fn language(tag: &str) -> String {
    let part = |(index, part): (usize, &str)| match (index, part.len()) {
        (1.., 2) => part.to_uppercase(),
        (1.., 4) => part[..1].to_uppercase() + &part[1..],
        _ => part.to_owned(),
    };
    let parts: Vec<String> = tag.split(['-', '_']).enumerate().map(part).collect();
    parts.join("-")
}

fn read_row(columns: &[Column], record: &csv::StringRecord, line: u64) -> Result<Row, String> {
    if let Some(beyond) = record
        .iter()
        .skip(columns.len())
        .find(|cell| !cell.is_empty())
    {
        return Err(format!(
            "has {} cells, {} columns are named; too much is {beyond:?}",
            record.len(),
            columns.len()
        ));
    }
    let mut row = Row {
        line,
        ..Row::default()
    };
    for (column, cell) in columns.iter().zip(record) {
        let mention = match cell {
            "" => Mention::Absent,
            REMOVED => Mention::Removed,
            text => Mention::Given(text.to_owned()),
        };
        match (column, mention) {
            (_, Mention::Absent) => {}
            (Column::Code, _) => row.code = cell.to_owned(),
            (Column::Parent, mention) => row.parent = mention,
            (Column::Name(language), Mention::Given(text)) => {
                let name = check_name(&text).map_err(|why| format!("name_{language}: {why}"))?;
                row.names.push((language.clone(), Mention::Given(name)));
            }
            (Column::Name(language), mention) => row.names.push((language.clone(), mention)),
        }
    }
    check_code("code", &row.code)?;
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(String, Mention)> {
        read(text).unwrap().remove(0).names
    }

    fn given(language: &str, text: &str) -> (String, Mention) {
        (language.to_owned(), Mention::Given(text.to_owned()))
    }

    #[test]
    fn whatever_separates_the_cells_and_wherever_the_table_begins_it_is_read() {
        for text in [
            "code,parent,name_ky,name_ru\na-1,,,Имя\n",
            "code;parent;name_ky;name_ru\na-1;;;Имя\n",
            "code\tparent\tname_ky\tname_ru\na-1\t\t\tИмя\n",
            "\r\ncode;name_ru\r\na-1;Имя\r\n",
            ";;\r\n\r\nsep=;\r\n Code ; NAME_RU \r\na-1;Имя;;\r\n",
            "code,name_ru\ra-1,Имя\r",
            "\"code\";\"name_ru\"\na-1;\"Имя\"",
            "name_ru;code\nИмя;a-1",
        ] {
            assert_eq!(names(text), [given("ru", "Имя")], "{text:?}");
        }
    }

    #[test]
    fn a_name_is_one_line_in_composed_letters() {
        let text = "code,name_ru,name_be\na,\"Районный\n\tотдел \u{200b}\",\"У\u{306}пра\u{7}ва\u{2028}А\"\n";
        let expected = [given("ru", "Районный отдел"), given("be", "Ўправа А")];
        assert_eq!(names(text), expected);
    }

    #[test]
    fn a_fault_names_its_line() {
        for (text, expected) in [
            (
                "code,name_ru,name_ru\na,А,Б\n",
                &["line 1", "columns 2 and 3", "name_ru"][..],
            ),
            (
                "\ncode,name_ru, Name_RU\na,А,Б\n",
                &["line 2", "columns 2 and 3"],
            ),
            ("code,nmae_ru\n", &["line 1", "nmae_ru"]),
            (
                "code:name_ru\na:А\n",
                &["line 1", "commas, semicolons or tabs", "code:name_ru"],
            ),
            ("\n\n", &["is empty"]),
            ("code,name_ru\na,А\na,Б\n", &["line 3", "line 2"]),
            ("code,name_ru\na,А\n\nb,Б,В\n", &["line 4", "3 cells"]),
            ("code,name_ru\nа-1,А\n", &["line 2", "the code"]),
            ("code,name_ru\n,А\n", &["line 2", "the code"]),
            ("code,name_ky\na,Б?л?м\n", &["line 2", "name_ky", "UTF-8"]),
            (
                "code,name_ky\na,Б\u{fffd}лүм\n",
                &["line 2", "name_ky", "UTF-8"],
            ),
        ] {
            let why = read(text).unwrap_err();
            assert!(
                expected.iter().all(|part| why.contains(part)),
                "{text:?}: {why}"
            );
        }
        let endless = format!("code,name_ru\na,\"А\nb,{}\n", "Б".repeat(300));
        let why = read(&endless).unwrap_err();
        assert!(
            why.contains("line 2") && why.contains("characters"),
            "{why}"
        );
    }

    #[test]
    fn a_hyphen_takes_away_and_an_empty_cell_says_nothing() {
        let rows = read("code,parent,name_ru,name_zh-hant-tw\na,-,-,А\n").unwrap();
        assert_eq!(rows[0].parent, Mention::Removed);
        let removed = ("ru".to_owned(), Mention::Removed);
        assert_eq!(rows[0].names, [removed, given("zh-Hant-TW", "А")]);
    }
}

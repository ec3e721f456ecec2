//! The journal as a file to carry.

use super::*;

#[test]
fn an_export_holds_every_event_after_a_header() {
    let desk = Desk::new();
    drop(desk.filled(3));
    let to = desk.dir.path().join("journal.jsonl");
    assert_eq!(
        export(&desk.path(), &to, desk.clock.reading()).unwrap(),
        ExportSummary {
            events: 3,
            last_seq: 3
        }
    );
    let text = std::fs::read_to_string(&to).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["pikir_journal"], 1);
    assert_eq!(lines[3]["seq"], 3);
}

#[test]
fn an_export_that_cannot_be_written_names_the_file_and_the_stick() {
    let desk = Desk::new();
    drop(desk.filled(1));
    let to = desk.dir.path().join("not-mounted/journal.jsonl");
    let error = export(&desk.path(), &to, desk.clock.reading()).unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("not-mounted/journal.jsonl") && said.contains("stick mounted"),
        "{said}"
    );
}

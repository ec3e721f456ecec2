//! `ACCESSIBILITY.md` names tests; a table that names what does not exist would be worse than none.

use std::path::Path;

/// Every Rust source of the terminal and of the tests of all programs together.
fn sources(directory: &Path, text: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_test_named_here_exists() {
    let kiosk = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    for folder in ["src", "tests", "../tests/tests"] {
        sources(&kiosk.join(folder), &mut text);
    }
    let table = std::fs::read_to_string(kiosk.join("ACCESSIBILITY.md")).unwrap();
    let named: Vec<&str> = table
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.matches('_').count() >= 3)
        .collect();
    assert!(named.len() > 20, "only {} tests named", named.len());
    for name in named {
        assert!(
            text.contains(&format!("fn {name}()")),
            "{name} is not the name of a test"
        );
    }
}

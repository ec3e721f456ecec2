//! SECURITY.md names what holds whom by the tests that show it: each of them must be there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Words of a test's name, at least: shorter ones in backticks are rules and commands.
const WORDS: usize = 5;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

#[test]
fn every_test_that_the_threat_model_names_is_there() -> Result<()> {
    let text = fs::read_to_string(root().join("SECURITY.md"))?;
    let quoted = text.split('`').skip(1).step_by(2);
    let named: BTreeSet<&str> = quoted
        .filter(|name| name.split('_').count() >= WORDS)
        .filter(|name| {
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        })
        .collect();
    ensure!(named.len() > 30, "only {} are named", named.len());
    let mut files = Vec::new();
    for folder in [
        "contract/src",
        "contract/tests",
        "kiosk/src",
        "kiosk/tests",
        "portal/src",
        "portal/tests",
        "tests/src",
        "tests/tests",
    ] {
        sources(&root().join(folder), &mut files)?;
    }
    let mut all = String::new();
    for file in files {
        all += &fs::read_to_string(file)?;
    }
    let missing: Vec<&str> = named
        .into_iter()
        .filter(|name| !all.contains(&format!("fn {name}(")))
        .collect();
    ensure!(missing.is_empty(), "{missing:#?}");
    Ok(())
}

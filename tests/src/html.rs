//! Whether pages are valid HTML: html-validate's standard rules, and addresses as the URL standard
//! writes them. It is fetched from the npm registry as `html-check/package-lock.json` pins it,
//! never kept in the repository (MIT licence).

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{axe, process};

const PACKAGE: &str = include_str!("../html-check/package.json");
const LOCK: &str = include_str!("../html-check/package-lock.json");
/// The rules of the HTML standard; whoever writes them differently is free to.
const RULES: &str = r#"{"root": true, "extends": ["html-validate:standard"]}"#;
const PROGRAM: &str = "node_modules/html-validate/bin/html-validate.mjs";
/// Attributes that hold one address.
const ADDRESSES: [&str; 3] = [" href=\"", " src=\"", " action=\""];

/// What is wrong with a page, one line each.
pub fn check(page: &str) -> Result<Vec<String>> {
    let folder = fetched()?;
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("page.html");
    std::fs::write(&file, page)?;
    let mut command = process::command("node");
    command
        .arg(folder.join(PROGRAM))
        .args(["--formatter", "json", "--config"])
        .arg(folder.join("rules.json"))
        .arg(&file);
    // It ends with 1 where it has found something: that is an answer, too.
    let output = command.output().context("node cannot be started")?;
    let found: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let messages = found[0]["messages"].as_array().into_iter().flatten();
    let said = messages.map(|message| {
        format!(
            "{}: {} ({})",
            message["ruleId"], message["message"], message["selector"]
        )
    });
    let addresses = wrong_addresses(page).into_iter();
    Ok(said
        .chain(addresses.map(|address| format!("no address: {address:?}")))
        .collect())
}

/// Addresses with what no URL has: spaces, controls, angle brackets and their like.
fn wrong_addresses(page: &str) -> Vec<&str> {
    let values = ADDRESSES.iter().flat_map(|attribute| {
        page.split(attribute)
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
    });
    let is_wrong = |c: char| c.is_whitespace() || c.is_control() || "<>\\^`{|}".contains(c);
    values.filter(|value| value.contains(is_wrong)).collect()
}

/// The folder with the program, fetched the first time.
fn fetched() -> Result<PathBuf> {
    let folder = axe::beside_the_tests("html-check")?;
    let lock = std::fs::File::create(folder.join("lock"))?;
    lock.lock()?;
    if folder.join(PROGRAM).is_file()
        && std::fs::read_to_string(folder.join("package-lock.json")).is_ok_and(|held| held == LOCK)
    {
        return Ok(folder);
    }
    std::fs::write(folder.join("package.json"), PACKAGE)?;
    std::fs::write(folder.join("rules.json"), RULES)?;
    std::fs::write(folder.join("package-lock.json"), LOCK)?;
    let mut install = process::inheriting("npm");
    install
        .args([
            "ci",
            "--silent",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
        ])
        .current_dir(&folder);
    process::succeed(&mut install)
        .context("html-validate comes from the npm registry: npm and a network are needed once")?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_space_in_an_address_is_found() {
        let page =
            "<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg x\"><a href=\"/o/a%20b?x=1\">";
        assert_eq!(wrong_addresses(page), ["data:image/svg+xml,%3Csvg x"]);
    }
}

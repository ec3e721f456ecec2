//! A terminal that is set up wrongly says so once, plainly, with file, line and remedy, and ends
//! with 2.

use std::path::{Path, PathBuf};

use anyhow::Result;
use pikir_tests::process::Running;
use pikir_tests::{bins, process, wait};
use tempfile::TempDir;

/// A directory with a `terminal.toml` and a data directory.
fn terminal(toml: &str) -> Result<(TempDir, PathBuf, PathBuf)> {
    let dir = tempfile::tempdir()?;
    let (config, data) = (dir.path().join("terminal.toml"), dir.path().join("data"));
    std::fs::write(&config, toml)?;
    std::fs::create_dir(&data)?;
    Ok((dir, config, data))
}

/// What the terminal says as it refuses to start: one message, exit code 2.
fn refusal(config: &Path, data: &Path) -> Result<String> {
    let mut command = process::command(bins::path("pikir-kiosk")?);
    command
        .args(["run", "--windowed", "800x480", "--config"])
        .arg(config)
        .arg("--data-dir")
        .arg(data);
    // Nothing of a display is there: the set-up is looked at first.
    let output = process::finish(&mut command)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    assert!(said.trim().lines().count() <= 3, "one message: {said}");
    Ok(said)
}

#[test]
fn plain_http_to_another_machine_is_refused_with_its_line() -> Result<()> {
    let (_dir, config, data) = terminal("# terminal\nportal = \"http://portal.example\"\n")?;
    let said = refusal(&config, &data)?;
    assert!(
        said.contains("terminal.toml:2:") && said.contains("https"),
        "{said}"
    );
    Ok(())
}

#[test]
fn a_misspelt_key_is_named_with_its_line_and_the_names_that_exist() -> Result<()> {
    let (_dir, config, data) =
        terminal("portal = \"https://portal.example\"\n\n[screen]\nrotatoin = 90\n")?;
    let said = refusal(&config, &data)?;
    assert!(
        said.contains("terminal.toml:4:") && said.contains("rotatoin") && said.contains("rotation"),
        "{said}"
    );
    Ok(())
}

#[test]
fn a_file_that_is_not_toml_is_named_with_the_line_where_it_breaks() -> Result<()> {
    let (_dir, config, data) =
        terminal("portal = \"https://portal.example\"\nca_file = /etc/ca.pem\n")?;
    let said = refusal(&config, &data)?;
    assert!(said.contains("terminal.toml:2:"), "{said}");
    Ok(())
}

#[test]
fn an_unreadable_ca_file_is_named_with_its_line_and_what_to_do() -> Result<()> {
    let (_dir, config, data) =
        terminal("portal = \"https://portal.example\"\nca_file = \"/nonexistent/ca.pem\"\n")?;
    let said = refusal(&config, &data)?;
    assert!(
        said.contains("terminal.toml:2:") && said.contains("/nonexistent/ca.pem"),
        "{said}"
    );
    Ok(())
}

#[test]
fn a_pin_with_two_uses_is_named_with_both_and_its_line() -> Result<()> {
    let (_dir, config, data) = terminal("[gpio]\nhousing = 22\nbuzzer = 22\n")?;
    let said = refusal(&config, &data)?;
    assert!(
        said.contains("terminal.toml:3:") && said.contains("housing") && said.contains("buzzer"),
        "{said}"
    );
    Ok(())
}

#[test]
fn a_rotation_that_a_window_system_would_have_to_carry_out_is_refused_with_the_remedy() -> Result<()>
{
    let (_dir, config, data) = terminal("[screen]\nrotation = 90\n")?;
    let said = refusal(&config, &data)?;
    assert!(
        said.contains("rotation: 90") && said.contains("linuxkms") && said.contains("xrandr"),
        "{said}"
    );
    Ok(())
}

#[test]
fn a_missing_data_directory_is_named_not_made_by_the_way_and_used_when_it_is_there() -> Result<()> {
    let (dir, config, _) = terminal("")?;
    let missing = dir.path().join("nowhere");
    let mut command = process::command(bins::path("pikir-kiosk")?);
    command
        .args(["run", "--windowed", "800x480", "--config"])
        .arg(config)
        .arg("--data-dir")
        .arg(&missing)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY");
    let mut running = Running::start(&command, &dir.path().join("log"))?;
    running.wait_for_line("what is missing", |line| {
        (line.contains("nowhere does not exist") && line.contains("mkdir")).then_some(())
    })?;
    assert!(!missing.exists());
    std::fs::create_dir(&missing)?;
    wait::until("the control socket", || {
        Ok(missing.join("control.sock").exists().then_some(()))
    })?;
    assert!(running.stop()?.success());
    Ok(())
}

#[test]
fn a_settings_file_that_was_asked_for_and_is_not_there_is_named() -> Result<()> {
    let (dir, _, data) = terminal("")?;
    let said = refusal(&dir.path().join("other.toml"), &data)?;
    assert!(said.contains("other.toml"), "{said}");
    Ok(())
}

#[test]
fn the_tool_refuses_plain_http_to_another_machine_as_well() -> Result<()> {
    let (_dir, config, data) = terminal("")?;
    let mut command = process::command(bins::path("pikir-provision")?);
    command
        .args(["enroll", "--portal", "http://portal.example", "--data-dir"])
        .arg(data)
        .arg("--config")
        .arg(config);
    let output = process::finish(&mut command)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("https"), "{said}");
    Ok(())
}

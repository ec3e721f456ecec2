use super::*;

fn error(text: &str) -> String {
    Settings::parse(text, Path::new("/etc/pikir/terminal.toml"))
        .unwrap_err()
        .to_string()
}

#[test]
fn a_misspelt_key_is_named_with_its_line_and_the_right_names() {
    let message = error("# terminal\nportl = \"https://otzyv.example\"\n");
    assert!(
        message.starts_with("/etc/pikir/terminal.toml:2: "),
        "{message}"
    );
    assert!(
        message.contains("`portl`") && message.contains("`portal`"),
        "{message}"
    );
}

#[test]
fn plain_http_is_refused_except_on_loopback() {
    let message = error("\nportal = \"http://otzyv.example\"\n");
    assert!(
        message.starts_with("/etc/pikir/terminal.toml:2: portal: ") && message.contains("https"),
        "{message}"
    );
    for good in [
        "http://127.0.0.1:8080",
        "http://[::1]:80",
        "http://localhost:1",
        "https://otzyv.example",
    ] {
        assert!(
            Settings::parse(&format!("portal = \"{good}\""), Path::new("t")).is_ok(),
            "{good}"
        );
    }
}

#[test]
fn an_unreadable_ca_file_is_named_with_its_line() {
    let message = error("portal = \"https://otzyv.example\"\nca_file = \"/nonexistent/ca.pem\"\n");
    assert!(
        message.contains(":2: ca_file: /nonexistent/ca.pem cannot be read"),
        "{message}"
    );
}

#[test]
fn a_rotation_that_no_panel_has_is_refused() {
    assert!(error("[screen]\nrotation = 45\n").contains(":2: rotation: 45"));
}

#[test]
fn the_start_spread_is_half_a_minute_unless_said_otherwise_and_ten_minutes_at_most() {
    let spread =
        |text: &str| Settings::parse(text, Path::new("t")).map(|it| it.network.start_spread);
    assert_eq!(spread(""), Ok(START_SPREAD));
    assert_eq!(Settings::default().network.start_spread, START_SPREAD);
    assert_eq!(
        spread("[network]\nstart_spread_s = 0\n"),
        Ok(Duration::ZERO)
    );
    assert_eq!(
        spread("[network]\nstart_spread_s = 600\n"),
        Ok(Duration::from_secs(600))
    );
    assert!(error("[network]\nstart_spread_s = 601\n").contains(":2: start_spread_s: 601"));
    assert!(error("[network]\nstart_spread_s = -1\n").contains(":2: "));
}

#[test]
fn the_fresh_file_is_read_back() {
    let settings =
        Settings::parse(&Settings::fresh("https://otzyv.example"), Path::new("t")).unwrap();
    assert_eq!(settings.portal.as_deref(), Some("https://otzyv.example"));
}

#[test]
fn the_fresh_file_holds_an_example_of_everything_that_can_be_set() {
    let commented = Settings::fresh("https://otzyv.example");
    // Whoever removes the marks gets a file that is right.
    let text: String = commented
        .lines()
        .map(|line| {
            line.strip_prefix("# ")
                .filter(|line| line.contains('=') || line.starts_with('['))
                .unwrap_or(line)
        })
        .filter(|line| !line.starts_with("ca_file"))
        .map(|line| format!("{line}\n"))
        .collect();
    let settings = Settings::parse(&text, Path::new("t")).unwrap();
    assert_eq!(settings.gpio.lines().len(), 10);
    assert_eq!(settings.gpio.lamps().len(), 7);
    assert_eq!(settings.gpio.backlight, Some(18));
    assert_eq!(settings.screen.min_brightness, Some(10));
    assert!(!settings.screen.pixel_shift);
}

#[test]
fn the_picture_moves_against_burn_in_and_is_dimmed_as_usual_unless_said_otherwise() {
    let screen = |text: &str| {
        Settings::parse(&format!("[screen]\n{text}"), Path::new("t")).map(|it| it.screen)
    };
    assert_eq!(screen("").unwrap(), ScreenSettings::default());
    assert!(ScreenSettings::default().pixel_shift);
    assert_eq!(
        screen("min_brightness = 0").unwrap().min_brightness,
        Some(0)
    );
    for bad in ["101", "-1", "300"] {
        let message = error(&format!("[screen]\nmin_brightness = {bad}\n"));
        assert!(message.contains(":2: min_brightness: "), "{message}");
    }
}

#[test]
fn speech_goes_to_a_loudspeaker_unless_said_otherwise_and_nowhere_else() {
    let speech = |text: &str| Settings::parse(text, Path::new("t")).map(|it| it.speech);
    assert_eq!(speech(""), Ok(SpeechSettings::default()));
    assert_eq!(Settings::default().speech, SpeechSettings::default());
    let told =
        "[speech]\nprogram = \"/opt/say\"\ndevice = \"plughw:1,0\"\noutput = \"headphones\"\n";
    let headphones = SpeechSettings {
        program: "/opt/say".into(),
        device: Some("plughw:1,0".into()),
        output: crate::speech::Output::Headphones,
    };
    assert_eq!(speech(told), Ok(headphones));
    let message = error("[speech]\noutput = \"telephone\"\n");
    assert!(
        message.contains(":2: ")
            && message.contains("headphones")
            && message.contains("loudspeaker"),
        "{message}"
    );
}

#[test]
fn a_double_strike_is_two_seconds_at_most() {
    let within =
        |text: &str| Settings::parse(text, Path::new("t")).map(|it| it.screen.double_strike_ms);
    assert_eq!(within(""), Ok(0));
    assert_eq!(within("[screen]\ndouble_strike_ms = 500\n"), Ok(500));
    assert!(error("[screen]\ndouble_strike_ms = 2001\n").contains(":2: double_strike_ms: 2001"));
}

#[test]
fn an_enrolled_terminal_goes_on_with_its_last_good_settings_whatever_became_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let (path, copy) = (
        dir.path().join("terminal.toml"),
        dir.path().join("copy.toml"),
    );
    let good = "portal = \"https://portal.example\"\n[screen]\nrotation = 90\n";
    std::fs::write(&path, good).unwrap();
    let (settings, fault) = Settings::load_or_last(&path, &copy);
    assert_eq!((settings.screen.rotation, fault), (90, None));
    for broken in [
        &b""[..],
        b" \n\t\n",
        b"\0\0\0\0",
        b"portal = \"https",
        b"rotatoin = 90",
        b"portal = \"http://portal.example\"",
        b"\xff\xfe",
    ] {
        std::fs::write(&path, broken).unwrap();
        let (settings, fault) = Settings::load_or_last(&path, &copy);
        assert_eq!(settings.screen.rotation, 90, "{broken:?}");
        let fault = fault.unwrap();
        assert!(
            fault.contains("terminal.toml") && fault.contains("last good"),
            "{fault}"
        );
    }
    std::fs::remove_file(&path).unwrap();
    let (settings, fault) = Settings::load_or_last(&path, &copy);
    assert!(settings.screen.rotation == 90 && fault.unwrap().contains("missing"));
    std::fs::create_dir(&path).unwrap();
    assert!(
        Settings::load_or_last(&path, &copy)
            .1
            .unwrap()
            .contains("cannot be read")
    );
    // A file that says nothing but comments was written by somebody.
    std::fs::remove_dir(&path).unwrap();
    std::fs::write(&path, "# nothing\n").unwrap();
    assert_eq!(
        Settings::load_or_last(&path, &copy),
        (Settings::default(), None)
    );
}

#[test]
fn without_any_copy_an_enrolled_terminal_goes_on_without_settings_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (path, copy) = (
        dir.path().join("terminal.toml"),
        dir.path().join("copy.toml"),
    );
    assert_eq!(
        Settings::load_or_last(&path, &copy),
        (Settings::default(), None)
    );
    std::fs::write(&path, "portal = ").unwrap();
    let (settings, fault) = Settings::load_or_last(&path, &copy);
    assert_eq!(settings, Settings::default());
    assert!(fault.unwrap().contains("without settings"));
}

#[test]
fn authorities_that_cannot_be_read_make_no_settings_bad() {
    let dir = tempfile::tempdir().unwrap();
    let (path, copy) = (
        dir.path().join("terminal.toml"),
        dir.path().join("copy.toml"),
    );
    std::fs::write(&path, "ca_file = \"/nonexistent/ca.pem\"\n").unwrap();
    let (settings, fault) = Settings::load_or_last(&path, &copy);
    assert!(settings.ca_file.is_some() && fault.is_none());
}

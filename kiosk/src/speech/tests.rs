use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::*;

/// Longest wait for something that must happen.
const DEADLINE: Duration = Duration::from_secs(20);

fn utterance(text: &str, language: &str) -> Utterance {
    Utterance {
        text: text.into(),
        language: language.into(),
        volume: Volume::Medium,
    }
}

/// A program that appends its process id, arguments and input to `log` and then stays until it is
/// killed.
fn fake(directory: &Path, then: &str) -> (SpeechSettings, std::path::PathBuf) {
    let (program, log) = (directory.join("fake"), directory.join("log"));
    let script = format!(
        "#!/bin/sh\nprintf '%s|%s|%s\\n' $$ \"$*\" \"$(cat)\" >> {}\n{then}\n",
        log.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let settings = SpeechSettings {
        program,
        device: Some("plughw:7,0".into()),
        output: Output::Headphones,
    };
    (settings, log)
}

fn started(settings: SpeechSettings) -> (SpeechProgram, Receiver<Option<String>>) {
    let (sender, problems) = channel();
    let problem = move |problem| {
        // A test that has ended no longer listens.
        let _ = sender.send(problem);
    };
    let program = SpeechProgram::start(settings, problem, |_| {});
    (program.unwrap(), problems)
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = std::time::Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

/// The `n`-th line of the log: process id, arguments, input.
fn line(log: &Path, n: usize) -> [String; 3] {
    wait_for("the program to run", || {
        let text = std::fs::read_to_string(log).ok()?;
        let whole = text.split_inclusive('\n').nth(n)?.strip_suffix('\n')?;
        let mut parts = whole.splitn(3, '|').map(str::to_owned);
        Some([parts.next()?, parts.next()?, parts.next()?])
    })
}

fn is_alive(process: &str) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{process}/stat")) else {
        return false;
    };
    !stat.contains(") Z ")
}

#[test]
fn the_words_reach_the_program_through_a_pipe_and_never_as_arguments() {
    let directory = tempfile::tempdir().unwrap();
    let (settings, log) = fake(directory.path(), "exit 0");
    let (voice, _problems) = started(settings);
    voice.say(utterance("Кезек узун", "ky"));
    let [_, arguments, input] = line(&log, 0);
    assert_eq!(input, "Кезек узун");
    assert_eq!(arguments, "-v ky -a 100 -s 150 -d plughw:7,0 -b 1 --stdin");
}

#[test]
fn what_is_being_said_ends_at_once_when_it_is_stopped_and_when_something_else_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let (settings, log) = fake(directory.path(), "exec sleep 600");
    let (voice, _problems) = started(settings);
    voice.say(utterance("one", "en"));
    let [first, ..] = line(&log, 0);
    voice.say(utterance("two", "en"));
    let [second, _, input] = line(&log, 1);
    assert_eq!(input, "two");
    wait_for("the first to end", || (!is_alive(&first)).then_some(()));
    assert!(is_alive(&second));
    voice.stop();
    wait_for("the second to end", || (!is_alive(&second)).then_some(()));
}

#[test]
fn the_beginning_and_the_end_of_what_is_said_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let (settings, log) = fake(directory.path(), "exec sleep 600");
    let (sender, told) = channel();
    let speaking = move |speaks| {
        // A test that has ended no longer listens.
        let _ = sender.send(speaks);
    };
    let voice = SpeechProgram::start(settings, |_| {}, speaking).unwrap();
    voice.say(utterance("one", "en"));
    assert_eq!(told.recv_timeout(DEADLINE), Ok(true));
    line(&log, 0);
    voice.say(utterance("two", "en"));
    let [second, ..] = line(&log, 1);
    assert!(told.try_recv().is_err(), "one after the other is one");
    // It comes to its end by itself.
    let status = std::process::Command::new("sh")
        .args(["-c", &format!("kill {second}")])
        .status();
    assert!(status.unwrap().success());
    assert_eq!(told.recv_timeout(DEADLINE), Ok(false));
    voice.say(utterance("three", "en"));
    assert_eq!(told.recv_timeout(DEADLINE), Ok(true));
    voice.stop();
    assert_eq!(told.recv_timeout(DEADLINE), Ok(false));
}

#[test]
fn a_voice_that_is_dropped_falls_silent() {
    let directory = tempfile::tempdir().unwrap();
    let (settings, log) = fake(directory.path(), "exec sleep 600");
    let (voice, _problems) = started(settings);
    voice.say(utterance("one", "en"));
    let [process, ..] = line(&log, 0);
    drop(voice);
    wait_for("the program to end", || (!is_alive(&process)).then_some(()));
}

#[test]
fn a_missing_program_is_told_in_plain_words_at_once() {
    let settings = SpeechSettings {
        program: "/nonexistent/espeak-ng".into(),
        ..SpeechSettings::default()
    };
    let problem = SpeechProgram::start(settings, |_| {}, |_| {})
        .unwrap_err()
        .to_string();
    assert!(
        problem.contains("/nonexistent/espeak-ng cannot be started")
            && problem.contains("Install the package espeak-ng"),
        "{problem}"
    );
}

#[test]
fn a_program_that_fails_is_told_once_and_so_is_its_recovery() {
    let directory = tempfile::tempdir().unwrap();
    let (settings, log) = fake(directory.path(), "[ $(wc -l < LOG) -ge 3 ]");
    let script = std::fs::read_to_string(&settings.program).unwrap();
    std::fs::write(
        &settings.program,
        script.replace("LOG", &log.display().to_string()),
    )
    .unwrap();
    let (voice, problems) = started(settings);
    voice.say(utterance("a secret", "en"));
    let problem = problems.recv_timeout(DEADLINE).unwrap().unwrap();
    assert!(
        problem.contains("[speech] device") && !problem.contains("secret"),
        "{problem}"
    );
    voice.say(utterance("b", "en"));
    line(&log, 1);
    voice.say(utterance("c", "en"));
    assert_eq!(
        problems.recv_timeout(DEADLINE),
        Ok(None),
        "no second complaint, and then it works"
    );
}

#[test]
fn a_language_without_a_voice_is_read_in_english_as_it_is_shown() {
    assert_eq!(
        ["ky", "RU", "be-BY", "kk", "uz", ""].map(voice_name),
        ["ky", "ru", "be", "kk", "en", "en"]
    );
}

#[test]
fn what_a_program_takes_for_commands_is_not_said() {
    assert_eq!(plain("a\u{1}+5P [[k@t]]\nб\u{ad}в"), "a +5P   k@t   бв");
    assert_eq!(plain(&"я".repeat(10_000)).chars().count(), MAX_SPOKEN_CHARS);
}

#[test]
fn the_words_of_the_longest_text_fit_into_a_pipe() {
    // Linux gives a pipe 64 KiB; a letter takes four bytes at most.
    const { assert!(MAX_SPOKEN_CHARS * 4 <= 64 * 1024) };
}

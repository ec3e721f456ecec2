//! espeak-ng as a child process: one at a time, on a thread of its own, so that nobody waits for
//! it.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use super::{SpeechSettings, Utterance, Voice, plain, voice_name};
use crate::limits::{SPEECH_POLL, SPEECH_WORDS_PER_MINUTE};

/// Nothing can be spoken; the screen works without.
#[derive(Debug, thiserror::Error)]
#[error(
    "speech: {program} cannot be started: {cause}. Install the package espeak-ng, or name another program under [speech] in terminal.toml; the screen works without"
)]
pub struct SpeechError {
    program: String,
    cause: String,
}

impl SpeechError {
    fn new(settings: &SpeechSettings, cause: &io::Error) -> Self {
        Self {
            program: settings.program.display().to_string(),
            cause: cause.to_string(),
        }
    }
}

/// A speech program. Dropping it ends what is being said.
#[derive(Debug)]
pub struct SpeechProgram(Sender<Order>);

#[derive(Debug)]
enum Order {
    Say(Utterance),
    Stop,
}

impl SpeechProgram {
    /// Starts the thread. `problem` is called from it with what is wrong, in plain words for a
    /// technician, and with `None` when the program works again; `speaking` when it begins to say
    /// something, and when nothing is said any more.
    ///
    /// # Errors
    /// There is no such program, or the thread cannot be started.
    pub fn start(
        settings: SpeechSettings,
        problem: impl FnMut(Option<String>) + Send + 'static,
        speaking: impl FnMut(bool) + Send + 'static,
    ) -> Result<Self, SpeechError> {
        find(&settings.program).map_err(|error| SpeechError::new(&settings, &error))?;
        let (sender, orders) = channel();
        let (speaker, settings) = (settings.clone(), settings);
        std::thread::Builder::new()
            .name("speech".into())
            .spawn(move || {
                Speaker {
                    settings: speaker,
                    child: None,
                    problem: Box::new(problem),
                    speaking: Box::new(speaking),
                    spoke: false,
                    told: None,
                }
                .run(&orders);
            })
            .map_err(|error| SpeechError::new(&settings, &error))?;
        Ok(Self(sender))
    }
}

impl Voice for SpeechProgram {
    fn say(&self, utterance: Utterance) {
        // Without its thread the terminal is silent; the thread ends with the program only.
        let _ = self.0.send(Order::Say(utterance));
    }

    fn stop(&self) {
        let _ = self.0.send(Order::Stop);
    }
}

struct Speaker {
    settings: SpeechSettings,
    child: Option<Child>,
    problem: Box<dyn FnMut(Option<String>) + Send>,
    speaking: Box<dyn FnMut(bool) + Send>,
    /// What was told of it last.
    spoke: bool,
    /// What was told last.
    told: Option<String>,
}

impl Speaker {
    fn run(mut self, orders: &Receiver<Order>) {
        loop {
            let order = match self.child {
                // Looks for the end only while something is being said; otherwise the thread
                // sleeps.
                Some(_) => orders.recv_timeout(SPEECH_POLL),
                None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match order {
                Ok(Order::Say(utterance)) => {
                    self.silence();
                    match speak(&self.settings, &utterance) {
                        Ok(child) => self.child = Some(child),
                        Err(error) => {
                            let problem = SpeechError::new(&self.settings, &error);
                            self.tell(Some(problem.to_string()));
                        }
                    }
                }
                Ok(Order::Stop) => self.silence(),
                Err(RecvTimeoutError::Timeout) => self.look(),
                Err(RecvTimeoutError::Disconnected) => {
                    self.silence();
                    return;
                }
            }
            let speaks = self.child.is_some();
            if speaks != self.spoke {
                self.spoke = speaks;
                (self.speaking)(speaks);
            }
        }
    }

    fn silence(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself meanwhile.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Has it come to an end, and to a good one?
    fn look(&mut self) {
        let ended = self.child.as_mut().map(Child::try_wait);
        let problem = match ended {
            None | Some(Ok(None)) => return,
            Some(Ok(Some(status))) if status.success() => None,
            Some(Ok(Some(status))) => Some(format!(
                "speech: {} ended with {status}. Check [speech] device in terminal.toml and the sound card (aplay -L); the screen works without",
                self.settings.program.display()
            )),
            Some(Err(error)) => Some(format!("speech: {error}; the screen works without")),
        };
        self.child = None;
        self.tell(problem);
    }

    fn tell(&mut self, problem: Option<String>) {
        if self.told != problem {
            self.told.clone_from(&problem);
            (self.problem)(problem);
        }
    }
}

/// Whether there is such a program: at its path, or where programs are looked for. Started it would
/// be to no purpose.
fn find(program: &Path) -> io::Result<()> {
    let places = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&places);
    let there = match program.components().count() {
        1 => places.any(|place| place.join(program).is_file()),
        _ => program.is_file(),
    };
    there
        .then_some(())
        .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
}

/// Starts saying it. The words go through a pipe: arguments can be read by everybody on the
/// machine.
fn speak(settings: &SpeechSettings, utterance: &Utterance) -> io::Result<Child> {
    let device = settings.device.as_deref();
    let output = device.map(|device| [OsString::from("-d"), device.into()]);
    run(&settings.program, utterance, output.iter().flatten())
}

/// Says it into a WAV file, for tests and for trying out a voice.
///
/// # Errors
/// The program cannot be started, or ended badly.
pub fn wave(program: &Path, utterance: &Utterance, file: &Path) -> io::Result<()> {
    let output = [OsString::from("-w"), file.into()];
    let status = run(program, utterance, output.iter())?.wait()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("it ended with {status}")))
    }
}

fn run<'a>(
    program: &Path,
    utterance: &Utterance,
    output: impl Iterator<Item = &'a OsString>,
) -> io::Result<Child> {
    // The program's loudest is 200.
    let amplitude = u16::from(utterance.volume.percent()) * 2;
    let mut child = Command::new(program)
        .args(["-v", voice_name(&utterance.language)])
        .args(["-a", &amplitude.to_string()])
        .args(["-s", &SPEECH_WORDS_PER_MINUTE.to_string()])
        .args(output)
        .args(["-b", "1", "--stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        // A pipe holds more than the longest text, so this waits for nobody. A child that has ended
        // already is found by its status.
        let _ = pipe.write_all(plain(&utterance.text).as_bytes());
    }
    Ok(child)
}

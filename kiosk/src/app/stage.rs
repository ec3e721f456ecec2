//! Puts the terminal on a display: at the start, or whenever one appears. Until then the UI thread
//! turns without one.
//!
//! A platform of Slint's can be chosen once a process. Drawing to the screen itself, it may fail to
//! open a display and try again. The window system's may not: so it is asked first whether there is
//! one at all.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::ui::{self, Task};
use super::watchdog;
use super::watchdog::Vitals;
use super::{Shared, machine};
use crate::limits::{DISPLAY_RENEWAL, DISPLAY_RETRY};
use crate::problems::Problem;
use crate::screen::{self, Screen, ScreenOptions};

/// Where the terminal is shown.
pub struct Stage {
    options: ScreenOptions,
    rotation: u16,
    shared: Shared,
    state: State,
}

/// What is known of the display.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// None was opened yet.
    Untried,
    /// The platform is chosen, and may open a display.
    Chosen,
    /// This process cannot open one any more.
    Spent,
}

/// Why the UI thread stopped turning without a display.
enum Turned {
    /// The program is told to end.
    End,
    /// It is time to look for a display.
    Look,
}

impl Stage {
    /// `rotation`: of the picture, clockwise in degrees.
    pub fn new(options: ScreenOptions, rotation: u16, shared: &Shared) -> Self {
        Self {
            options,
            rotation,
            shared: shared.clone(),
            state: State::Untried,
        }
    }

    /// Chooses the platform where the terminal draws to the screen itself. To be called before any
    /// thread is started: it is told the rotation by way of the environment.
    pub fn prepare(&mut self) {
        if screen::draws_by_itself() && self.state == State::Untried {
            match self.draw_by_itself() {
                Ok(()) => self.state = State::Chosen,
                Err(error) => tracing::error!(error = format!("{error:#}"), "no platform"),
            }
        }
    }

    /// Opens the display, where there is one.
    pub fn open(&mut self) -> Option<Screen> {
        let opened = self.try_open();
        let seen = opened.as_ref().err().map(|error| format!("{error:#}"));
        self.shared.problems.set(Problem::NoDisplay, seen);
        opened.ok()
    }

    fn try_open(&mut self) -> anyhow::Result<Screen> {
        if screen::draws_by_itself() {
            anyhow::ensure!(
                self.state == State::Chosen,
                "no platform draws to the screen"
            );
        } else {
            screen::find_window_system()?;
            // Should it give no window now, it never will.
            self.state = State::Spent;
        }
        Ok(Screen::new(&self.options)?)
    }

    /// Draws straight to the screen, and knows of its touch panels.
    fn draw_by_itself(&self) -> anyhow::Result<()> {
        let (status, vitals) = (self.shared.hardware.clone(), self.shared.vitals.clone());
        let on_panels = move |count| {
            status.send_modify(|status| status.touch_panels = Some(count));
            vitals.panels(count);
        };
        Ok(screen::prepare(self.rotation, on_panels)?)
    }

    /// Turns until the program is told to end, with a display whenever there is one.
    ///
    /// # Errors
    /// The display failed a good while ago: a new process may open it again.
    pub fn run(
        mut self,
        mut screen: Option<Screen>,
        mut tasks: Receiver<Task>,
    ) -> anyhow::Result<()> {
        loop {
            if let Some(screen) = screen.take() {
                match self.show(&screen, &tasks) {
                    Ok(()) => return Ok(()),
                    Err(error) => {
                        let seen = format!("{error:#}");
                        self.shared.problems.set(Problem::NoDisplay, Some(seen));
                        self.state = State::Spent;
                    }
                }
                tasks = ui::leave_window();
            }
            let spent = self.state == State::Spent;
            let wait = if spent {
                DISPLAY_RENEWAL
            } else {
                DISPLAY_RETRY
            };
            match turn(&self.shared, &tasks, wait) {
                Turned::End => return Ok(()),
                Turned::Look if spent => anyhow::bail!("the display failed, and is tried anew"),
                Turned::Look => screen = self.open(),
            }
        }
    }

    fn show(&self, screen: &Screen, tasks: &Receiver<Task>) -> anyhow::Result<()> {
        ui::show_on(
            screen,
            machine::paints(self.options.windowed.is_some()),
            tasks,
        );
        if screen::draws_by_itself() {
            // Until its devices say otherwise.
            let count = self.shared.hardware.borrow().touch_panels.unwrap_or(0);
            self.shared
                .hardware
                .send_modify(|status| status.touch_panels = Some(count));
            self.shared.vitals.panels(count);
        }
        let (_, ends) = ui::waits_for();
        if ends {
            return Ok(());
        }
        Ok(screen.run()?)
    }
}

/// The UI thread without a window: takes tasks, keeps time, gives signs of life, for as long as
/// `wait`.
fn turn(shared: &Shared, tasks: &Receiver<Task>, wait: Duration) -> Turned {
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let (clock, vitals): (_, &Vitals) = (&shared.clock, &shared.vitals);
    let ms = |span: Duration| span.as_millis() as u64;
    let look_ms = clock.up_ms() + ms(wait);
    let mut beat_ms = clock.up_ms();
    loop {
        let now_ms = clock.up_ms();
        if now_ms >= beat_ms {
            vitals.beat();
            beat_ms = now_ms + ms(watchdog::period());
        }
        match ui::waits_for() {
            (_, true) => return Turned::End,
            (Some(at_ms), _) if now_ms >= at_ms => ui::wake(),
            _ => {}
        }
        if now_ms >= look_ms {
            return Turned::Look;
        }
        let (wakes_ms, _) = ui::waits_for();
        let next_ms = wakes_ms.unwrap_or(u64::MAX).min(look_ms).min(beat_ms);
        match tasks.recv_timeout(Duration::from_millis(next_ms.saturating_sub(now_ms))) {
            Ok(task) => ui::carry_out(task),
            Err(RecvTimeoutError::Timeout) => {}
            // The sender is the UI's own and goes with it.
            Err(RecvTimeoutError::Disconnected) => return Turned::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::display::Appliance;
    use crate::app::share;
    use crate::config::settings::Settings;
    use crate::hardware::{DoubleStrike, Hardware, Input};
    use crate::journal::{Journal, JournalHandle};
    use crate::platform::entropy::{Entropy as _, SystemEntropy};
    use crate::platform::files::DataDir;
    use crate::problems::Problems;
    use pikir_contract::{Score, SealKey};

    #[test]
    fn a_button_rates_while_there_is_no_display() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(Some(dir.path()));
        let settings = Settings::default();
        let (vitals, _watched) = watchdog::vitals();
        let shared = share(data.clone(), &settings, Problems::default(), vitals);
        let document = serde_json::json!({
            "version": 1, "organization": {"code": "o", "name": {"ky": "Борбор"}},
            "place": {"code": "7K3M9P", "name": "2-зал"}, "languages": ["ky"], "default_language": "ky",
            "qr": {"base_url": "https://otzyv.example"},
        });
        shared.configuration.accept(document, None).unwrap();
        let terminal = SystemEntropy.id(0);
        let mut journal = Journal::create(&data.journal(), &SealKey::from_bytes([1; 32])).unwrap();
        journal.set_terminal(terminal).unwrap();
        drop(journal);
        let (clock, entropy) = (shared.clock.clone(), shared.entropy.clone());
        let journal = JournalHandle::start(data.journal(), terminal, clock, entropy).unwrap();
        let machine = ui::Machine {
            appliance: Appliance::new(
                settings.screen,
                Hardware::default().outputs(),
                shared.hardware.clone(),
                shared.clock.up_ms(),
            ),
            voice: None,
            private_speech: true,
            strikes: DoubleStrike::new(0),
        };
        let tasks = ui::start(&shared, machine);
        ui::serve(journal.clone());
        ui::post(|ui| ui.input(Input::Score(Score::new(4).unwrap())));
        let mut published = journal.subscribe();
        let waiting = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let rated = published.wait_for(|it| it.state.last_rating.is_some());
            let rated = { runtime }.build().unwrap().block_on(rated).is_ok();
            ui::post(ui::Ui::quit);
            rated
        });
        let turned = turn(&shared, &tasks, Duration::from_secs(60));
        assert!(matches!(turned, Turned::End) && waiting.join().unwrap());
        assert_eq!(*shared.screen.borrow(), "none");
        journal.stop();
    }
}

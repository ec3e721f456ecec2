//! The UI thread: turns actions and replies into steps of the visit, carries out its effects, shows
//! its view. Nothing here waits.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pikir_contract::{InputKind, Notice, Score};
use slint::{Timer, TimerMode};

use super::display::{Appliance, Moment};
use super::slides::{self, Telling};
use super::today;
use super::{Shared, present};
use crate::config::configuration::Configuration;
use crate::hardware::{DoubleStrike, Input};
use crate::journal::{self, Content, JournalHandle, NewEvent};
use crate::portal::PortalState;
use crate::screen::Screen;
use crate::speech::{Request, SharedVoice};
use crate::view::{Fault, FaultView, Room, ScreenView, SetupView, Slide, UserAction, View};
use crate::visit::doubt::Phantom;
use crate::visit::{Effect, Event, Stamp, Visit};

mod assist;

thread_local! {
    static UI: RefCell<Option<Rc<RefCell<Ui>>>> = const { RefCell::new(None) };
}

/// Something to be done on the UI thread.
pub type Task = Box<dyn FnOnce(&mut Ui) + Send>;

/// Where tasks for the UI thread go while no window's event loop runs there; `None`: to that loop.
static WITHOUT_WINDOW: Mutex<Option<Sender<Task>>> = Mutex::new(None);

fn without_window() -> MutexGuard<'static, Option<Sender<Task>>> {
    WITHOUT_WINDOW
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// The state of the UI thread.
pub struct Ui {
    /// `None` while there is no display: everything but the picture goes on.
    screen: Option<Screen>,
    shared: Shared,
    mode: Mode,
    /// What stops the whole terminal, whatever the journal says.
    broken: Option<FaultView>,
    timer: Timer,
    /// When time alone changes something (uptime, ms).
    wakes_ms: Option<u64>,
    /// The program is told to end.
    ends: bool,
    /// What the technician's line names.
    hint: String,
    /// Speech can be had, and the visitor alone hears it.
    private_speech: bool,
    appliance: Appliance,
    voice: Option<SharedVoice>,
    /// Headphones are plugged in, and speech can be had.
    listens: bool,
    strikes: DoubleStrike,
    heartbeat: Option<Timer>,
}

enum Mode {
    Setup(SetupView),
    Serving {
        visit: Box<Visit>,
        journal: JournalHandle,
    },
}

/// What belongs to this machine and stays whatever becomes of the display.
pub struct Machine {
    /// Brightness, lights, buzzer.
    pub appliance: Appliance,
    /// What speaks, where something does.
    pub voice: Option<SharedVoice>,
    /// The visitor alone hears it.
    pub private_speech: bool,
    /// Hands that tremble.
    pub strikes: DoubleStrike,
}

/// Begins without a window, in set-up until the service says otherwise. Returns where tasks come in
/// until [`show_on`].
pub fn start(shared: &Shared, machine: Machine) -> Receiver<Task> {
    let ui = Rc::new(RefCell::new(Ui {
        screen: None,
        shared: shared.clone(),
        mode: Mode::Setup(SetupView::NoPortal),
        broken: None,
        timer: Timer::default(),
        wakes_ms: None,
        ends: false,
        hint: String::new(),
        appliance: machine.appliance,
        voice: machine.voice,
        private_speech: machine.private_speech,
        listens: false,
        strikes: machine.strikes,
        heartbeat: None,
    }));
    UI.set(Some(ui));
    leave_window()
}

/// Puts everything on this window. `paints`: whether frames that are not painted mean that the
/// screen hangs. What was asked for meanwhile (`tasks`) is done first.
pub fn show_on(screen: &Screen, paints: bool, tasks: &Receiver<Task>) {
    let Some(ui) = UI.with_borrow(Clone::clone) else {
        return;
    };
    connect(screen, &ui);
    {
        let mut ui = ui.borrow_mut();
        screen.set_speech(ui.voice.is_some(), ui.private_speech);
        ui.heartbeat = Some(ui.shared.vitals.keep_beating(screen, paints));
        ui.screen = Some(screen.clone());
        ui.count_displays();
    }
    // From here on the window's loop gets what comes; nothing overtakes what came before.
    let before: Vec<Task> = {
        let mut road = without_window();
        *road = None;
        tasks.try_iter().collect()
    };
    before.into_iter().for_each(with);
    with(Ui::refresh);
}

/// Goes on without a window, in whose loop nothing runs any more. Returns where tasks come in.
pub fn leave_window() -> Receiver<Task> {
    let (sender, tasks) = channel();
    *without_window() = Some(sender);
    with(|ui| {
        ui.screen = None;
        ui.heartbeat = None;
        ui.timer.stop();
        ui.count_displays();
        ui.refresh();
    });
    tasks
}

/// When time alone changes something (uptime, ms), and whether the program is to end.
pub fn waits_for() -> (Option<u64>, bool) {
    let mut waits = (None, false);
    with(|ui| waits = (ui.wakes_ms, ui.ends));
    waits
}

/// The moment of [`waits_for`] has come.
pub fn wake() {
    with(|ui| ui.step(Event::Tick));
}

fn connect(screen: &Screen, ui: &Rc<RefCell<Ui>>) {
    screen.on_action(|action| with(|ui| ui.act(action)));
    let silenced = ui.borrow().voice.clone();
    screen.on_speech(move |request| match (request, &silenced) {
        // At once, whatever this thread is in the midst of.
        (Request::Hush, Some(voice)) => voice.stop(),
        (Request::Hush, None) => {}
        (request, _) => with(|ui| ui.speak(request)),
    });
    // Ready means painted: an enrolled terminal serves from its first frame on.
    screen.on_first_frame(|| {
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    });
}

/// Serves from now on. On the UI thread only.
pub fn serve(journal: JournalHandle) {
    with(|ui| ui.serve(journal));
}

/// Runs `task` on the UI thread soon. Where nobody takes it the program is ending.
pub fn post(task: impl FnOnce(&mut Ui) + Send + 'static) {
    let road = without_window();
    match &*road {
        Some(tasks) => {
            let _ = tasks.send(Box::new(task));
        }
        None => {
            let _ = slint::invoke_from_event_loop(move || with(task));
        }
    }
}

/// Does a task that came in.
pub fn carry_out(task: Task) {
    with(task);
}

fn with(task: impl FnOnce(&mut Ui)) {
    let ui = UI.with_borrow(Clone::clone);
    if let Some(ui) = ui {
        task(&mut ui.borrow_mut());
    }
}

/// Appends what the visitor did; the visit hears whether it is on the disk.
fn append(journal: &JournalHandle, new: NewEvent) {
    let id = new.id;
    let reply = move |result: Result<_, _>| {
        let event = if result.is_ok() {
            Event::Appended(id)
        } else {
            Event::NotAppended(id)
        };
        post(move |ui| ui.step(event));
    };
    journal.append(new, Box::new(reply));
}

/// Appends a notice for the technician. The screen does not depend on it.
fn notice(shared: &Shared, journal: &JournalHandle, detail: String) {
    tracing::warn!(%detail);
    let event = NewEvent::notice(&shared.clock, &shared.entropy, Notice::MAINTENANCE, detail);
    journal.append_and_forget(event);
}

impl Ui {
    /// Shows a step of the set-up.
    pub fn show_setup(&mut self, setup: SetupView) {
        self.mode = Mode::Setup(setup);
        self.refresh();
    }

    /// The terminal is enrolled: from now on it takes ratings.
    pub fn serve(&mut self, journal: JournalHandle) {
        let rules = match self.shared.configuration.current() {
            Some(configuration) => present::rules(&configuration),
            None => present::rules_before_configuration(),
        };
        let mut visit = Visit::new(rules, journal.published().state.last_rating);
        visit.recall_phantoms(&self.shared.phantoms.borrow());
        self.mode = Mode::Serving {
            visit: Box::new(visit),
            journal,
        };
        self.step(Event::Headphones(self.listens));
        self.service_changed();
    }

    /// Nothing can be served until a person has looked.
    pub fn out_of_service(&mut self, detail: &str) {
        self.broken = Some(FaultView {
            fault: Fault::Storage,
            detail: detail.to_owned(),
        });
        self.service_changed();
    }

    /// What stopped the whole terminal is over.
    pub fn back_in_service(&mut self) {
        self.broken = None;
        self.service_changed();
    }

    /// What the technician's line is to name: the keys of what is wrong.
    pub fn problems_changed(&mut self, keys: &[String]) {
        self.hint = keys.join(", ");
        self.refresh();
    }

    /// Ends the event loop. What a visitor is just writing is handed to the journal first, which
    /// finishes it before it stops.
    pub fn quit(&mut self) {
        self.ends = true;
        self.step(Event::End);
        if let Some(screen) = &self.screen
            && let Err(error) = screen.quit()
        {
            tracing::warn!(%error, "the window is gone already");
        }
    }

    fn count_displays(&self) {
        let count = u32::from(self.screen.is_some());
        let hardware = &self.shared.hardware;
        hardware.send_modify(|status| status.displays = Some(count));
    }

    /// The portal's configuration is another one.
    pub fn configuration_changed(&mut self) {
        if let Some(configuration) = self.shared.configuration.current() {
            self.step(Event::Rules(Box::new(present::rules(&configuration))));
        }
        self.service_changed();
    }

    /// Whether ratings can be taken may have changed, or what is known of the time.
    pub fn service_changed(&mut self) {
        let fault = self.fault();
        self.step(Event::Service(fault));
    }

    /// Why no rating can be taken, the worst reason first.
    fn fault(&self) -> Option<FaultView> {
        let Mode::Serving { journal, .. } = &self.mode else {
            return None;
        };
        let retired =
            (self.shared.health.borrow().state == PortalState::Retired).then(|| FaultView {
                fault: Fault::Retired,
                detail: "the portal took this terminal out of service".into(),
            });
        let unconfigured = self
            .shared
            .configuration
            .current()
            .is_none()
            .then(|| FaultView {
                fault: Fault::Configuration,
                detail: format!(
                    "no configuration yet; portal: {}",
                    self.shared.health.borrow().reason
                ),
            });
        self.broken
            .clone()
            .or(journal.published().fault)
            .or(retired)
            .or(unconfigured)
    }

    /// Something happened at the housing.
    pub fn input(&mut self, input: Input) {
        let now_ms = self.shared.clock.up_ms();
        self.appliance.input(input, now_ms);
        match input {
            Input::Score(score) if self.strikes.is_same(score, now_ms) => {}
            Input::Score(score) => self.press(score),
            Input::Next => self.key(Screen::scan_next),
            Input::Select => self.key(Screen::scan_select),
            Input::Headphones(plugged) => self.headphones(plugged),
            Input::Presence(_) => self.refresh(),
            Input::Housing { .. } => {}
        }
    }

    /// A rating button went down.
    fn press(&mut self, score: Score) {
        self.act(UserAction::Rate {
            score,
            input: InputKind::Button,
            at: None,
        });
    }

    fn act(&mut self, action: UserAction) {
        if !self.is_phantom(&action) {
            self.appliance.touched(self.shared.clock.up_ms());
        }
        let action = match action {
            UserAction::Touched(place) => UserAction::Touched(place),
            _ if self.is_asked() => UserAction::Stay,
            action => action,
        };
        self.step(action.event(self.stamp().id, self.shared.true_time.unix_ms()));
    }

    /// Now, and an id for what may come of it.
    fn stamp(&self) -> Stamp {
        let at = self.shared.clock.reading();
        let id = self.shared.entropy.id(at.wall.unix_ms());
        Stamp { at, id }
    }

    /// A panel that touches itself wakes no screen.
    fn is_phantom(&self, action: &UserAction) -> bool {
        match (action, &self.mode) {
            (UserAction::Touched(place), Mode::Serving { visit, .. }) => {
                visit.suspects((*place).into())
            }
            _ => false,
        }
    }

    fn step(&mut self, event: Event) {
        let stamp = self.stamp();
        if let Mode::Serving { visit, journal } = &mut self.mode {
            for effect in visit.step(event, &stamp) {
                match effect {
                    Effect::Append(new) => {
                        if matches!(new.content, Content::Rating { .. }) {
                            self.appliance.accepted();
                        }
                        append(journal, new);
                    }
                    Effect::Maintenance(detail) => notice(&self.shared, journal, detail),
                }
            }
        }
        self.refresh();
    }

    fn refresh(&mut self) {
        let now_ms = self.shared.clock.up_ms();
        let unix_ms = self.shared.true_time.unix_ms();
        let configuration = self.shared.configuration.current();
        let telling = Telling {
            room: self
                .screen
                .as_ref()
                .map_or(Room::None, Screen::room_for_news),
            ratings: self.ratings_today(configuration.as_deref(), unix_ms),
            unix_ms,
        };
        let mut view = match &self.mode {
            Mode::Setup(setup) => present::setup(setup),
            Mode::Serving { visit, .. } => {
                present::serving(visit, configuration.as_ref(), telling, now_ms)
            }
        };
        if let Some(broken) = &self.broken {
            if let (Mode::Setup(_), Some(configuration)) = (&self.mode, &configuration) {
                view = present::blocked(configuration, telling, now_ms);
            }
            view.screen = ScreenView::OutOfService(broken.clone());
        }
        if let ScreenView::OutOfService(fault) = &mut view.screen
            && !self.hint.is_empty()
        {
            fault.detail = format!("{} ({})", fault.detail, self.hint);
        }
        view.hint.clone_from(&self.hint);
        if let Some(screen) = &self.screen {
            screen.show(&view);
        }
        self.publish(&view);
        self.publish_phantoms();
        let (begun, deadline) = match &self.mode {
            Mode::Setup(_) => (false, None),
            Mode::Serving { visit, .. } => {
                let deadline = visit.deadline(now_ms).map(|at| at.saturating_sub(now_ms));
                (visit.is_begun(), deadline)
            }
        };
        let (rest, next) = self.appliance.follow(&Moment {
            screen: &view.screen,
            begun,
            finger_down: self.screen.as_ref().is_some_and(Screen::is_finger_down),
            night: configuration.as_ref().and_then(|it| it.night.as_ref()),
            now_ms,
            unix_ms,
        });
        if let Some(screen) = &self.screen {
            screen.rest(&rest);
        }
        let code = configuration
            .as_ref()
            .and_then(|current| present::until_next_code_ms(current, unix_ms));
        let turn = match (&self.mode, &configuration) {
            (Mode::Serving { visit, .. }, Some(current)) => {
                slides::until_turn_ms(visit, &current.document, telling, now_ms)
            }
            _ => None,
        };
        self.wake_after([deadline, code, next, turn].into_iter().flatten().min());
    }

    /// The day's ratings, where they are to be told. The journal is asked for those of a day that
    /// it does not count yet; its answer is seen at a later refresh.
    fn ratings_today(
        &self,
        configuration: Option<&Configuration>,
        unix_ms: Option<i64>,
    ) -> Option<u32> {
        let Mode::Serving { journal, .. } = &self.mode else {
            return None;
        };
        let began_ms = today::began_ms(configuration?.zone.as_ref()?, unix_ms?)?;
        let published = journal.published();
        let is_counted = |counted: journal::Today| counted.since_ms == began_ms;
        if published.fault.is_none()
            && !published.today.is_some_and(is_counted)
            && let Some(offset) = self.shared.true_time.offset()
        {
            journal.count_since(began_ms, offset);
        }
        today::told(published.today, Some(began_ms))
    }

    /// Sleeps exactly until time alone changes something.
    fn wake_after(&mut self, ms: Option<u64>) {
        // A millisecond late, so that rounding never wakes the thread just before the moment.
        let wait = ms.map(|ms| ms + 1);
        self.wakes_ms = wait.map(|ms| self.shared.clock.up_ms() + ms);
        match wait {
            Some(ms) if self.screen.is_some() => {
                let wait = Duration::from_millis(ms);
                self.timer.start(TimerMode::SingleShot, wait, wake);
            }
            _ => self.timer.stop(),
        }
    }

    fn publish(&self, view: &View) {
        let name = match &view.screen {
            _ if self.screen.is_none() => "none",
            ScreenView::Setup(_) => "setup",
            ScreenView::Rate(_) if matches!(view.slide, Some(Slide::News(_))) => "news",
            ScreenView::Rate(_) => "rate",
            ScreenView::Thanks(_) => "thanks",
            ScreenView::More(_) => "more",
            ScreenView::OutOfService(_) => "out-of-service",
        };
        self.shared
            .screen
            .send_if_modified(|shown| std::mem::replace(shown, name) != name);
    }

    fn publish_phantoms(&self) {
        let Mode::Serving { visit, .. } = &self.mode else {
            return;
        };
        let phantoms = visit.phantoms();
        let told = |known: &mut Vec<Phantom>| {
            let news = known != phantoms;
            if news {
                *known = phantoms.to_vec();
            }
            news
        };
        self.shared.phantoms.send_if_modified(told);
    }
}

//! What the screen is to show, as plain data: no Slint type, no clock, no I/O.
//!
//! [`crate::visit`] and the configuration make a [`View`]; `screen/` draws it. A test can therefore
//! check what a visitor sees without a window, and the look can change without the logic.

pub mod adaptation;
pub mod languages;

use pikir_contract::Score;

use self::adaptation::Adaptation;

/// Everything the window needs to draw one frame's state. Cheap to build; drawn only where it
/// differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Which screen is up, with what only that screen needs.
    pub screen: ScreenView,
    /// Language of the interface (BCP 47, primary subtag in lower case: `ky`, `ru`, `be`, `en`,
    /// `kk`).
    pub language: String,
    /// Language every visit begins in.
    pub default_language: String,
    /// Languages the visitor may choose, in the order of the configuration. Fewer than two: no bar
    /// is shown.
    pub languages: Vec<LanguageChoice>,
    /// The organisation's name in the visitor's language; up to 120 characters must fit at 480×320.
    pub organization: String,
    /// Unit (department, hall), where there is one.
    pub unit: Option<String>,
    /// The place's name ("Hall 2, window 4").
    pub place: String,
    /// The organisation's own colour as sRGB, where its contrast holds; otherwise the theme's
    /// accent.
    pub accent: Option<[u8; 3]>,
    /// The code a phone scans; `None` before there is a configuration.
    pub qr: Option<QrView>,
    /// How this visitor wants the screen.
    pub adaptation: Adaptation,
    /// What is told while nobody is there. On the rate screen alone, where there is room.
    pub slide: Option<Slide>,
    /// The first of the news, which whoever begins to listen hears on the rate screen.
    pub announced: Option<NewsView>,
    /// The day's ratings, where they are told: heard after the news.
    pub ratings_today: Option<u32>,
    /// What lies over the screen.
    pub overlay: Option<Overlay>,
    /// How many visits have ended: the focus of keys goes back to the beginning where it changes.
    pub visits: u32,
    /// "Are you still there?" is asked, and there are so many seconds to answer. Lies over
    /// everything.
    pub idle_left_s: Option<u32>,
    /// What is wrong with the terminal, by key, for the technician's small line; empty where all is
    /// well.
    pub hint: String,
}

/// Something to tell while nobody is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slide {
    /// What feedback changed.
    News(NewsView),
    /// How many ratings were given here today. Never what they were.
    Ratings(u32),
}

/// What feedback changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewsView {
    /// It answers what visitors wrote; otherwise it is news.
    pub answer: bool,
    /// In one line or two.
    pub title: String,
    /// The rest; left out where it does not fit.
    pub text: String,
}

/// What a visitor opened over the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlay {
    /// The accessibility panel.
    Panel,
    /// The code for phones, large: where the text is so large that it has no place beside the
    /// faces.
    Phone,
}

/// One screen of the terminal. The names are those of `status --json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScreenView {
    /// Not enrolled: the way to claim the terminal.
    Setup(SetupView),
    /// Five faces and the phone's way.
    Rate(RateView),
    /// After a durable rating. Looks the same for every score.
    Thanks(ThanksView),
    /// A page of what can be added to the rating.
    More(MoreView),
    /// The terminal takes no ratings and says why; the QR code stays.
    OutOfService(FaultView),
}

/// The rate screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateView {
    /// The organisation's question in the visitor's language; `None`: the built-in one.
    pub question: Option<String>,
    /// Words under the faces, for 1 to 5; `None`: the built-in short word. May be long ("крайне
    /// неудовлетворительно").
    pub words: [Option<String>; 5],
    /// The face that was pressed and is being saved.
    pub pressed: Option<Score>,
    /// What happened just before, said in one line above the faces.
    pub message: Option<RateMessage>,
    /// A small hint to the technician: the touch panel needs a look. Visitors go on.
    pub check_needed: bool,
}

/// One line on the rate screen about what just happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateMessage {
    /// The visitor took the rating back.
    Withdrawn,
    /// The rating could not be saved; the phone is offered instead.
    NotSaved,
}

/// The thanks screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThanksView {
    /// Whole seconds in which the rating can still be taken back; `None` once it cannot.
    pub undo_left_s: Option<u32>,
    /// The visitor can say more.
    pub more: bool,
}

/// A page of what can be added to a rating that is saved already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoreView {
    /// Which page this is, from 1.
    pub page: usize,
    /// Out of so many.
    pub pages: usize,
    /// What is asked.
    pub content: PageView,
    /// What was given last could not be saved.
    pub not_saved: bool,
}

/// What a page asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageView {
    /// Which service it was about: one of these.
    Service(Vec<OptionView>),
    /// A score for one thing, on the scale of the rating.
    Criterion {
        /// What is to be rated.
        name: String,
        /// Words under the faces, as on the rate screen.
        words: [Option<String>; 5],
        /// The score given, when the visitor came back to the page.
        chosen: Option<Score>,
    },
    /// Reasons: as many as apply.
    Reasons(Vec<OptionView>),
    /// A comment in the visitor's own words.
    Comment {
        /// What is written so far.
        text: String,
        /// Most characters.
        limit: usize,
    },
}

/// One thing to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionView {
    /// What it is called in the visitor's language.
    pub label: String,
    /// It is chosen.
    pub chosen: bool,
}

/// A terminal out of service: one plain line for visitors by kind, one for the technician.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultView {
    /// What is wrong, for the visitor's line.
    pub fault: Fault,
    /// The technician's line, in English, without personal data ("disk: 38 MB free, 64 MB needed").
    pub detail: String,
}

/// Why a terminal takes no ratings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The journal cannot be written: damaged, missing, read-only, or not answering.
    Storage,
    /// The disk floor is reached.
    DiskFull,
    /// The terminal was taken out of service by the portal.
    Retired,
    /// There is no usable configuration.
    Configuration,
}

/// The set-up screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetupView {
    /// No portal address is known: what the technician has to do.
    NoPortal,
    /// Asking the portal for a code; also while it cannot be reached, with the reason in plain
    /// words.
    Connecting {
        /// The portal's address.
        portal: String,
        /// Why the last try failed, if one did.
        problem: Option<String>,
    },
    /// Waiting for the technician's approval.
    Claim {
        /// Address to encode in the QR code (`verification_uri_complete`).
        payload: String,
        /// Address to type (`verification_uri`).
        address: String,
        /// `XXXX-XXXX`.
        user_code: String,
        /// Why the last poll failed, if one did.
        problem: Option<String>,
    },
}

/// The QR code on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QrView {
    /// The text to encode, all upper case: `HTTPS://HOST/Q/CODE[/TOKEN]`.
    pub payload: String,
    /// The address for people to read before they scan: host only, lower case.
    pub address: String,
}

/// One entry of the language bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanguageChoice {
    /// BCP 47 tag.
    pub code: String,
    /// Three letters in that language ("КЫР").
    pub label: String,
    /// Its own full name ("Кыргызча"), for the accessible label.
    pub name: String,
}

/// What a person at the screen did, as the window reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserAction {
    /// A face was touched, or a key `1`–`5` pressed.
    Rate {
        /// The score.
        score: Score,
        /// By finger or pointer (`touch`), or by key (`keypad`).
        input: pikir_contract::InputKind,
        /// Where it was touched, per mille of the screen's width and height.
        at: Option<(u16, u16)>,
    },
    /// The panel was touched at this place (per mille of the screen's width and height), whatever
    /// was hit there. Comes before what the touch does.
    Touched((u16, u16)),
    /// A language was chosen.
    Language(String),
    /// "Take it back" on the thanks screen.
    Undo,
    /// "Done" on the thanks screen or on a page of the questionnaire, or any other touch on the
    /// thanks screen.
    Done,
    /// "Say more" on the thanks screen.
    More,
    /// The option with this index on the page of the questionnaire; for a criterion, the score less
    /// one.
    Choose(usize),
    /// The comment as it now reads.
    Write(String),
    /// The next page; on the last one, the end.
    Next,
    /// The page before.
    Back,
    /// "I am still here".
    Stay,
    /// A key moved the focus or chose what has it: whoever finds their way so needs time for it.
    Steer,
    /// The visitor wants the screen otherwise.
    Adapt(Adaptation),
    /// The visitor wants the screen as every visit begins.
    Plain,
    /// Opens or closes what lies over the screen.
    Show(Option<Overlay>),
}

/// What has a place on the screen beside the question's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Nothing: nobody can read it.
    None,
    /// One sentence: a small panel.
    Line,
    /// Everything.
    Whole,
}

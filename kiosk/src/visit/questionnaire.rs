//! What a visitor adds to a rating that is saved already: one question a page, each optional, saved
//! as it is given.
//!
//! Every answer says all that was given so far, so that the newest one stands for all of them,
//! whoever reads it.

use pikir_contract::{Id, MAX_COMMENT_CHARS, Score};

use super::Stamp;
use crate::journal::{Content, Given, NewEvent};
use crate::limits::PAGE_GUARD_MS;
use crate::view::{MoreView, OptionView, PageView};

/// What can be asked after a rating, by the keys of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Questionnaire {
    /// Services to choose from; one alone is not asked for.
    pub services: Vec<String>,
    /// What can be rated besides.
    pub criteria: Vec<String>,
    /// Reasons, each with the scores it is offered with.
    pub reasons: Vec<(String, Vec<Score>)>,
    /// Whether a comment can be written.
    pub comment: bool,
}

impl Questionnaire {
    fn pages(&self, score: Score) -> Vec<Page> {
        let reasons: Vec<String> = self
            .reasons
            .iter()
            .filter(|(_, scores)| scores.contains(&score))
            .map(|(key, _)| key.clone())
            .collect();
        let several = self.services.len() > 1;
        let service = several.then(|| Page::Service(self.services.clone()));
        let criteria = self.criteria.iter().cloned().map(Page::Criterion);
        let reasons = (!reasons.is_empty()).then_some(Page::Reasons(reasons));
        let comment = self.comment.then_some(Page::Comment);
        service
            .into_iter()
            .chain(criteria)
            .chain(reasons)
            .chain(comment)
            .collect()
    }

    /// Whether anything would be asked after this score.
    #[must_use]
    pub fn asks(&self, score: Score) -> bool {
        !self.pages(score).is_empty()
    }
}

/// What the configuration calls by a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named<'a> {
    /// A service.
    Service(&'a str),
    /// A criterion.
    Criterion(&'a str),
    /// A reason.
    Reason(&'a str),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Page {
    Service(Vec<String>),
    Criterion(String),
    Reasons(Vec<String>),
    Comment,
}

/// Where the visitor is in the questionnaire.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct More {
    rating: Id,
    pages: Vec<Page>,
    at: usize,
    turned_ms: u64,
    given: Given,
    /// What the newest answer handed to the journal says.
    handed: Given,
    /// What is known to be on the disk.
    saved: Given,
    /// Answers on their way to the disk, oldest first, with what they say and since when (uptime in
    /// milliseconds).
    waiting: Vec<(Id, Given, u64)>,
    not_saved: bool,
    /// The visitor is done; thanks come when everything is on the disk.
    leaving: bool,
}

impl More {
    /// The first page; `None` where there is nothing to ask.
    pub(super) fn new(
        rating: Id,
        score: Score,
        questionnaire: &Questionnaire,
        now_ms: u64,
    ) -> Option<Self> {
        let pages = questionnaire.pages(score);
        (!pages.is_empty()).then(|| Self {
            rating,
            pages,
            at: 0,
            turned_ms: now_ms,
            given: Given::default(),
            handed: Given::default(),
            saved: Given::default(),
            waiting: Vec::new(),
            not_saved: false,
            leaving: false,
        })
    }

    fn page(&self) -> &Page {
        &self.pages[self.at] // `at` moves within `pages` only, and there is one at least.
    }

    /// Whether the page has just come: the second half of a double tap on the one before falls on
    /// it.
    pub(super) fn is_fresh(&self, now_ms: u64) -> bool {
        now_ms < self.turned_ms + PAGE_GUARD_MS
    }

    /// Takes the option with this index. A page that asks for one thing gives way to the next.
    pub(super) fn choose(&mut self, index: usize, now_ms: u64) {
        if self.leaving {
            return;
        }
        match &self.pages[self.at] {
            Page::Service(keys) => {
                let Some(key) = keys.get(index) else { return };
                self.given.service = Some(key.clone());
                self.turn(1, now_ms);
            }
            Page::Criterion(key) => {
                let score = u8::try_from(index + 1).ok().and_then(Score::new);
                let Some(score) = score else { return };
                self.given.criteria.insert(key.clone(), score);
                self.turn(1, now_ms);
            }
            Page::Reasons(keys) => {
                let Some(key) = keys.get(index) else { return };
                let chosen = self.given.reasons.get_or_insert_default();
                match chosen.iter().position(|other| other == key) {
                    Some(at) => drop(chosen.remove(at)),
                    None => chosen.push(key.clone()),
                }
            }
            Page::Comment => {}
        }
    }

    /// Whether a number answers this page: as a score, or as the place of an option.
    pub(super) fn takes_number(&self) -> bool {
        *self.page() != Page::Comment
    }

    /// The comment as it now reads; beyond the limit it ends. It is saved when the visitor leaves
    /// the page.
    pub(super) fn write(&mut self, text: &str) {
        if *self.page() == Page::Comment && !self.leaving {
            self.given.comment = Some(text.chars().take(MAX_COMMENT_CHARS).collect());
        }
    }

    /// Turns the page by one, backwards where `by` is negative; past the last one the visitor
    /// leaves.
    pub(super) fn turn(&mut self, by: isize, now_ms: u64) {
        match self.at.checked_add_signed(by) {
            Some(at) if at < self.pages.len() => {
                self.at = at;
                self.turned_ms = now_ms;
            }
            Some(_) => self.leave(),
            None => {}
        }
    }

    pub(super) fn leave(&mut self) {
        self.leaving = true;
    }

    /// The answer to append, where something was given that no answer says yet.
    pub(super) fn answer(&mut self, stamp: &Stamp) -> Option<NewEvent> {
        if let Some(comment) = &mut self.given.comment {
            let kept = comment.trim_end().len();
            comment.truncate(kept);
            if comment.is_empty() && self.handed.comment.is_none() {
                self.given.comment = None;
            }
        }
        if self.given == self.handed {
            return None;
        }
        self.handed = self.given.clone();
        let waiting = (stamp.id, self.given.clone(), stamp.at.up_ms);
        self.waiting.push(waiting);
        Some(NewEvent {
            id: stamp.id,
            at: stamp.at,
            content: Content::Answer {
                rating: self.rating,
                given: self.given.clone(),
            },
        })
    }

    pub(super) fn appended(&mut self, id: Id) {
        if let Some(at) = self.place(id) {
            self.saved = self.waiting.remove(at).1;
            self.not_saved = false;
        }
    }

    /// What was given stays on the page and goes with the next answer.
    pub(super) fn not_appended(&mut self, id: Id) {
        if let Some(at) = self.place(id) {
            self.waiting.remove(at);
            let newest = self.waiting.last().map(|(_, given, _)| given);
            self.handed = newest.unwrap_or(&self.saved).clone();
            self.not_saved = true;
            self.leaving = false;
        }
    }

    /// Where this answer is among those that wait.
    fn place(&self, id: Id) -> Option<usize> {
        self.waiting.iter().position(|(waiting, ..)| *waiting == id)
    }

    /// Since when the oldest answer waits for the disk (uptime in milliseconds).
    pub(super) fn waiting_since_ms(&self) -> Option<u64> {
        self.waiting.first().map(|(_, _, since_ms)| *since_ms)
    }

    /// Whether the visitor is done and everything given is on the disk.
    pub(super) fn has_left(&self) -> bool {
        self.leaving && self.waiting.is_empty()
    }

    pub(super) fn rating(&self) -> Id {
        self.rating
    }

    pub(super) fn view(
        &self,
        words: [Option<String>; 5],
        name: &dyn Fn(Named<'_>) -> String,
    ) -> MoreView {
        let option = |key: &String, named, chosen: &[String]| OptionView {
            label: name(named),
            chosen: chosen.contains(key),
        };
        let content = match self.page() {
            Page::Service(keys) => {
                let chosen = self.given.service.as_slice();
                let options = keys
                    .iter()
                    .map(|key| option(key, Named::Service(key), chosen));
                PageView::Service(options.collect())
            }
            Page::Criterion(key) => PageView::Criterion {
                name: name(Named::Criterion(key)),
                words,
                chosen: self.given.criteria.get(key).copied(),
            },
            Page::Reasons(keys) => {
                let chosen = self.given.reasons.as_deref().unwrap_or_default();
                let options = keys
                    .iter()
                    .map(|key| option(key, Named::Reason(key), chosen));
                PageView::Reasons(options.collect())
            }
            Page::Comment => PageView::Comment {
                text: self.given.comment.clone().unwrap_or_default(),
                limit: MAX_COMMENT_CHARS,
            },
        };
        MoreView {
            page: self.at + 1,
            pages: self.pages.len(),
            content,
            not_saved: self.not_saved,
        }
    }
}

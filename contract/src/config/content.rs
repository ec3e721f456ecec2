//! What the screens say: services, questionnaire, look, news.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::ConfigError;
use crate::reader::Node;
use crate::{Malformed, Score, Texts, Time, require_integers};

/// The members of a configuration that say what a visitor is offered besides the score. They stand
/// beside each other in the document; on their own they are what a portal keeps for an
/// organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Content {
    /// The services a visitor can name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Choice>,
    /// What a visitor can add to a rating.
    #[serde(skip_serializing_if = "super::is_default")]
    pub questionnaire: Questionnaire,
    /// What is told on the news screen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub announcements: Vec<Announcement>,
}

impl Content {
    /// Reads and validates these members of an object; every other member is ignored.
    ///
    /// # Errors
    /// The first breach: which member and what is wrong with it.
    pub fn from_value(document: &Value) -> Result<Self, ConfigError> {
        require_integers(document).map_err(Malformed::from)?;
        Ok(Self::read(&Node::root(document))?)
    }

    pub(super) fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            services: node.or_default("services", read_choices)?,
            questionnaire: node.or_default("questionnaire", Questionnaire::read)?,
            announcements: node
                .or_default("announcements", |list| list.items(Announcement::read))?,
        })
    }
}

/// Something a visitor can choose: a key and what it is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// The key that events carry, not empty, once in its list.
    pub key: String,
    /// What it is called; where there is no text, the key stands for it.
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub name: Texts,
}

impl Choice {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            key: node.required("key")?.name()?,
            name: node.or_default("name", Texts::read)?,
        })
    }
}

/// Reads a list of choices with keys that differ.
fn read_choices(node: &Node<'_>) -> Result<Vec<Choice>, Malformed> {
    let choices = node.items(Choice::read)?;
    require_unique(node, choices.iter().map(|choice| choice.key.as_str()))?;
    Ok(choices)
}

fn require_unique<'a>(
    node: &Node<'_>,
    keys: impl Iterator<Item = &'a str>,
) -> Result<(), Malformed> {
    let mut seen = BTreeSet::new();
    let mut keys = keys;
    match keys.find(|key| !seen.insert(*key)) {
        Some(key) => Err(node.wrong(format_args!("has the key {key:?} twice"))),
        None => Ok(()),
    }
}

/// What a visitor can add to a rating.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Questionnaire {
    /// What can be rated besides, each on the same scale.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<Choice>,
    /// Reasons to choose from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// Whether the visitor may write a comment.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub comment: bool,
}

impl Questionnaire {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            criteria: node.or_default("criteria", read_choices)?,
            reasons: node.or_default("reasons", |list| {
                let reasons = list.items(Reason::read)?;
                require_unique(list, reasons.iter().map(|reason| reason.key.as_str()))?;
                Ok(reasons)
            })?,
            comment: node.or_default("comment", |node| node.boolean())?,
        })
    }
}

/// A reason for a score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The key that events carry, not empty, once in its list.
    pub key: String,
    /// What it is called; where there is no text, the key stands for it.
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub name: Texts,
    /// The scores it is offered with; all of them by default.
    #[serde(skip_serializing_if = "is_every_score")]
    pub scores: Vec<Score>,
}

fn is_every_score(scores: &Vec<Score>) -> bool {
    *scores == Score::ALL
}

impl Reason {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        let Choice { key, name } = Choice::read(node)?;
        let scores = node.maybe("scores", |scores| scores.items(Score::read))?;
        Ok(Self {
            key,
            name,
            scores: scores.unwrap_or_else(|| Score::ALL.to_vec()),
        })
    }
}

/// Something told on the news screen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Announcement {
    /// Its headline.
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub title: Texts,
    /// Its text.
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub text: Texts,
    /// What it is; news by default.
    #[serde(skip_serializing_if = "super::is_default")]
    pub kind: AnnouncementKind,
    /// Not shown after this time, where the terminal knows the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// What an announcement is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnnouncementKind {
    /// An official answer to what visitors said.
    Answer,
    /// News.
    #[default]
    News,
}

impl Announcement {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        let kind = |kind: &Node<'_>| match kind.text()? {
            "answer" => Ok(AnnouncementKind::Answer),
            "news" => Ok(AnnouncementKind::News),
            _ => Err(kind.wrong("is not answer or news")),
        };
        Ok(Self {
            title: node.or_default("title", Texts::read)?,
            text: node.or_default("text", Texts::read)?,
            kind: node.or_default("kind", kind)?,
            until: node.maybe("until", |node| node.parsed())?,
        })
    }
}

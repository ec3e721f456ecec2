//! Reads JSON member by member, so that an error names the member and says what is wrong with it.
//!
//! The messages never repeat a value: a comment is personal data and errors end up in logs.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::MAX_SAFE_INTEGER;

/// JSON that breaks the contract: which member, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The member's path, such as `criteria.speed` or `services[0].key`; empty for the whole.
    pub member: String,
    /// What is wrong, such as `is missing`.
    pub problem: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.member.as_str() {
            "" => f.write_str(&self.problem),
            member => write!(f, "{member}: {}", self.problem),
        }
    }
}

impl std::error::Error for Malformed {}

/// One step from a node to the one it was reached from.
#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Member(&'a Node<'a>, &'a str),
    Item(&'a Node<'a>, usize),
}

/// A JSON value and how it was reached. The path is put into words only when something is wrong.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    value: &'a Value,
    step: Step<'a>,
}

impl<'a> Node<'a> {
    pub(crate) fn root(value: &'a Value) -> Self {
        Self {
            value,
            step: Step::Root,
        }
    }

    /// The error that this node is wrong.
    pub(crate) fn wrong(&self, problem: impl fmt::Display) -> Malformed {
        Malformed {
            member: self.path(),
            problem: problem.to_string(),
        }
    }

    fn path(&self) -> String {
        match self.step {
            Step::Root => String::new(),
            Step::Item(parent, index) => format!("{}[{index}]", parent.path()),
            Step::Member(parent, name) => match parent.path().as_str() {
                "" => name.to_owned(),
                outer => format!("{outer}.{name}"),
            },
        }
    }

    fn object(&self) -> Result<&'a Map<String, Value>, Malformed> {
        self.value
            .as_object()
            .ok_or_else(|| self.wrong("is not an object"))
    }

    /// A member that need not be there; `null` stands for "not there".
    pub(crate) fn optional(&'a self, name: &'a str) -> Result<Option<Node<'a>>, Malformed> {
        let member = self.object()?.get(name).filter(|value| !value.is_null());
        Ok(member.map(|value| Node {
            value,
            step: Step::Member(self, name),
        }))
    }

    /// A member that must be there.
    pub(crate) fn required(&'a self, name: &'a str) -> Result<Node<'a>, Malformed> {
        self.optional(name)?.ok_or_else(|| {
            let missing = Node {
                value: &Value::Null,
                step: Step::Member(self, name),
            };
            missing.wrong("is missing")
        })
    }

    /// Reads a member with `read`, or takes the type's default where it is not there.
    pub(crate) fn or_default<T: Default>(
        &'a self,
        name: &'a str,
        read: impl FnOnce(&Node<'_>) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        Ok(self.maybe(name, read)?.unwrap_or_default())
    }

    /// Reads a member with `read`, if it is there.
    pub(crate) fn maybe<T>(
        &'a self,
        name: &'a str,
        read: impl FnOnce(&Node<'_>) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        self.optional(name)?.map(|node| read(&node)).transpose()
    }

    /// All members of an object in their order, each read with `read`.
    pub(crate) fn members<T, C: FromIterator<(String, T)>>(
        &self,
        read: impl Fn(&str, &Node<'_>) -> Result<T, Malformed>,
    ) -> Result<C, Malformed> {
        let read_member = |(name, value): (&String, &Value)| {
            let member = Node {
                value,
                step: Step::Member(self, name),
            };
            read(name, &member).map(|read| (name.clone(), read))
        };
        self.object()?.iter().map(read_member).collect()
    }

    /// All items of a list, each read with `read`.
    pub(crate) fn items<T>(
        &self,
        read: impl Fn(&Node<'_>) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let list = self
            .value
            .as_array()
            .ok_or_else(|| self.wrong("is not a list"))?;
        let read_item = |(index, value)| {
            read(&Node {
                value,
                step: Step::Item(self, index),
            })
        };
        list.iter().enumerate().map(read_item).collect()
    }

    pub(crate) fn text(&self) -> Result<&'a str, Malformed> {
        self.value.as_str().ok_or_else(|| self.wrong("is not text"))
    }

    pub(crate) fn owned_text(&self) -> Result<String, Malformed> {
        self.text().map(str::to_owned)
    }

    /// Text that is not empty.
    pub(crate) fn name(&self) -> Result<String, Malformed> {
        match self.text()? {
            "" => Err(self.wrong("is empty")),
            text => Ok(text.to_owned()),
        }
    }

    /// Text in the form of `T`.
    pub(crate) fn parsed<T>(&self) -> Result<T, Malformed>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        self.text()?
            .parse()
            .map_err(|error: T::Err| self.wrong(error))
    }

    pub(crate) fn boolean(&self) -> Result<bool, Malformed> {
        self.value
            .as_bool()
            .ok_or_else(|| self.wrong("is neither true nor false"))
    }

    /// An integer within the range, which itself lies within ±(2^53 − 1).
    pub(crate) fn integer_in(&self, range: RangeInclusive<i64>) -> Result<i64, Malformed> {
        let number = self
            .value
            .as_number()
            .ok_or_else(|| self.wrong("is not an integer"))?;
        if number.is_f64() {
            return Err(self.wrong("is not an integer"));
        }
        let integer = number.as_i64().filter(|integer| range.contains(integer));
        integer.ok_or_else(|| match *range.end() {
            MAX_SAFE_INTEGER => self.wrong("lies outside the integers of the contract"),
            end => self.wrong(format_args!("is not within {}–{end}", range.start())),
        })
    }

    /// An integer of the contract, at least `from`.
    pub(crate) fn unsigned_from(&self, from: u32) -> Result<u64, Malformed> {
        self.integer_in(i64::from(from)..=MAX_SAFE_INTEGER)
            .map(i64::unsigned_abs)
    }

    /// An integer within a range of bytes or half-words, in its own type.
    pub(crate) fn small<T>(&self, range: RangeInclusive<T>) -> Result<T, Malformed>
    where
        T: Copy + Into<i64> + TryFrom<i64>,
    {
        let integer = self.integer_in((*range.start()).into()..=(*range.end()).into())?;
        T::try_from(integer).map_err(|_| self.wrong("lies outside its range"))
    }
}

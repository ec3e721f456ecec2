//! How a visitor wants to see the pages: the accessibility panel.
//!
//! The choice stands in the address (and in the review's form) and nowhere else: no cookie, no
//! script. What differs from the standard becomes a class of the `html` element; the style sheet
//! does the rest.

use crate::i18n::Locale;

/// One thing that can be chosen.
struct Setting {
    /// Its name in the address.
    name: &'static str,
    /// What it is called, in English.
    title: &'static str,
    /// Its values: in the address, as a class, in English. The first is the standard and has no
    /// class.
    values: &'static [(&'static str, &'static str, &'static str)],
}

const SETTINGS: [Setting; 5] = [
    Setting {
        name: "size",
        title: "Text size",
        values: &[
            ("100", "", "100 %"),
            ("125", "z125", "125 %"),
            ("150", "z150", "150 %"),
            ("175", "z175", "175 %"),
            ("200", "z200", "200 %"),
        ],
    },
    Setting {
        name: "spacing",
        title: "Letter spacing",
        values: &[
            ("usual", "", "Usual"),
            ("wide", "w1", "Wide"),
            ("wider", "w2", "Very wide"),
        ],
    },
    Setting {
        name: "colours",
        title: "Colours",
        values: &[
            ("standard", "", "Standard"),
            ("black-on-white", "cb", "Black on white"),
            ("white-on-black", "cw", "White on black"),
            ("blue", "cl", "Blue on light blue"),
            ("contrast", "ch", "High contrast"),
        ],
    },
    Setting {
        name: "pictures",
        title: "Pictures",
        values: &[("on", "", "Shown"), ("off", "np", "Off")],
    },
    Setting {
        name: "letters",
        title: "Typeface",
        values: &[
            ("sans", "", "Without serifs"),
            ("serif", "sf", "With serifs"),
        ],
    },
];

/// A visitor's choice: the index of the value of each setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look([usize; SETTINGS.len()]);

/// A group of the panel, in the reader's language.
#[derive(Clone, Debug)]
pub struct Group {
    /// The name of its fields.
    pub name: &'static str,
    /// What it is called.
    pub title: String,
    /// What can be chosen.
    pub choices: Vec<LookChoice>,
}

/// A value of a group.
#[derive(Clone, Debug)]
pub struct LookChoice {
    /// The value of its field.
    pub value: &'static str,
    /// What it is called.
    pub text: String,
    /// True for the present one.
    pub chosen: bool,
}

/// True for a member of the address that belongs to the panel.
pub fn is_setting(name: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.name == name)
}

impl Look {
    /// The choice in the members of an address or a form; what is not understood is the standard.
    pub fn read(members: &[(String, String)]) -> Self {
        Self(SETTINGS.map(|setting| {
            let chosen = members.iter().find(|(name, _)| name == setting.name);
            chosen
                .and_then(|(_, value)| setting.values.iter().position(|known| known.0 == value))
                .unwrap_or_default()
        }))
    }

    /// What differs from the standard, as members of an address.
    pub fn members(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let chosen = SETTINGS.into_iter().zip(self.0);
        chosen
            .filter(|(_, index)| *index > 0)
            .map(|(setting, index)| (setting.name, setting.values[index].0))
    }

    /// The classes of the `html` element.
    pub fn classes(self) -> String {
        let chosen = SETTINGS.into_iter().zip(self.0);
        let classes: Vec<&str> = chosen
            .map(|(setting, index)| setting.values[index].1)
            .filter(|class| !class.is_empty())
            .collect();
        classes.join(" ")
    }

    /// True if nothing differs from the standard.
    pub fn is_standard(self) -> bool {
        self == Self::default()
    }

    /// True if pictures are shown.
    pub fn has_pictures(self) -> bool {
        self.members().all(|(name, _)| name != "pictures")
    }

    /// The panel in the reader's language.
    pub fn groups(self, l: Locale) -> Vec<Group> {
        let group = |(setting, index): (Setting, usize)| Group {
            name: setting.name,
            title: l.t(setting.title).to_owned(),
            choices: setting
                .values
                .iter()
                .enumerate()
                .map(|(at, (value, _, text))| LookChoice {
                    value,
                    text: l.t(text).to_owned(),
                    chosen: at == index,
                })
                .collect(),
        };
        SETTINGS.into_iter().zip(self.0).map(group).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(members: &[(&str, &str)]) -> Look {
        let owned: Vec<(String, String)> = members
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Look::read(&owned)
    }

    #[test]
    fn a_look_survives_the_way_through_an_address() {
        let chosen = [
            ("size", "150"),
            ("colours", "white-on-black"),
            ("pictures", "off"),
        ];
        let chosen = look(&chosen);
        assert_eq!(chosen.classes(), "z150 cw np");
        assert!(!chosen.has_pictures());
        assert_eq!(look(&chosen.members().collect::<Vec<_>>()), chosen);
    }

    #[test]
    fn what_is_unknown_or_standard_leaves_no_trace() {
        let standard = look(&[("size", "99"), ("letters", "sans"), ("x", "y")]);
        assert!(standard.is_standard() && standard.has_pictures());
        assert_eq!(
            (standard.classes().as_str(), standard.members().count()),
            ("", 0)
        );
    }
}

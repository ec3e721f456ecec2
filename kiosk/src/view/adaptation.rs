//! How one visitor wants the screen: text size, spacing, colours, pictures, reach, speech. Every
//! visit begins plain, but for speech where headphones are plugged in.
//!
//! The choices are those of the accessibility panels that public sites of the region carry (GOST R
//! 52872-2019, 5.2.2).

/// How the screen is shown to this visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Adaptation {
    /// Size of the text.
    pub text: TextSize,
    /// Space between letters.
    pub spacing: Spacing,
    /// Colours.
    pub scheme: Scheme,
    /// Pictures (faces, icons) are left out; numbers and words remain.
    pub pictures_off: bool,
    /// A typeface with serifs.
    pub serif: bool,
    /// Every control in the lower part of an upright screen.
    pub low_reach: bool,
    /// What is shown is also spoken.
    pub speech: bool,
    /// How loud.
    pub volume: Volume,
}

impl Adaptation {
    /// Whether the screen is as every visit begins.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// Text size relative to the plain one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum TextSize {
    /// 100 %.
    #[default]
    Plain,
    /// 150 %.
    Large,
    /// 200 %.
    Largest,
}

impl TextSize {
    /// All of them, the smallest first.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Large, Self::Largest];

    /// In per cent of the plain size.
    #[must_use]
    pub fn percent(self) -> u16 {
        match self {
            Self::Plain => 100,
            Self::Large => 150,
            Self::Largest => 200,
        }
    }
}

/// Space between letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Spacing {
    /// As the typeface has it.
    #[default]
    Plain,
    /// A twelfth of the size more.
    Wide,
    /// A sixth of the size more.
    Widest,
}

impl Spacing {
    /// All of them, the narrowest first.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Wide, Self::Widest];
}

/// Colours of the whole screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheme {
    /// Paper, ink and the organisation's colour.
    #[default]
    Standard,
    /// Black on white.
    BlackOnWhite,
    /// White on black.
    WhiteOnBlack,
    /// Dark blue on light blue.
    BlueOnLightBlue,
    /// Yellow on black, with thick outlines.
    HighContrast,
}

impl Scheme {
    /// All of them, in the order of the panel.
    pub const ALL: [Self; 5] = [
        Self::Standard,
        Self::BlackOnWhite,
        Self::WhiteOnBlack,
        Self::BlueOnLightBlue,
        Self::HighContrast,
    ];
}

/// How loud speech is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Volume {
    /// A quarter.
    Low,
    /// Half.
    #[default]
    Medium,
    /// Full.
    High,
}

impl Volume {
    /// All of them, the lowest first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// The next louder one; after the loudest the lowest.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Low => Self::Medium,
            Self::Medium => Self::High,
            Self::High => Self::Low,
        }
    }

    /// In per cent of the loudest: 20 dB from the lowest to the loudest, and the middle one 14 dB
    /// above the lowest (EN 301 549, 8.2.1.1 and 8.2.1.2 ask for 18 and 12).
    #[must_use]
    pub fn percent(self) -> u8 {
        match self {
            Self::Low => 10,
            Self::Medium => 50,
            Self::High => 100,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_of_the_volume_are_as_far_apart_as_the_standard_asks() {
        let above_lowest = |step: Volume| {
            let [step, lowest] = [step, Volume::Low].map(|it| f64::from(it.percent()));
            20.0 * (step / lowest).log10()
        };
        // The loudest is clipped by half a decibel.
        assert!(above_lowest(Volume::High) >= 18.0 + 0.5);
        assert!(above_lowest(Volume::Medium) >= 12.0);
    }
}

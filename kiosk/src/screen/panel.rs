//! Connects the accessibility panel (`ui/screens/panel.slint`) and carries what was chosen there
//! into the theme.

use std::rc::Rc;

use slint::ComponentHandle as _;

use super::ui::{self, AppWindow, Panel, Theme};
use crate::view::UserAction;
use crate::view::adaptation::{Adaptation, Scheme, Spacing, TextSize, Volume};

pub(super) fn connect(window: &AppWindow, report: &Rc<dyn Fn(UserAction)>) {
    let panel = window.global::<Panel>();
    let to = report.clone();
    let weak = window.as_weak();
    panel.on_adapt(move || {
        if let Some(window) = weak.upgrade() {
            to(UserAction::Adapt(wanted(&window)));
        }
    });
    let to = report.clone();
    panel.on_plain(move || to(UserAction::Plain));
}

/// What is chosen on the panel. An index the panel does not have means the plain choice.
fn wanted(window: &AppWindow) -> Adaptation {
    let panel = window.global::<Panel>();
    let at = |index: i32| usize::try_from(index).unwrap_or_default();
    Adaptation {
        text: TextSize::ALL
            .get(at(panel.get_text()))
            .copied()
            .unwrap_or_default(),
        spacing: Spacing::ALL
            .get(at(panel.get_spacing()))
            .copied()
            .unwrap_or_default(),
        scheme: Scheme::ALL
            .get(at(panel.get_scheme()))
            .copied()
            .unwrap_or_default(),
        pictures_off: panel.get_pictures() == 1,
        serif: panel.get_typeface() == 1,
        low_reach: panel.get_reach() == 1,
        speech: panel.get_speech() == 1,
        volume: Volume::ALL
            .get(at(panel.get_volume()))
            .copied()
            .unwrap_or_default(),
    }
}

pub(super) fn show(window: &AppWindow, adaptation: &Adaptation) {
    let theme = window.global::<Theme>();
    theme.set_text_scale(f32::from(adaptation.text.percent()) / 100.0);
    theme.set_tracking(match adaptation.spacing {
        Spacing::Plain => 0.0,
        Spacing::Wide => 1.0 / 12.0,
        Spacing::Widest => 1.0 / 6.0,
    });
    theme.set_scheme(match adaptation.scheme {
        Scheme::Standard => ui::Scheme::Standard,
        Scheme::BlackOnWhite => ui::Scheme::BlackOnWhite,
        Scheme::WhiteOnBlack => ui::Scheme::WhiteOnBlack,
        Scheme::BlueOnLightBlue => ui::Scheme::BlueOnLightBlue,
        Scheme::HighContrast => ui::Scheme::HighContrast,
    });
    theme.set_pictures_off(adaptation.pictures_off);
    theme.set_serif(adaptation.serif);
    theme.set_low_reach(adaptation.low_reach);

    let panel = window.global::<Panel>();
    panel.set_text(position(&TextSize::ALL, adaptation.text));
    panel.set_spacing(position(&Spacing::ALL, adaptation.spacing));
    panel.set_scheme(position(&Scheme::ALL, adaptation.scheme));
    panel.set_pictures(i32::from(adaptation.pictures_off));
    panel.set_typeface(i32::from(adaptation.serif));
    panel.set_reach(i32::from(adaptation.low_reach));
    panel.set_speech(i32::from(adaptation.speech));
    panel.set_volume(position(&Volume::ALL, adaptation.volume));
}

/// Where `choice` is among the panel's choices.
fn position<T: PartialEq>(choices: &[T], choice: T) -> i32 {
    let found = choices.iter().position(|it| *it == choice);
    found.and_then(|at| i32::try_from(at).ok()).unwrap_or(0)
}

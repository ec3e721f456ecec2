//! Connects what every screen shows: header, languages, colour and the card with the code
//! (`ui/shell.slint`).

use std::rc::Rc;

use pikir_contract::{InputKind, Score};
use slint::{Color, ComponentHandle as _};

use super::ui::{AppWindow, Keys, Language, OverlayKind, Shell, Theme};
use super::{models, qr};
use crate::view::languages::primary;
use crate::view::{Overlay, QrView, ScreenView, SetupView, UserAction, View};

/// The theme's own accent, where the organisation has none.
const ACCENT: [u8; 3] = [0x0b, 0x5d, 0x66];

pub(super) fn connect(window: &AppWindow, report: &Rc<dyn Fn(UserAction)>) {
    let shell = window.global::<Shell>();
    let to = report.clone();
    shell.on_language_chosen(move |code| to(UserAction::Language(code.into())));
    let to = report.clone();
    shell.on_show_overlay(move |overlay| {
        to(UserAction::Show(match overlay {
            OverlayKind::None => None,
            OverlayKind::Panel => Some(Overlay::Panel),
            OverlayKind::Phone => Some(Overlay::Phone),
        }));
    });
    let to = report.clone();
    let weak = window.as_weak();
    shell.on_touched(move |x, y| {
        if let Some(window) = weak.upgrade() {
            to(UserAction::Touched(place(&window, x, y)));
        }
    });
    let to = report.clone();
    shell.on_score_key(move |score| {
        if let Some(score) = u8::try_from(score).ok().and_then(Score::new) {
            to(UserAction::Rate {
                score,
                input: InputKind::Keypad,
                at: None,
            });
        }
    });
}

pub(super) fn show(window: &AppWindow, view: &View) {
    select_language(&view.language);
    let [red, green, blue] = view.accent.unwrap_or(ACCENT);
    window
        .global::<Theme>()
        .set_own_accent(Color::from_rgb_u8(red, green, blue));

    let shell = window.global::<Shell>();
    shell.set_organization(view.organization.as_str().into());
    shell.set_unit(view.unit.as_deref().unwrap_or_default().into());
    shell.set_place(view.place.as_str().into());
    shell.set_hint(view.hint.as_str().into());
    shell.set_overlay(match view.overlay {
        None => OverlayKind::None,
        Some(Overlay::Panel) => OverlayKind::Panel,
        Some(Overlay::Phone) => OverlayKind::Phone,
    });
    show_languages(window, view);
    show_code(&shell, view);
}

/// A place of the window in logical pixels, per mille of its width and height.
pub(super) fn place(window: &AppWindow, x: f32, y: f32) -> (u16, u16) {
    let window = window.window();
    let size = window.size().to_logical(window.scale_factor());
    (per_mille(x, size.width), per_mille(y, size.height))
}

/// Where `position` is along `length`, both in logical pixels, in thousandths: 0 to 1000.
fn per_mille(position: f32, length: f32) -> u16 {
    if length <= 0.0 {
        return 0;
    }
    // Clamped, so the conversion loses nothing.
    (position / length * 1000.0).round().clamp(0.0, 1000.0) as u16
}

/// A language without a translation is shown in English; the organisation's own texts stay in
/// theirs. There is one translation a language, whatever the region.
pub(super) fn select_language(language: &str) {
    if slint::select_bundled_translation(&primary(language)).is_err()
        && let Err(error) = slint::select_bundled_translation("en")
    {
        tracing::warn!(%error, language, "the screen has no translations");
    }
}

fn show_languages(window: &AppWindow, view: &View) {
    let shell = window.global::<Shell>();
    let languages: Vec<Language> = view
        .languages
        .iter()
        .map(|choice| Language {
            code: choice.code.as_str().into(),
            label: choice.label.as_str().into(),
            name: choice.name.as_str().into(),
            selected: choice.code == view.language,
        })
        .collect();
    if let Some(replaced) = models::updated(&shell.get_languages(), languages) {
        shell.set_languages(replaced);
        // The focus may have been on one that is gone.
        let keys = window.global::<Keys>();
        keys.set_losses(keys.get_losses().wrapping_add(1));
    }
}

fn show_code(shell: &Shell<'_>, view: &View) {
    let (payload, address) = match (&view.screen, &view.qr) {
        (
            ScreenView::Setup(SetupView::Claim {
                payload, address, ..
            }),
            _,
        ) => (payload.as_str(), without_scheme(address)),
        (ScreenView::Setup(_), _) | (_, None) => ("", ""),
        (_, Some(QrView { payload, address })) => (payload.as_str(), address.as_str()),
    };
    shell.set_qr_address(address.into());
    if shell.get_qr_payload() == payload && shell.get_qr_modules() > 0 {
        return;
    }
    let modules = qr::modules(payload).unwrap_or_else(|error| {
        // The address remains, in text.
        tracing::warn!(%error, characters = payload.len(), "no QR code can be made of the address");
        0
    });
    shell.set_qr_modules(modules);
    shell.set_qr_payload(payload.into());
}

fn without_scheme(address: &str) -> &str {
    address
        .strip_prefix("https://")
        .or_else(|| address.strip_prefix("http://"))
        .unwrap_or(address)
}

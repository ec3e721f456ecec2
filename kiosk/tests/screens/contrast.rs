//! Every text can be read against its ground, and every mark told from it (WCAG 2: 4.5:1 and 3:1).

use image::Rgba;
use pikir_kiosk::screen::ui::{Scheme, Theme};
use slint::{Color, ComponentHandle as _};

use crate::legible;
use crate::stage::Stage;

fn ratio(one: Color, other: Color) -> f64 {
    let [one, other] = [one, other].map(|it| Rgba([it.red(), it.green(), it.blue(), 255]));
    legible::ratio(one, other)
}

#[test]
fn every_text_colour_has_a_contrast_of_4_5_on_its_grounds_in_every_scheme() {
    let stage = Stage::new((800, 480));
    let theme = stage.screen.component().global::<Theme>();
    for scheme in [
        Scheme::Standard,
        Scheme::BlackOnWhite,
        Scheme::WhiteOnBlack,
        Scheme::BlueOnLightBlue,
        Scheme::HighContrast,
    ] {
        theme.set_scheme(scheme);
        check(&theme, scheme);
    }
}

fn check(theme: &Theme<'_>, scheme: Scheme) {
    let (paper, card) = (theme.get_paper(), theme.get_card());
    let mut pairs = vec![
        ("message on ink", card, theme.get_ink()),
        ("message on warning", card, theme.get_warning()),
        ("button on accent", card, theme.get_accent()),
        ("pause on muted", card, theme.get_muted()),
    ];
    for ground in [paper, card] {
        pairs.push(("ink", theme.get_ink(), ground));
        pairs.push(("muted", theme.get_muted(), ground));
        pairs.push(("accent", theme.get_accent(), ground));
        pairs.push(("warning", theme.get_warning(), ground));
    }
    for score in 1..=5 {
        pairs.push(("score on card", theme.invoke_score_color(score), card));
        pairs.push((
            "score on its tint",
            theme.invoke_score_color(score),
            theme.invoke_score_tint(score),
        ));
        pairs.push((
            "ink on a score's tint",
            theme.get_ink(),
            theme.invoke_score_tint(score),
        ));
    }
    for ground in [paper, card] {
        let edge = ratio(theme.get_edge(), ground);
        assert!(edge >= 3.0, "{scheme:?}: what can be pressed: {edge:.2}");
    }
    for (what, text, ground) in pairs {
        assert!(
            ratio(text, ground) >= 4.5,
            "{scheme:?}: {what}: {:.2}",
            ratio(text, ground)
        );
    }
}

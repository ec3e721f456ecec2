//! Connects what the screen says (`ui/speech.slint`).

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use slint::{ComponentHandle as _, Timer};

use super::ui::{AppWindow, Speech};
use crate::speech::Request;
use crate::view::adaptation::Volume;
use crate::view::{MoreView, PageView, ScreenView, View};

pub(super) fn connect(window: &AppWindow, report: impl Fn(Request) + 'static) {
    let speech = window.global::<Speech>();
    let report: Rc<dyn Fn(Request)> = Rc::new(report);
    let pending = Rc::new(RefCell::new(Vec::<String>::new()));

    let (to, waiting) = (report.clone(), pending.clone());
    speech.on_say(move |text| {
        let text = text.trim();
        let repeated = waiting.borrow().iter().any(|other| other == text);
        if repeated {
            return;
        }
        waiting.borrow_mut().push(text.to_owned());
        if waiting.borrow().len() == 1 {
            let (to, waiting) = (to.clone(), waiting.clone());
            // One thing that a visitor does may change several things on the screen: they are said
            // one after the other, when all of them are known.
            Timer::single_shot(Duration::ZERO, move || {
                let texts = waiting.take();
                if !texts.is_empty() {
                    to(Request::Say(texts.join(" ")));
                }
            });
        }
    });
    let (to, waiting) = (report.clone(), pending);
    speech.on_hush(move || {
        waiting.borrow_mut().clear();
        to(Request::Hush);
    });
    let to = report.clone();
    speech.on_switched(move || to(Request::Switch));
    speech.on_louder(move || report(Request::Louder));
}

pub(super) fn show(window: &AppWindow, view: &View) {
    let speech = window.global::<Speech>();
    speech.set_volume(match view.adaptation.volume {
        Volume::Low => 1,
        Volume::Medium => 2,
        Volume::High => 3,
    });
    let written = match &view.screen {
        ScreenView::More(MoreView {
            content: PageView::Comment { text, .. },
            ..
        }) => text.as_str(),
        _ => "",
    };
    speech.set_written(written.into());
    speech.set_on(view.adaptation.speech);
}

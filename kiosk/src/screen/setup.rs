//! Connects the set-up screen (`ui/screens/setup.slint`). Its code is drawn by the card, like any
//! other.

use slint::ComponentHandle as _;

use super::ui::{AppWindow, Setup, SetupStage};
use crate::view::SetupView;

pub(super) fn show(window: &AppWindow, view: &SetupView) {
    let setup = window.global::<Setup>();
    let problem = match view {
        SetupView::NoPortal => {
            setup.set_stage(SetupStage::NoPortal);
            None
        }
        SetupView::Connecting { portal, problem } => {
            setup.set_stage(SetupStage::Connecting);
            setup.set_portal(portal.as_str().into());
            problem.as_deref()
        }
        SetupView::Claim {
            payload: _,
            address,
            user_code,
            problem,
        } => {
            setup.set_stage(SetupStage::Claim);
            setup.set_address(address.as_str().into());
            setup.set_user_code(user_code.as_str().into());
            problem.as_deref()
        }
    };
    setup.set_problem(problem.unwrap_or_default().into());
}

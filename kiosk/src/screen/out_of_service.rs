//! Connects the out-of-service screen (`ui/screens/out-of-service.slint`).

use slint::ComponentHandle as _;

use super::ui::{AppWindow, FaultKind, OutOfService};
use crate::view::{Fault, FaultView};

pub(super) fn show(window: &AppWindow, view: &FaultView) {
    let screen = window.global::<OutOfService>();
    screen.set_fault(match view.fault {
        Fault::Storage => FaultKind::Storage,
        Fault::DiskFull => FaultKind::DiskFull,
        Fault::Retired => FaultKind::Retired,
        Fault::Configuration => FaultKind::Configuration,
    });
    screen.set_detail(view.detail.as_str().into());
}

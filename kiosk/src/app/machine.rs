//! Takes the machine's pins and backlight into use. What cannot be had is told, and the screen
//! works without.

use crate::hardware::backlight::{KERNEL_BACKLIGHTS, KernelBacklight};
use crate::hardware::pi::{self, PwmBacklight};
use crate::hardware::{BY_PICTURE, Backlight, Hardware, Input, OpenBacklight, Wiring};
use crate::platform::files;
use crate::screen;

use super::{Shared, ui};

/// Starts the hardware that is wired. A window among others (`windowed`) leaves the kernel's
/// backlight to whoever owns the screen.
pub fn start(wiring: &Wiring, windowed: bool, shared: &Shared) -> Hardware {
    let (opened, mut problems) = pi::open(wiring);
    let backlight = backlight(wiring, windowed).unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    // Otherwise whoever opens it says so.
    let by = backlight.is_none().then(|| BY_PICTURE.to_owned());
    shared.hardware.send_modify(|status| {
        status.problems = problems;
        status.brightness_by = by;
    });
    let housing = shared.housing.clone();
    let report = move |input| {
        if let Input::Housing { open } = input {
            housing.send_modify(|housing| housing.stands(open));
        }
        ui::post(move |ui| ui.input(input));
    };
    let (clock, status) = (shared.clock.clone(), shared.hardware.clone());
    Hardware::start(opened, backlight, clock, status, report).unwrap_or_else(|error| {
        tracing::error!(%error, "the hardware's thread cannot be started");
        Hardware::default()
    })
}

/// The panel's own brightness: by PWM where that is wired, otherwise by the kernel where its driver
/// can; `None` where neither is.
fn backlight(wiring: &Wiring, windowed: bool) -> Result<Option<OpenBacklight>, String> {
    if let Some(pin) = wiring.backlight {
        let wiring = wiring.clone();
        return Ok(Some(Box::new(move || {
            let opened = PwmBacklight::open(&wiring, pin)?;
            Ok(Box::new(opened) as Box<dyn Backlight>)
        })));
    }
    if windowed || !files::exists(KERNEL_BACKLIGHTS.as_ref()) {
        return Ok(None);
    }
    let found = KernelBacklight::open(KERNEL_BACKLIGHTS.as_ref())?;
    Ok(found.map(|found| {
        let open = move || Ok(Box::new(found) as Box<dyn Backlight>);
        Box::new(open) as OpenBacklight
    }))
}

/// Whether every frame that is asked for gets painted: not in a window among others, which may be
/// hidden, and in a Wayland session (by way of XWayland) only while somebody can see it.
pub fn paints(windowed: bool) -> bool {
    screen::draws_by_itself() || !windowed && std::env::var_os("WAYLAND_DISPLAY").is_none()
}

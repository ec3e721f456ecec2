//! Picture and touch are turned together.

use std::rc::Rc;

use pikir_kiosk::screen::{Screen, ScreenOptions, touch_matrix};
use pikir_kiosk::view::ScreenView;
use slint::platform::software_renderer::{
    MinimalSoftwareWindow, PremultipliedRgbaColor, RenderingRotation, RepaintBufferType,
    TargetPixel,
};
use slint::platform::{Platform, WindowAdapter};
use slint::{ComponentHandle as _, PhysicalSize, PlatformError};

use crate::samples;

/// A panel of 480×320 pixels, mounted in any direction.
const PANEL: (u32, u32) = (480, 320);

#[derive(Clone, Copy, PartialEq, Default)]
struct Pixel([u8; 3]);

impl TargetPixel for Pixel {
    fn blend(&mut self, color: PremultipliedRgbaColor) {
        let rest = 255 - u16::from(color.alpha);
        let over = |under: u8, over: u8| (u16::from(under) * rest / 255) as u8 + over;
        let [r, g, b] = self.0;
        self.0 = [
            over(r, color.red),
            over(g, color.green),
            over(b, color.blue),
        ];
    }

    fn from_rgb(red: u8, green: u8, blue: u8) -> Self {
        Self([red, green, blue])
    }
}

struct OneWindow(Rc<MinimalSoftwareWindow>);

impl Platform for OneWindow {
    fn create_window_adapter(&self) -> Result<Rc<dyn WindowAdapter>, PlatformError> {
        Ok(self.0.clone())
    }
}

/// The panel's pixels, and the size of the picture on it.
fn drawn(window: &Rc<MinimalSoftwareWindow>, rotation: u16) -> (Vec<Pixel>, (u32, u32)) {
    let (direction, size) = match rotation {
        90 => (RenderingRotation::Rotate90, (PANEL.1, PANEL.0)),
        180 => (RenderingRotation::Rotate180, PANEL),
        270 => (RenderingRotation::Rotate270, (PANEL.1, PANEL.0)),
        _ => (RenderingRotation::NoRotation, PANEL),
    };
    window.set_size(PhysicalSize::new(size.0, size.1));
    slint::platform::update_timers_and_animations();
    let mut pixels = vec![Pixel::default(); (PANEL.0 * PANEL.1) as usize];
    window.request_redraw();
    window.draw_if_needed(|renderer| {
        renderer.set_rendering_rotation(direction);
        renderer.render(&mut pixels, PANEL.0 as usize);
    });
    (pixels, size)
}

/// An upright picture has its own layout, so it is compared with itself: drawn as it is on a panel
/// of its own shape.
fn upright(window: &Rc<MinimalSoftwareWindow>, size: (u32, u32)) -> Vec<Pixel> {
    window.set_size(PhysicalSize::new(size.0, size.1));
    slint::platform::update_timers_and_animations();
    let mut pixels = vec![Pixel::default(); (size.0 * size.1) as usize];
    window.request_redraw();
    window.draw_if_needed(|renderer| {
        renderer.set_rendering_rotation(RenderingRotation::NoRotation);
        renderer.render(&mut pixels, size.0 as usize);
    });
    pixels
}

#[test]
fn whoever_touches_a_pixel_of_a_turned_picture_touches_what_is_drawn_there() {
    let window = MinimalSoftwareWindow::new(RepaintBufferType::NewBuffer);
    slint::platform::set_platform(Box::new(OneWindow(window.clone()))).unwrap();
    let screen = Screen::new(&ScreenOptions {
        windowed: Some(PANEL),
        reduced_motion: true,
    })
    .unwrap();
    screen.show(&samples::view("en", ScreenView::Rate(samples::rate())));
    screen.component().show().unwrap();
    for rotation in [0, 90, 180, 270] {
        let (panel, size) = drawn(&window, rotation);
        let picture = upright(&window, size);
        let [a, b, c, d, e, f] = touch_matrix(rotation);
        let same = (0..PANEL.0 * PANEL.1)
            .filter(|index| {
                // The middle of a pixel, as a share of the panel.
                let u = ((index % PANEL.0) as f32 + 0.5) / PANEL.0 as f32;
                let v = ((index / PANEL.0) as f32 + 0.5) / PANEL.1 as f32;
                let x = (a * u + b * v + c) * size.0 as f32;
                let y = (d * u + e * v + f) * size.1 as f32;
                picture[y as usize * size.0 as usize + x as usize] == panel[*index as usize]
            })
            .count();
        let all = panel.len();
        // The edges of curves are smoothed a little differently in each direction.
        assert!(same * 100 >= all * 97, "{rotation}: {same} of {all}");
    }
}

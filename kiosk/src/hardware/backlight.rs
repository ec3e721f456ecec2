//! The brightness of the panel through the kernel, where its driver has one:
//! `/sys/class/backlight/*/brightness`.

use std::path::{Path, PathBuf};

use crate::platform::files;

/// Where the kernel lists backlights.
pub const KERNEL_BACKLIGHTS: &str = "/sys/class/backlight";

/// Sets the brightness of a panel.
pub trait Backlight: Send + 'static {
    /// Sets it (0–100 percent).
    ///
    /// # Errors
    /// It could not be set: why and what to do, for a technician.
    fn set(&mut self, percent: u8) -> Result<(), String>;
    /// What it is, as `brightness_by` in the status says.
    fn name(&self) -> &'static str;
}

/// Opens a backlight, at full brightness; where it cannot be had: why and what to do, for a
/// technician.
pub type OpenBacklight = Box<dyn FnOnce() -> Result<Box<dyn Backlight>, String> + Send>;

/// A backlight of the kernel.
#[derive(Debug)]
pub struct KernelBacklight {
    brightness: PathBuf,
    max: u64,
}

impl KernelBacklight {
    /// The first backlight under `root` ([`KERNEL_BACKLIGHTS`]), at full brightness; `None` where
    /// the kernel has none.
    ///
    /// # Errors
    /// There is one, and it cannot be used: why and what to do, for a technician.
    pub fn open(root: &Path) -> Result<Option<Self>, String> {
        let found = files::directories_in(root)
            .map_err(|error| format!("backlight: {} cannot be listed: {error}", root.display()))?;
        let Some(directory) = found.into_iter().next() else {
            return Ok(None);
        };
        let text = files::read_text(&directory.join("max_brightness"))
            .map_err(|error| problem(&directory, &error))?;
        let max = text.trim().parse().map_err(|_| {
            format!(
                "backlight: {}/max_brightness is no number",
                directory.display()
            )
        })?;
        let mut backlight = Self {
            brightness: directory.join("brightness"),
            max,
        };
        backlight.set(100)?;
        Ok(Some(backlight))
    }
}

impl Backlight for KernelBacklight {
    fn set(&mut self, percent: u8) -> Result<(), String> {
        // Rounded up: what is not dark stays lit, however few steps the panel has.
        let steps = self
            .max
            .saturating_mul(u64::from(percent.min(100)))
            .div_ceil(100);
        files::write_value(&self.brightness, &steps.to_string())
            .map_err(|error| problem(&self.brightness, &error))
    }

    fn name(&self) -> &'static str {
        "backlight"
    }
}

fn problem(path: &Path, error: &std::io::Error) -> String {
    format!(
        "backlight: {}: {error}. Check that group video may write there (udev rule 70-pikir-kiosk.rules) and that the unit has \
         ReadWritePaths=-/sys/devices",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(max: &str) -> (tempfile::TempDir, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let panel = root.path().join("10-0045");
        std::fs::create_dir(&panel).unwrap();
        std::fs::write(panel.join("max_brightness"), max).unwrap();
        std::fs::write(panel.join("brightness"), "7\n").unwrap();
        let file = panel.join("brightness");
        (root, file)
    }

    #[test]
    fn a_panel_is_set_in_its_own_steps_and_only_nought_is_dark() {
        let (root, file) = panel("31\n");
        let mut backlight = KernelBacklight::open(root.path()).unwrap().unwrap();
        let mut shown = |percent| {
            backlight.set(percent).unwrap();
            std::fs::read_to_string(&file).unwrap()
        };
        assert_eq!(shown(100), "31");
        assert_eq!(shown(50), "16");
        assert_eq!(shown(1), "1");
        assert_eq!(shown(0), "0");
    }

    #[test]
    fn a_panel_begins_at_full_brightness_whatever_an_earlier_run_left() {
        let (root, file) = panel("255\n");
        KernelBacklight::open(root.path()).unwrap().unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap(), "255");
    }

    #[test]
    fn a_machine_without_a_backlight_has_none_and_that_is_no_fault() {
        let root = tempfile::tempdir().unwrap();
        assert!(KernelBacklight::open(root.path()).unwrap().is_none());
        let nowhere = root.path().join("nowhere");
        assert!(KernelBacklight::open(&nowhere).unwrap().is_none());
    }

    #[test]
    fn a_backlight_that_may_not_be_written_is_told_with_its_file_and_the_remedy() {
        let (root, file) = panel("255\n");
        std::fs::remove_file(&file).unwrap();
        // A directory in its place cannot be written, not even by root.
        std::fs::create_dir(&file).unwrap();
        let problem = KernelBacklight::open(root.path()).unwrap_err();
        assert!(
            problem.contains("10-0045/brightness") && problem.contains("group video"),
            "{problem}"
        );
        let (root, _) = panel("many\n");
        assert!(
            KernelBacklight::open(root.path())
                .unwrap_err()
                .contains("no number")
        );
    }
}

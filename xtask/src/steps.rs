//! Numbered headings with the time each step took, so that a long run can be read at a glance.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// A run of a known number of steps.
pub struct Steps {
    total: usize,
    begun: usize,
    started: Instant,
}

impl Steps {
    /// Starts the clock for `total` steps.
    pub fn new(total: usize) -> Self {
        Self {
            total,
            begun: 0,
            started: Instant::now(),
        }
    }

    /// Prints the heading `[3/7] title`, does `work`, prints the time it took.
    pub fn step(&mut self, title: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        self.begun += 1;
        let (begun, total) = (self.begun, self.total);
        println!("\n[{begun}/{total}] {title}");
        let started = Instant::now();
        work().with_context(|| {
            format!(
                "step {begun}/{total}, {title}, after {}",
                readable(self.started.elapsed())
            )
        })?;
        println!("      done in {}", readable(started.elapsed()));
        Ok(())
    }

    /// The last line of a run in which nothing failed.
    pub fn finish(&self) {
        println!(
            "\nAll {} steps passed in {}.",
            self.begun,
            readable(self.started.elapsed())
        );
    }
}

/// `850 ms`, `12 s`, `3 min 5 s`.
fn readable(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        seconds @ 1..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_a_person_says_them() {
        assert_eq!(readable(Duration::from_millis(850)), "850 ms");
        assert_eq!(readable(Duration::from_secs(12)), "12 s");
        assert_eq!(readable(Duration::from_secs(185)), "3 min 5 s");
    }

    #[test]
    fn a_failed_step_is_named_with_its_number() {
        let mut steps = Steps::new(2);
        steps.step("formatting", || Ok(())).expect("nothing fails");
        let error = steps
            .step("lints", || anyhow::bail!("cargo ended with 101"))
            .expect_err("the step fails");
        let text = format!("{error:#}");
        assert!(text.starts_with("step 2/2, lints, after "), "{text}");
        assert!(text.ends_with("cargo ended with 101"), "{text}");
    }
}

//! Remembers over a restart where the panel touches itself: found anew it takes several more
//! touches, and they would count.
//!
//! The file `phantoms` has a line for each point: `x y period_ms` (per mille, per mille,
//! milliseconds). It is written when the points change, never for a hit: a phantom hits thousands
//! of times a day, and a memory card wears out.

use std::io;

use tokio::sync::watch;

use crate::platform::files;
use crate::platform::files::DataDir;
use crate::visit::doubt::{Phantom, Point};

/// What was known when the terminal last ran, suspected anew from the uptime `up_ms` on. A file
/// that cannot be read is no reason not to start: the phantoms give themselves away again.
#[must_use]
pub fn recall(data: &DataDir, up_ms: u64) -> Vec<Phantom> {
    let text = files::read_text_if_there(&data.phantoms()).unwrap_or_else(|error| {
        tracing::warn!(%error, "where the panel touched itself cannot be read");
        None
    });
    let text = text.unwrap_or_default();
    text.lines().filter_map(|line| read(line, up_ms)).collect()
}

fn read(line: &str, up_ms: u64) -> Option<Phantom> {
    let mut numbers = line.split_ascii_whitespace();
    let point = Point {
        x: numbers.next()?.parse().ok()?,
        y: numbers.next()?.parse().ok()?,
    };
    Some(Phantom {
        point,
        period_ms: numbers.next()?.parse().ok().filter(|period| *period > 0)?,
        last_hit_ms: up_ms,
    })
}

fn write(data: &DataDir, phantoms: &[Phantom]) -> io::Result<()> {
    if phantoms.is_empty() {
        return files::remove_if_there(&data.phantoms());
    }
    let line = |it: &Phantom| format!("{} {} {}\n", it.point.x, it.point.y, it.period_ms);
    let text: String = phantoms.iter().map(line).collect();
    files::replace(&data.phantoms(), text.as_bytes(), 0o600)
}

/// Keeps what `phantoms` tells, from now on, until nobody tells any more.
pub async fn keep(data: DataDir, mut phantoms: watch::Receiver<Vec<Phantom>>) {
    let mut kept = points(&recall(&data, 0));
    loop {
        let known = phantoms.borrow_and_update().clone();
        if points(&known) != kept {
            match write(&data, &known) {
                Ok(()) => kept = points(&known),
                Err(error) => {
                    tracing::warn!(%error, "where the panel touches itself cannot be kept over a restart");
                }
            }
        }
        if phantoms.changed().await.is_err() {
            return;
        }
    }
}

fn points(phantoms: &[Phantom]) -> Vec<Point> {
    phantoms.iter().map(|phantom| phantom.point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phantom(x: u16, last_hit_ms: u64) -> Phantom {
        Phantom {
            point: Point { x, y: 700 },
            period_ms: 12_864,
            last_hit_ms,
        }
    }

    /// What the file says once everything that was told has been taken up.
    async fn kept(data: &DataDir, told: &[Vec<Phantom>]) -> Option<String> {
        for phantoms in told {
            let (tell, receiver) = watch::channel(phantoms.clone());
            drop(tell);
            keep(data.clone(), receiver).await;
        }
        files::read_text_if_there(&data.phantoms()).unwrap()
    }

    #[tokio::test]
    async fn points_are_recalled_after_a_restart_and_forgotten_when_they_are_quiet() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(Some(dir.path()));
        assert_eq!(kept(&data, &[vec![]]).await, None);
        let found = vec![phantom(300, 5_000), phantom(800, 9_000)];
        assert_eq!(
            kept(&data, &[found]).await.as_deref(),
            Some("300 700 12864\n800 700 12864\n")
        );
        assert_eq!(recall(&data, 7), [phantom(300, 7), phantom(800, 7)]);
        assert_eq!(kept(&data, &[vec![]]).await, None);
        assert_eq!(recall(&data, 7), []);
    }

    #[tokio::test]
    async fn a_hit_alone_writes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(Some(dir.path()));
        kept(&data, &[vec![phantom(300, 5_000)]]).await;
        // What nobody writes stays as it is, whatever it is.
        std::fs::write(data.phantoms(), "300 700 999\n").unwrap();
        let hit = kept(&data, &[vec![phantom(300, 50_000)]]).await;
        assert_eq!(hit.as_deref(), Some("300 700 999\n"));
    }

    #[test]
    fn a_file_that_somebody_wrote_into_costs_its_broken_lines_alone() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(Some(dir.path()));
        std::fs::write(data.phantoms(), "x\n300 700\n300 700 0\n300 700 12864\n").unwrap();
        assert_eq!(recall(&data, 1), [phantom(300, 1)]);
    }
}

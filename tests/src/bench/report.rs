//! What a run found: figures with their targets, tables, curves. Written as text for people, as
//! JSON and CSV for programs.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::machine::Machine;
use super::stats::Ratio;

/// What a figure has to keep to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// Not more than this.
    AtMost(f64),
    /// Not less than this.
    AtLeast(f64),
}

impl Target {
    /// Whether `value` keeps to it.
    pub fn reached_by(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(limit) => format!("≤ {limit}"),
            Self::AtLeast(limit) => format!("≥ {limit}"),
        }
    }
}

/// One figure: a ratio against a peer or a limit that was measured in the same run.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What was measured, against what.
    pub what: String,
    /// The ratio.
    pub ratio: Ratio,
    /// What is asked of it; `None` where it only helps to read another.
    pub target: Option<Target>,
    /// What was measured, absolute, with its unit.
    pub ours: String,
    /// What stands beside it, absolute, with its unit.
    pub beside: String,
}

impl Figure {
    fn verdict(&self) -> &'static str {
        match self.target {
            None => "–",
            Some(target) if target.reached_by(self.ratio.value) => "reached",
            Some(_) => "MISSED",
        }
    }

    fn row(&self) -> Vec<String> {
        let Ratio {
            value,
            least,
            most,
            repetitions,
        } = self.ratio;
        let spread = if repetitions > 1 {
            format!("{least:.2} – {most:.2} ({repetitions})")
        } else {
            "–".to_owned()
        };
        vec![
            self.what.clone(),
            format!("{value:.2}"),
            spread,
            self.target.map_or_else(|| "–".into(), Target::text),
            self.verdict().to_owned(),
            self.ours.clone(),
            self.beside.clone(),
        ]
    }

    fn json(&self) -> Value {
        let target = self.target.map(|target| match target {
            Target::AtMost(limit) => json!({"at_most": limit}),
            Target::AtLeast(limit) => json!({"at_least": limit}),
        });
        json!({
            "what": self.what,
            "ratio": self.ratio.value, "least": self.ratio.least, "most": self.ratio.most,
            "repetitions": self.ratio.repetitions,
            "target": target,
            "reached": self.target.map(|target| target.reached_by(self.ratio.value)),
            "ours": self.ours, "beside": self.beside,
        })
    }
}

/// A table of absolute numbers behind the figures. Every row has as many cells as the head.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// The names of the columns.
    pub head: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns and no row yet.
    pub fn new(head: &[&str]) -> Self {
        Self {
            head: head.iter().map(ToString::to_string).collect(),
            rows: Vec::new(),
        }
    }

    /// One more row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// As Markdown whose columns line up, so that it reads as plain text too.
    fn text(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().chain([&self.head]);
            cells
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let line = |cells: &[String]| {
            let padded: Vec<String> = cells
                .iter()
                .zip(&widths)
                .map(|(cell, &width)| format!("{cell:<width$}"))
                .collect();
            format!("| {} |\n", padded.join(" | "))
        };
        let rule: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
        let mut text = line(&self.head) + &line(&rule);
        text.extend(self.rows.iter().map(|row| line(row)));
        text
    }
}

/// One part of the bench.
#[derive(Debug, Clone, Default)]
pub struct Section {
    /// Its name on the command line and in file names.
    pub name: &'static str,
    /// What it asks, for people.
    pub title: &'static str,
    /// Its figures, those with a target first.
    pub figures: Vec<Figure>,
    /// Absolute numbers.
    pub table: Table,
    /// How it was measured, what to keep in mind.
    pub notes: Vec<String>,
    /// CSV by file name.
    pub curves: Vec<(&'static str, String)>,
}

const HEAD: [&str; 7] = [
    "ratio",
    "value",
    "spread (repetitions)",
    "target",
    "verdict",
    "measured",
    "beside it",
];

impl Section {
    /// Whether every figure that has a target reached it.
    pub fn is_reached(&self) -> bool {
        self.figures.iter().all(|figure| {
            figure
                .target
                .is_none_or(|target| target.reached_by(figure.ratio.value))
        })
    }

    /// The section as Markdown: the ratios first, then what is behind them.
    pub fn text(&self) -> String {
        let mut figures = Table::new(&HEAD);
        figures.rows = self.figures.iter().map(Figure::row).collect();
        let mut text = format!("## {}\n\n{}", self.title, figures.text());
        if !self.table.rows.is_empty() {
            let _ = write!(text, "\n{}", self.table.text());
        }
        for note in &self.notes {
            let _ = write!(text, "\n- {note}");
        }
        if !self.notes.is_empty() {
            text.push('\n');
        }
        for (file, _) in &self.curves {
            let _ = write!(text, "\nCurves: [{file}]({file})\n");
        }
        text
    }

    fn json(&self) -> Value {
        json!({
            "title": self.title,
            "figures": self.figures.iter().map(Figure::json).collect::<Vec<_>>(),
            "table": {"head": self.table.head, "rows": self.table.rows},
            "notes": self.notes,
            "curves": self.curves.iter().map(|(file, _)| file).collect::<Vec<_>>(),
        })
    }

    /// Writes `NAME.md`, `NAME.json` and the curves into `folder`.
    pub fn write(&self, folder: &Path, machine: &Machine) -> Result<()> {
        let write = |file: &str, content: &str| {
            let path = folder.join(file);
            std::fs::write(&path, content)
                .with_context(|| format!("cannot write {}", path.display()))
        };
        let (text, mut json) = (self.text(), self.json());
        json["machine"] = machine.json();
        write(
            &format!("{}.md", self.name),
            &format!("{text}\n{}\n", machine.text()),
        )?;
        write(
            &format!("{}.json", self.name),
            &serde_json::to_string_pretty(&json)?,
        )?;
        self.curves
            .iter()
            .try_for_each(|(file, csv)| write(file, csv))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(value: f64, target: Target) -> Figure {
        Figure {
            what: "append / raw".into(),
            ratio: Ratio::of(&[value]),
            target: Some(target),
            ours: "1 ms".into(),
            beside: "1 ms".into(),
        }
    }

    #[test]
    fn a_target_is_reached_from_its_own_side() {
        assert_eq!(figure(1.4, Target::AtMost(1.5)).verdict(), "reached");
        assert_eq!(figure(1.6, Target::AtMost(1.5)).verdict(), "MISSED");
        assert_eq!(figure(0.6, Target::AtLeast(0.5)).verdict(), "reached");
        assert_eq!(figure(0.4, Target::AtLeast(0.5)).verdict(), "MISSED");
    }

    #[test]
    fn a_section_shows_its_ratios_before_its_absolute_numbers() {
        let mut section = Section {
            name: "x",
            title: "X",
            figures: vec![figure(1.0, Target::AtMost(1.5))],
            table: Table::new(&["percentile", "ms"]),
            ..Section::default()
        };
        section.table.row(vec!["p50".into(), "4.0".into()]);
        let text = section.text();
        let at = |part: &str| {
            text.find(part)
                .unwrap_or_else(|| panic!("no {part} in {text}"))
        };
        assert!(at("append / raw") < at("p50"), "{text}");
        let json = section.json();
        assert_eq!(json["figures"][0]["reached"], true);
        assert_eq!(json["figures"][0]["target"]["at_most"], 1.5);
    }
}

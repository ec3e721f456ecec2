//! Two kinds of pictures as SVG: lines over two axes, and bars beside each other. Drawn by hand: a chart library would
//! be more code to build than this is to read.

use std::fmt::Write as _;

/// Width of every picture (px).
const WIDTH: f64 = 860.0;
/// Height of a line chart (px).
const HEIGHT: f64 = 460.0;
/// Room for the title and the names of the lines (px).
const TOP: f64 = 92.0;
/// Room for the numbers of the upright axis (px).
const LEFT: f64 = 74.0;
/// Room to the right of the drawing (px).
const RIGHT: f64 = 34.0;
/// Room for the numbers and the name of the level axis (px).
const BOTTOM: f64 = 62.0;
/// Height of one bar with the space below it (px).
const BAR_STEP: f64 = 44.0;
/// Where bars begin, right of their names (px).
const BAR_LEFT: f64 = 270.0;
/// Where the longest bar ends (px).
const BAR_RIGHT: f64 = WIDTH - 210.0;

/// What is measured.
pub const OURS: &str = "#0b6e99";
/// What stands beside it.
pub const BESIDE: &str = "#c4611a";
/// A third line.
pub const THIRD: &str = "#7a4fa3";
/// What only helps to read.
pub const QUIET: &str = "#9aa5b1";

/// How an axis is divided.
#[derive(Debug, Clone)]
pub struct Axis {
    /// What it measures, with the unit.
    pub name: String,
    /// Its first value; above 0 on a logarithmic axis.
    pub from: f64,
    /// Its last value.
    pub to: f64,
    /// Whether equal steps are equal factors.
    pub logarithmic: bool,
}

impl Axis {
    /// Where `value` lies, 0.0 at the beginning and 1.0 at the end; outside values stay at the edge.
    fn share(&self, value: f64) -> f64 {
        let place = |value: f64| {
            if self.logarithmic {
                value.max(self.from).ln()
            } else {
                value
            }
        };
        ((place(value) - place(self.from)) / (place(self.to) - place(self.from))).clamp(0.0, 1.0)
    }

    /// Round numbers along it: 1, 2, 5 of each decade on a logarithmic axis (1 alone where there are many), else about six.
    fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            let decades = self.from.log10().floor() as i32..=self.to.log10().ceil() as i32;
            let steps: &[f64] = if self.to / self.from > 2_000.0 {
                &[1.0]
            } else {
                &[1.0, 2.0, 5.0]
            };
            let all =
                decades.flat_map(|decade| steps.iter().map(move |step| step * 10f64.powi(decade)));
            let slack = 1.0 + 1e-9;
            return all
                .filter(|tick| (self.from / slack..=self.to * slack).contains(tick))
                .collect();
        }
        let raw = (self.to - self.from) / 6.0;
        let decade = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * decade)
            .find(|step| *step >= raw)
            .unwrap_or(raw);
        let first = (self.from / step).ceil() as i64;
        let last = (self.to / step + 1e-9).floor() as i64;
        (first..=last).map(|count| count as f64 * step).collect()
    }
}

/// One line.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its name above the drawing.
    pub name: String,
    /// Its colour.
    pub colour: &'static str,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// A level to compare with, drawn across and named at its right end.
#[derive(Debug, Clone)]
pub struct Level {
    /// Its name.
    pub name: String,
    /// Its height on the upright axis.
    pub at: f64,
}

/// Lines over two axes.
#[derive(Debug, Clone)]
pub struct Chart {
    /// What it says, in one sentence.
    pub title: String,
    /// How to read it.
    pub subtitle: String,
    /// Level axis.
    pub x: Axis,
    /// Upright axis.
    pub y: Axis,
    /// The lines, the most important last.
    pub lines: Vec<Line>,
    /// Levels to compare with.
    pub levels: Vec<Level>,
}

impl Chart {
    /// The picture.
    pub fn svg(&self) -> String {
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        let x = |value: f64| LEFT + self.x.share(value) * (right - LEFT);
        let y = |value: f64| bottom - self.y.share(value) * (bottom - TOP);
        let mut svg = head(&self.title, &self.subtitle, HEIGHT);
        for tick in self.y.ticks() {
            let at = y(tick);
            let _ = write!(
                svg,
                r##"<path d="M{LEFT} {at:.1}H{right}" stroke="#e4e8ec"/>{}"##,
                text(LEFT - 8.0, at + 4.0, "end", "#52606d", 13, &number(tick))
            );
        }
        for tick in self.x.ticks() {
            let at = x(tick);
            let _ = write!(
                svg,
                r##"<path d="M{at:.1} {bottom}v5" stroke="#9aa5b1"/>{}"##,
                text(at, bottom + 21.0, "middle", "#52606d", 13, &number(tick))
            );
        }
        let _ = write!(
            svg,
            r##"<path d="M{LEFT} {bottom}H{right}" stroke="#9aa5b1"/>"##
        );
        svg += &text(
            (LEFT + right) / 2.0,
            HEIGHT - 16.0,
            "middle",
            "#323f4b",
            13,
            &self.x.name,
        );
        svg += &text(20.0, TOP - 12.0, "start", "#323f4b", 13, &self.y.name);
        for level in &self.levels {
            let at = y(level.at);
            let _ = write!(
                svg,
                r##"<path d="M{LEFT} {at:.1}H{right}" stroke="#b3261e" stroke-dasharray="6 4"/>{}"##,
                text(right, at - 6.0, "end", "#b3261e", 13, &level.name)
            );
        }
        for line in &self.lines {
            let points: Vec<String> = line
                .points
                .iter()
                .map(|&(px, py)| format!("{:.1},{:.1}", x(px), y(py)))
                .collect();
            let _ = write!(
                svg,
                r#"<polyline points="{}" fill="none" stroke="{}" stroke-width="2.2" stroke-linejoin="round"/>"#,
                points.join(" "),
                line.colour
            );
        }
        svg + &self.names(right) + "</svg>\n"
    }

    /// The names of the lines, set from the right end above the drawing.
    fn names(&self, right: f64) -> String {
        let mut svg = String::new();
        let mut end = right;
        for line in self.lines.iter() {
            svg += &text(end, TOP - 12.0, "end", line.colour, 14, &line.name);
            // About half an em a letter.
            end -= line.name.chars().count() as f64 * 7.2 + 46.0;
            let _ = write!(
                svg,
                r#"<path d="M{:.1} {}h18" stroke="{}" stroke-width="4"/>"#,
                end + 20.0,
                TOP - 17.0,
                line.colour
            );
        }
        svg
    }
}

/// One bar.
#[derive(Debug, Clone)]
pub struct Bar {
    /// What it stands for.
    pub name: String,
    /// Its length.
    pub value: f64,
    /// The number written at its end.
    pub label: String,
    /// Its colour.
    pub colour: &'static str,
}

/// Bars of one unit from zero, so that their lengths can be compared.
pub fn bars(title: &str, subtitle: &str, bars: &[Bar]) -> String {
    let height = TOP + BAR_STEP * bars.len() as f64 + 8.0;
    let most = bars
        .iter()
        .map(|bar| bar.value)
        .fold(f64::MIN_POSITIVE, f64::max);
    let mut svg = head(title, subtitle, height);
    for (index, bar) in bars.iter().enumerate() {
        let top = TOP + BAR_STEP * index as f64 - 6.0;
        let long = (bar.value / most * (BAR_RIGHT - BAR_LEFT)).max(1.0);
        svg += &text(BAR_LEFT - 12.0, top + 19.0, "end", "#323f4b", 14, &bar.name);
        let _ = write!(
            svg,
            r#"<rect x="{BAR_LEFT}" y="{top}" width="{long:.1}" height="28" rx="3" fill="{}"/>"#,
            bar.colour
        );
        svg += &text(
            BAR_LEFT + long + 10.0,
            top + 19.0,
            "start",
            "#1f2933",
            14,
            &bar.label,
        );
    }
    svg + "</svg>\n"
}

fn head(title: &str, subtitle: &str, height: f64) -> String {
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" font-family="Noto Sans, Segoe UI, Helvetica, Arial, sans-serif" role="img"><rect width="{WIDTH}" height="{height}" fill="#ffffff"/>{}{}"##,
        text(20.0, 32.0, "start", "#1f2933", 19, title),
        text(20.0, 54.0, "start", "#52606d", 13, subtitle)
    )
}

fn text(x: f64, y: f64, anchor: &str, colour: &str, size: u32, words: &str) -> String {
    let words = words
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!(
        r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" fill="{colour}" font-size="{size}">{words}</text>"#
    )
}

/// `0.5`, `20`, `1,000,000`.
pub fn number(value: f64) -> String {
    if value.abs() < 1_000.0 {
        let rounded = (value * 1_000.0).round() / 1_000.0;
        return format!("{rounded}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(from: f64, to: f64, logarithmic: bool) -> Axis {
        Axis {
            name: "ms".into(),
            from,
            to,
            logarithmic,
        }
    }

    #[test]
    fn axes_are_divided_at_round_numbers() {
        assert_eq!(
            axis(0.0, 60.0, false).ticks(),
            [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
        );
        let close = |ticks: Vec<f64>, expected: &[f64]| {
            ticks.len() == expected.len()
                && ticks
                    .iter()
                    .zip(expected)
                    .all(|(a, b)| (a / b - 1.0).abs() < 1e-9)
        };
        assert!(close(
            axis(1.0, 20.0, true).ticks(),
            &[1.0, 2.0, 5.0, 10.0, 20.0]
        ));
        assert!(close(
            axis(0.1, 1_000.0, true).ticks(),
            &[0.1, 1.0, 10.0, 100.0, 1_000.0]
        ));
    }

    #[test]
    fn equal_factors_are_equal_steps_on_a_logarithmic_axis() {
        let axis = axis(1.0, 100.0, true);
        assert!((axis.share(10.0) - 0.5).abs() < 1e-9);
        assert_eq!((axis.share(0.0), axis.share(1e9)), (0.0, 1.0));
    }

    #[test]
    fn large_numbers_are_written_in_groups_of_three() {
        assert_eq!(number(1_234_567.0), "1,234,567");
        assert_eq!(
            (number(0.5), number(20.0), number(1_000.0)),
            ("0.5".into(), "20".into(), "1,000".into())
        );
    }

    #[test]
    fn words_cannot_break_the_picture() {
        let picture = bars("a < b & c", "", &[]);
        assert!(picture.contains("a &lt; b &amp; c"), "{picture}");
    }
}

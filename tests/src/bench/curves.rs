//! Curves as CSV, for whatever draws them: a spreadsheet, gnuplot, a notebook.

use std::fmt::Write as _;

/// One curve.
#[derive(Debug, Clone)]
pub struct Curve {
    /// What it shows.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// A line for each point: the curve, and both values under the names `x` and `y`.
pub fn csv(x: &str, y: &str, curves: &[Curve]) -> String {
    let mut text = format!("curve,{},{}\n", quoted(x), quoted(y));
    for curve in curves {
        let name = quoted(&curve.name);
        for (x, y) in &curve.points {
            // Writing to a text does not fail.
            let _ = writeln!(text, "{name},{x},{y}");
        }
    }
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_a_line_under_the_name_of_its_curve() {
        let curve = Curve {
            name: "a \"b\", c".into(),
            points: vec![(0.5, 1.0), (2.0, 3.0)],
        };
        assert_eq!(
            csv("ms", "% done", &[curve]),
            "curve,\"ms\",\"% done\"\n\"a \"\"b\"\", c\",0.5,1\n\"a \"\"b\"\", c\",2,3\n"
        );
    }
}

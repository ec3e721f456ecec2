//! Files that import each other in a circle: whoever wants to read one of them has to read all.
//!
//! An import is a name in `use` or in a path, taken to the file that defines it: a `mod.rs` that
//! only passes a name on is not in the way. What a file takes from a module it lies in does not
//! count: it is a part of that one. Nor do tests.

mod source;
mod tokens;

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use source::{ALL, Import, Source};

use crate::run::workspace;

/// What is looked at.
const FOLDERS: [&str; 4] = [
    "kiosk/src",
    "portal/src",
    "contract/src",
    "provisioning/src",
];
/// Files in which a crate begins.
const ROOTS: [&str; 2] = ["lib.rs", "main.rs"];
/// Re-exports that are followed, at most: more go in a circle themselves.
const MOST_STEPS: usize = 32;

/// Fails where files import each other in a circle, and names it.
pub fn check() -> Result<()> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        let top = workspace().join(folder);
        let mut texts = BTreeMap::new();
        read_folder(&top, Path::new(""), &mut texts)?;
        for root in ROOTS
            .iter()
            .filter(|root| texts.contains_key(Path::new(root)))
        {
            let circles = Crate::new(&texts, root).circles();
            found.extend(
                circles
                    .into_iter()
                    .map(|circle| format!("{folder}: {circle}")),
            );
        }
    }
    ensure!(
        found.is_empty(),
        "files import each other in a circle:\n  {}",
        found.join("\n  ")
    );
    println!("      no circle in {}", FOLDERS.join(", "));
    Ok(())
}

fn read_folder(top: &Path, below: &Path, texts: &mut BTreeMap<PathBuf, String>) -> Result<()> {
    let folder = top.join(below);
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            read_folder(top, &name, texts)?;
        } else if name.extension().is_some_and(|extension| extension == "rs") {
            texts.insert(name, std::fs::read_to_string(entry.path())?);
        }
    }
    Ok(())
}

/// A module that has a file of its own.
struct Module {
    file: PathBuf,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    source: Source,
}

/// The modules of one crate; the first one is its root.
struct Crate {
    modules: Vec<Module>,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Module(usize),
    /// An item of this module.
    Item(usize),
}

/// Which names each module takes from which others.
type Edges = BTreeMap<usize, BTreeMap<usize, BTreeSet<String>>>;

impl Crate {
    fn new(texts: &BTreeMap<PathBuf, String>, root: &str) -> Self {
        let mut all = Self {
            modules: Vec::new(),
        };
        all.add(texts, PathBuf::from(root), PathBuf::new(), None);
        all
    }

    /// Adds the module in `file` with those below it, whose files lie in `folder`.
    fn add(
        &mut self,
        texts: &BTreeMap<PathBuf, String>,
        file: PathBuf,
        folder: PathBuf,
        parent: Option<usize>,
    ) -> Option<usize> {
        let source = Source::read(texts.get(&file)?);
        let names = source.children.clone();
        let index = self.modules.len();
        self.modules.push(Module {
            file,
            parent,
            children: BTreeMap::new(),
            source,
        });
        for name in names {
            let below = folder.join(&name);
            let child = [below.with_extension("rs"), below.join("mod.rs")]
                .into_iter()
                .find_map(|file| self.add(texts, file, below.clone(), Some(index)));
            if let Some(child) = child {
                self.modules[index].children.insert(name, child);
            }
        }
        Some(index)
    }

    /// Each circle once, as a line.
    fn circles(&self) -> Vec<String> {
        let edges = self.edges();
        let mut seen = HashSet::new();
        let mut lines = Vec::new();
        for start in 0..self.modules.len() {
            if seen.contains(&start) {
                continue;
            }
            if let Some(circle) = shortest_circle(&edges, start) {
                seen.extend(reaching_each_other(&edges, start));
                lines.push(self.line(&edges, &circle));
            }
        }
        lines
    }

    /// `a.rs -> b.rs (Name, other) -> a.rs (Third)`
    fn line(&self, edges: &Edges, circle: &[usize]) -> String {
        let mut line = self.modules[circle[0]].file.display().to_string();
        for (from, to) in circle.iter().zip(circle.iter().cycle().skip(1)) {
            let names: Vec<_> = edges[from][to].iter().map(String::as_str).collect();
            let file = self.modules[*to].file.display();
            line.push_str(&format!(" -> {file} ({})", names.join(", ")));
        }
        line
    }

    fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for (from, module) in self.modules.iter().enumerate() {
            let mut found = BTreeSet::new();
            for import in &module.source.imports {
                found.extend(self.imported(from, import));
            }
            for path in &module.source.mentions {
                let item = self.resolve(from, path, MOST_STEPS);
                found.extend(item.map(|target| (target, path[path.len() - 1].clone())));
            }
            for (target, name) in found {
                if let Target::Item(to) = target
                    && !self.lies_in(from, to)
                {
                    let names = edges.entry(from).or_default().entry(to).or_default();
                    names.insert(name);
                }
            }
        }
        edges
    }

    /// Whether a module is this other one or lies in it, at any depth.
    fn lies_in(&self, module: usize, other: usize) -> bool {
        std::iter::successors(Some(module), |at| self.modules[*at].parent).any(|at| at == other)
    }

    /// What a `use` in this module is needed for here; what it only passes on is not.
    fn imported(&self, from: usize, import: &Import) -> Vec<(Target, String)> {
        let source = &self.modules[from].source;
        if import.name != ALL {
            if import.public && !source.words.contains(&import.name) {
                return Vec::new();
            }
            let target = self.resolve(from, &import.path, MOST_STEPS);
            return target
                .map(|target| (target, import.name.clone()))
                .into_iter()
                .collect();
        }
        let Some(Target::Module(of)) = self.resolve(from, &import.path, MOST_STEPS) else {
            return Vec::new();
        };
        let words = source.words.iter();
        words
            .filter_map(|word| Some((self.named(of, word, MOST_STEPS)?, word.clone())))
            .collect()
    }

    /// Where a path leads that is written in module `from`; `None`: out of this crate.
    fn resolve(&self, from: usize, path: &[String], steps: usize) -> Option<Target> {
        let steps = steps.checked_sub(1)?;
        let (first, mut rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => Target::Module(0),
            "self" => Target::Module(from),
            "super" => Target::Module(self.modules[from].parent?),
            name => self.named(from, name, steps)?,
        };
        while let (Target::Module(module), Some((name, more))) = (at, rest.split_first()) {
            at = match name.as_str() {
                "super" => Target::Module(self.modules[module].parent?),
                // What no one declares a macro does.
                name => self
                    .named(module, name, steps)
                    .unwrap_or(Target::Item(module)),
            };
            rest = more;
        }
        Some(at)
    }

    /// What `name` means in this module: one below it, an item of its own, or something it brings
    /// in.
    fn named(&self, module: usize, name: &str, steps: usize) -> Option<Target> {
        let of = &self.modules[module];
        if let Some(child) = of.children.get(name) {
            return Some(Target::Module(*child));
        }
        if of.source.items.contains(name) {
            return Some(Target::Item(module));
        }
        let imports = of.source.imports.iter();
        let (all, one): (Vec<_>, Vec<_>) = imports
            .filter(|import| import.name == name || import.name == ALL)
            .partition(|import| import.name == ALL);
        if let Some(import) = one.first() {
            // `use a::b` in module `b` of the same name would ask itself.
            return self.resolve(module, &import.path, steps);
        }
        all.iter().find_map(|import| {
            let steps = steps.checked_sub(1)?;
            match self.resolve(module, &import.path, steps)? {
                Target::Module(other) if other != module => self.named(other, name, steps),
                _ => None,
            }
        })
    }
}

fn next(edges: &Edges, at: usize) -> impl Iterator<Item = usize> {
    edges.get(&at).into_iter().flat_map(|to| to.keys().copied())
}

/// The shortest way from `start` back to it.
fn shortest_circle(edges: &Edges, start: usize) -> Option<Vec<usize>> {
    let mut came_from = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for to in next(edges, at) {
            if to == start {
                let back = std::iter::successors(Some(at), |at| came_from.get(at).copied());
                let mut circle: Vec<usize> = back.collect();
                circle.reverse();
                return Some(circle);
            }
            if let std::collections::btree_map::Entry::Vacant(unseen) = came_from.entry(to) {
                unseen.insert(at);
                queue.push_back(to);
            }
        }
    }
    None
}

/// Everything that lies in a circle with `start`.
fn reaching_each_other(edges: &Edges, start: usize) -> BTreeSet<usize> {
    let reached = |from| {
        let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
        while let Some(at) = left.pop() {
            left.extend(next(edges, at).filter(|to| seen.insert(*to)));
        }
        seen
    };
    let from_start = reached(start);
    let mutual = from_start
        .into_iter()
        .filter(|at| reached(*at).contains(&start));
    mutual.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let texts = files
            .iter()
            .map(|(name, text)| (PathBuf::from(name), (*text).to_owned()));
        Crate::new(&texts.collect(), "lib.rs").circles()
    }

    #[test]
    fn two_files_that_use_each_other_are_a_circle_with_the_names_that_tie_it() {
        let found = circles(&[
            ("lib.rs", "mod a; pub mod b;"),
            ("a.rs", "use crate::b::Beta; pub struct Alpha;"),
            (
                "b.rs",
                "pub struct Beta; fn f() { crate::a::Alpha; super::a::gamma() }",
            ),
        ]);
        assert_eq!(found, ["a.rs -> b.rs (Beta) -> a.rs (Alpha, gamma)"]);
    }

    #[test]
    fn a_circle_of_three_is_found_once() {
        let found = circles(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b; fn f() { b::g() }"),
            ("b.rs", "use super::c::{self}; pub fn g() { c::h() }"),
            ("c.rs", "pub fn h() { crate::a::f() }"),
        ]);
        assert_eq!(found, ["a.rs -> b.rs (g) -> c.rs (h) -> a.rs (f)"]);
    }

    #[test]
    fn a_mod_file_that_passes_a_name_on_is_not_in_the_way() {
        let passed_on = [
            ("lib.rs", "mod a; mod user;"),
            ("a/mod.rs", "mod inner; mod other; pub use inner::Name;"),
            ("a/inner.rs", "pub struct Name;"),
            ("a/other.rs", "use super::Name; use crate::user::User;"),
            ("user.rs", "use crate::a::Name; pub struct User;"),
        ];
        assert_eq!(circles(&passed_on), [""; 0]);
        let mut used = passed_on;
        used[1].1 = "mod inner; mod other; pub use inner::Name; pub struct Top(Name);";
        used[4].1 = "use crate::a::Top; pub struct User;";
        used[2].1 = "use crate::user::User; pub struct Name;";
        assert_eq!(
            circles(&used),
            ["a/mod.rs -> a/inner.rs (Name) -> user.rs (User) -> a/mod.rs (Top)"]
        );
    }

    #[test]
    fn a_file_may_take_from_the_module_it_lies_in_and_files_in_one_folder_not_from_each_other() {
        let mut files = [
            ("lib.rs", "mod a; pub struct Top;"),
            ("a.rs", "mod b; mod c; pub struct Big; fn f() { b::g() }"),
            (
                "a/b.rs",
                "use super::Big; use super::c::h; use crate::Top; pub fn g() {}",
            ),
            ("a/c.rs", "use super::Big; pub fn h() {}"),
        ];
        assert_eq!(circles(&files), [""; 0]);
        files[3].1 = "use super::b::g; pub fn h() {}";
        assert_eq!(circles(&files), ["a/b.rs -> a/c.rs (h) -> a/b.rs (g)"]);
    }

    #[test]
    fn names_that_come_with_everything_of_a_module_count_where_they_are_used() {
        let found = circles(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::*; pub struct Alpha(Beta);"),
            (
                "b.rs",
                "pub struct Beta; pub struct Unused; fn f(_: crate::a::Alpha) {}",
            ),
        ]);
        assert_eq!(found, ["a.rs -> b.rs (Beta) -> a.rs (Alpha)"]);
    }

    #[test]
    fn tests_and_other_crates_tie_nothing() {
        let found = circles(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::Beta; use std::b::Alpha;"),
            (
                "b.rs",
                "pub struct Beta; #[cfg(test)] mod tests { use crate::a::Alpha; } #[cfg(test)] mod more;",
            ),
            ("b/more.rs", "use crate::a::Alpha;"),
        ]);
        assert_eq!(found, [""; 0]);
    }
}

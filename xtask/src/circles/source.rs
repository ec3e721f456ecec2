//! What one file declares, brings in and mentions. What only its tests do is left out.

use std::collections::BTreeSet;

use super::tokens::{Token, tokens};

/// A path as it is written, without what `use` renames.
pub type Path = Vec<String>;

/// Stands for everything of a module.
pub const ALL: &str = "*";

/// One name that a `use` brings in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Where it comes from.
    pub path: Path,
    /// What it is called here; [`ALL`] for everything.
    pub name: String,
    /// Whether it is passed on.
    pub public: bool,
}

/// One file.
#[derive(Debug, Default)]
pub struct Source {
    /// Modules that lie in files of their own.
    pub children: BTreeSet<String>,
    /// Names of its own items.
    pub items: BTreeSet<String>,
    /// What it brings in.
    pub imports: Vec<Import>,
    /// Paths of two words and more outside of `use`.
    pub mentions: BTreeSet<Path>,
    /// Words outside of `use`.
    pub words: BTreeSet<String>,
}

/// Words behind which the name of an item stands.
const ITEMS: [&str; 9] = [
    "fn",
    "struct",
    "enum",
    "trait",
    "type",
    "const",
    "static",
    "union",
    "macro_rules",
];

impl Source {
    /// Reads the text of a file.
    pub fn read(text: &str) -> Self {
        let mut reader = Reader {
            tokens: &tokens(text),
            at: 0,
            depth: 0,
            inline: Vec::new(),
            public: false,
            source: Self::default(),
        };
        while let Some(token) = reader.peek(0) {
            reader.step(token);
        }
        reader.source
    }
}

struct Reader<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    depth: usize,
    /// Depths at which inline modules began.
    inline: Vec<usize>,
    /// What follows is `pub`.
    public: bool,
    source: Source,
}

impl<'a> Reader<'a> {
    fn peek(&self, ahead: usize) -> Option<Token<'a>> {
        self.tokens.get(self.at + ahead).copied()
    }

    fn step(&mut self, token: Token<'a>) {
        match token {
            Token::Sign('#') if self.is_for_tests() => self.skip_item(),
            Token::Sign('{') => {
                self.depth += 1;
                self.at += 1;
            }
            Token::Sign('}') => {
                self.depth = self.depth.saturating_sub(1);
                self.inline.retain(|depth| *depth < self.depth + 1);
                self.at += 1;
            }
            Token::Word("pub") => self.visibility(),
            Token::Word("use") => self.import(),
            Token::Word("mod") => self.module(),
            Token::Word(word) => self.word(word),
            _ => {
                self.public = false;
                self.at += 1;
            }
        }
    }

    fn visibility(&mut self) {
        self.public = true;
        self.at += 1;
        if self.peek(0) == Some(Token::Sign('(')) {
            self.skip_group('(', ')');
        }
    }

    /// Whether `#[cfg(test)]` or `#![cfg(test)]` begins here.
    fn is_for_tests(&self) -> bool {
        let inner = usize::from(self.peek(1) == Some(Token::Sign('!')));
        let expected = [
            Token::Sign('['),
            Token::Word("cfg"),
            Token::Sign('('),
            Token::Word("test"),
            Token::Sign(')'),
        ];
        let here = (1 + inner..).map(|ahead| self.peek(ahead));
        here.zip(expected).all(|(here, one)| here == Some(one))
    }

    /// Passes by an item with its attributes: to its `;` or to the end of its braces.
    fn skip_item(&mut self) {
        loop {
            match self.peek(0) {
                None => return,
                Some(Token::Sign('{')) => return self.skip_group('{', '}'),
                Some(Token::Sign('[')) => self.skip_group('[', ']'),
                Some(Token::Sign('(')) => self.skip_group('(', ')'),
                Some(Token::Word("use")) => {
                    while !matches!(self.peek(0), None | Some(Token::Sign(';'))) {
                        self.at += 1;
                    }
                }
                Some(Token::Sign(';' | ',')) => {
                    self.at += 1;
                    return;
                }
                Some(_) => self.at += 1,
            }
        }
    }

    fn skip_group(&mut self, open: char, close: char) {
        let mut depth = 0;
        while let Some(token) = self.peek(0) {
            self.at += 1;
            if token == Token::Sign(open) {
                depth += 1;
            } else if token == Token::Sign(close) {
                depth -= 1;
                if depth == 0 {
                    return;
                }
            }
        }
    }

    fn module(&mut self) {
        self.public = false;
        if let Some(Token::Word(name)) = self.peek(1) {
            match self.peek(2) {
                Some(Token::Sign(';')) => {
                    self.source.children.insert(name.to_owned());
                }
                Some(Token::Sign('{')) => self.inline.push(self.depth + 1),
                _ => {}
            }
        }
        self.at += 2;
    }

    fn import(&mut self) {
        let public = std::mem::take(&mut self.public);
        self.at += 1;
        let mut found = Vec::new();
        self.tree(&Vec::new(), &mut found);
        for (path, name) in found {
            let path = self.outside(path);
            self.source.imports.push(Import { path, name, public });
        }
    }

    /// One branch of a `use`: what it brings in, and under which name.
    fn tree(&mut self, above: &Path, found: &mut Vec<(Path, String)>) {
        let mut path = above.clone();
        let mut name = None;
        while let Some(token) = self.peek(0) {
            match token {
                Token::Word("as") => {
                    if let Some(Token::Word(other)) = self.peek(1) {
                        name = Some(other.to_owned());
                    }
                    self.at += 1;
                }
                Token::Word(word) if name.is_none() => path.push(word.to_owned()),
                Token::Sign('*') => name = Some(ALL.to_owned()),
                Token::Sign('{') => {
                    self.at += 1;
                    while !matches!(self.peek(0), None | Some(Token::Sign('}'))) {
                        self.tree(&path, found);
                        if self.peek(0) == Some(Token::Sign(',')) {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                Token::Sign(',' | '}' | ';') => break,
                _ => {}
            }
            self.at += 1;
        }
        // `a::{self}` brings in `a`.
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        if let Some(last) = path
            .last()
            .filter(|_| path.len() > above.len() || name.is_none())
        {
            let name = name.unwrap_or_else(|| last.clone());
            found.push((path, name));
        } else if let Some(name) = name {
            found.push((path, name));
        }
    }

    fn word(&mut self, word: &str) {
        let of_module = self.depth == self.inline.len();
        if of_module && ITEMS.contains(&word) {
            let after = if word == "macro_rules" { 2 } else { 1 };
            if let Some(Token::Word(name)) = self.peek(after) {
                self.source.items.insert(name.to_owned());
            }
        }
        if word != "crate" {
            self.public = false;
        }
        let mut path = vec![word.to_owned()];
        self.at += 1;
        while let (Some(Token::Path), Some(Token::Word(next))) = (self.peek(0), self.peek(1)) {
            path.push(next.to_owned());
            self.at += 2;
        }
        self.source.words.insert(path[0].clone());
        if path.len() > 1 {
            let path = self.outside(path);
            self.source.mentions.insert(path);
        }
    }

    /// A path as the file's own module would write it: inside an inline module `super` is the file.
    fn outside(&self, mut path: Path) -> Path {
        for _ in &self.inline {
            match path.first().map(String::as_str) {
                Some("super") => path[0] = "self".to_owned(),
                _ => break,
            }
            if path.get(1).is_some_and(|next| next == "super") {
                path.remove(0);
            }
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(text: &str) -> Vec<String> {
        let imports = Source::read(text).imports.into_iter();
        imports
            .map(|one| format!("{} as {}", one.path.join("::"), one.name))
            .collect()
    }

    #[test]
    fn a_use_brings_in_each_of_its_names() {
        assert_eq!(
            imports("use crate::a::{self, B as C, d::{E, F}, g::*}; pub(crate) use super::H;"),
            [
                "crate::a as a",
                "crate::a::B as C",
                "crate::a::d::E as E",
                "crate::a::d::F as F",
                "crate::a::g as *",
                "super::H as H"
            ]
        );
    }

    #[test]
    fn tests_are_left_out_and_what_follows_them_is_not() {
        let source = Source::read(
            "#[cfg(test)] mod tests; mod a; #[cfg(test)] #[path = \"x\"] mod more { use crate::b; fn c() {} }
             #[cfg(test)] use crate::d::{E, F}; struct G { #[cfg(test)] h: crate::i::J, k: crate::l::M }",
        );
        assert_eq!(source.children, BTreeSet::from(["a".to_owned()]));
        assert_eq!(source.items, BTreeSet::from(["G".to_owned()]));
        assert_eq!(source.imports, []);
        assert_eq!(source.mentions.len(), 1, "{:?}", source.mentions);
    }

    #[test]
    fn inside_an_inline_module_super_is_the_file() {
        assert_eq!(imports("mod a { use super::b::C; }"), ["self::b::C as C"]);
        assert_eq!(
            imports("mod a { use super::super::b::C; }"),
            ["super::b::C as C"]
        );
    }
}

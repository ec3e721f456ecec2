//! Rust text as the few tokens that imports are made of.

/// A piece of Rust: comments, literals and lifetimes are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// An identifier or a keyword.
    Word(&'a str),
    /// `::`
    Path,
    /// Any other sign.
    Sign(char),
}

/// The tokens of `text`, in order.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (token, length) = next(rest, first);
        found.extend(token);
        rest = &rest[length..];
    }
    found
}

/// The token at the beginning of `rest`, where there is one, and how many bytes it takes.
fn next(rest: &str, first: char) -> (Option<Token<'_>>, usize) {
    if rest.starts_with("//") {
        return (None, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (None, block_comment(rest));
    }
    if let Some(length) = literal(rest) {
        return (None, length);
    }
    if first.is_alphabetic() || first == '_' {
        let length = word(rest);
        return (Some(Token::Word(&rest[..length])), length);
    }
    if first.is_numeric() {
        return (None, word(rest));
    }
    if rest.starts_with("::") {
        return (Some(Token::Path), 2);
    }
    let token = (!first.is_whitespace()).then_some(Token::Sign(first));
    (token, first.len_utf8())
}

fn word(rest: &str) -> usize {
    rest.find(|sign: char| !sign.is_alphanumeric() && sign != '_')
        .unwrap_or(rest.len())
}

/// How long the block comment is that begins here; they nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest.as_bytes()[at..rest.len().min(at + 2)] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// How long the text, character or lifetime is that begins here, if one does.
fn literal(rest: &str) -> Option<usize> {
    let prefix = rest.find(|sign: char| !matches!(sign, 'b' | 'c' | 'r'))?;
    let marked = &rest[prefix..];
    if prefix <= 2 && rest[..prefix].contains('r') {
        let hashes = marked.len() - marked.trim_start_matches('#').len();
        if marked[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let inside = &marked[hashes + 1..];
            let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
            return Some(prefix + hashes + 1 + length);
        }
    }
    if prefix <= 1 && marked.starts_with('"') {
        return Some(prefix + quoted(marked, '"'));
    }
    if prefix <= 1 && marked.starts_with('\'') {
        let mut inside = marked.chars().skip(1);
        let (first, second) = (inside.next()?, inside.next()?);
        if first == '\\' || second == '\'' {
            return Some(prefix + quoted(marked, '\''));
        }
        // A lifetime.
        return (prefix == 0).then(|| 1 + word(&marked[1..]).max(1));
    }
    None
}

/// How long the text between two of these signs is, its escapes and both signs included.
fn quoted(rest: &str, sign: char) -> usize {
    let mut escaped = false;
    for (at, inside) in rest.char_indices().skip(1) {
        match inside {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if inside == sign => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        let words = tokens(text).into_iter().filter_map(|token| match token {
            Token::Word(word) => Some(word),
            _ => None,
        });
        words.collect()
    }

    #[test]
    fn comments_texts_characters_and_lifetimes_hold_no_words() {
        let text = r##"a /* x /* y */ z */ b // c
            "d \" e" r#"f " g"# b"h" 'i' '\'' '"' b'j' &'k l br"m" 12_u8 '{' n"##;
        assert_eq!(words(text), ["a", "b", "l", "n"]);
    }

    #[test]
    fn words_that_begin_like_a_literal_are_words() {
        assert_eq!(
            words("crate bar c r b rb"),
            ["crate", "bar", "c", "r", "b", "rb"]
        );
    }
}

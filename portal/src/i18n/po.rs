//! Reads gettext `.po` text: `msgid` and `msgstr` with strings over several lines. Contexts and
//! plural forms are not used by this program, so they are errors rather than silently lost.

/// One message: the English text and its translation.
pub type Message = (String, String);

/// The messages of a `.po` text in its order, without the header; or the number of the first line
/// that is wrong and why.
pub fn parse(text: &str) -> Result<Vec<Message>, (usize, &'static str)> {
    let mut messages: Vec<Message> = Vec::new();
    let mut translating = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let wrong = |why| (index + 1, why);
        if line.is_empty() || line.starts_with('#') {
            continue;
        } else if let Some(rest) = line.strip_prefix("msgid ") {
            messages.push((unquote(rest).map_err(wrong)?, String::new()));
            translating = false;
        } else if let Some(rest) = line.strip_prefix("msgstr ") {
            let last = messages
                .last_mut()
                .ok_or(wrong("msgstr before any msgid"))?;
            last.1 = unquote(rest).map_err(wrong)?;
            translating = true;
        } else if line.starts_with('"') {
            let last = messages
                .last_mut()
                .ok_or(wrong("a string before any msgid"))?;
            let part = if translating {
                &mut last.1
            } else {
                &mut last.0
            };
            part.push_str(&unquote(line).map_err(wrong)?);
        } else {
            return Err(wrong("neither msgid, msgstr, a string nor a comment"));
        }
    }
    messages.retain(|(id, _)| !id.is_empty());
    Ok(messages)
}

fn unquote(text: &str) -> Result<String, &'static str> {
    let inner = text
        .trim()
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .ok_or("a string needs quotes")?;
    let mut plain = String::with_capacity(inner.len());
    let mut symbols = inner.chars();
    while let Some(symbol) = symbols.next() {
        match symbol {
            '\\' => plain.push(match symbols.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(same @ ('"' | '\\')) => same,
                _ => return Err("an unknown escape"),
            }),
            '"' => return Err("a quote inside a string needs a backslash"),
            other => plain.push(other),
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn strings_over_several_lines_are_joined_and_escapes_are_resolved() {
        let text = "msgid \"\"\nmsgstr \"Language: ky\\n\"\n\n# note\nmsgid \"Say \"\n\"\\\"yes\\\"\"\nmsgstr \"\"\n\"Ооба\\n\"\n\"де\"\n";
        assert_eq!(
            parse(text),
            Ok(vec![("Say \"yes\"".to_owned(), "Ооба\nде".to_owned())])
        );
    }

    #[test]
    fn what_is_not_understood_is_an_error_with_its_line() {
        assert_eq!(
            parse("msgid \"a\"\nmsgid_plural \"b\"\n").map_err(|error| error.0),
            Err(2)
        );
        assert_eq!(
            parse("msgid \"a\nmsgstr \"b\"").map_err(|error| error.0),
            Err(1)
        );
        assert_eq!(parse("msgid \"a\\q\"").map_err(|error| error.0), Err(1));
    }
}

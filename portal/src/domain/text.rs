//! Text as it is kept: what people type, paste and import comes in every form.

use icu_normalizer::ComposingNormalizer;

/// What draws nothing by itself and is left out: a zero-width space, marks of direction, word
/// joiners, byte order marks.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn is_line_end(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// Letters composed (Unicode's NFC): "й" is one letter, however it was typed.
pub fn composed(text: &str) -> String {
    ComposingNormalizer::new_nfc().normalize(text).into_owned()
}

/// A name or a reason: one line, one space between words, nothing around them, nothing that cannot
/// be seen.
pub fn line(text: &str) -> String {
    let seen: String = text
        .chars()
        .filter(|&c| !is_invisible(c))
        .map(|c| if is_line_end(c) || c == '\t' { ' ' } else { c })
        .filter(|c| !c.is_control())
        .collect();
    let words: Vec<&str> = seen.split_whitespace().collect();
    composed(&words.join(" "))
}

/// A comment or an answer: its lines stay, with one kind of line end.
pub fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let seen: String = text
        .chars()
        .filter(|&c| !is_invisible(c))
        .map(|c| match c {
            '\t' => ' ',
            c if is_line_end(c) => '\n',
            c => c,
        })
        .filter(|c| *c == '\n' || !c.is_control())
        .collect();
    composed(seen.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_whatever_was_pasted() {
        let pasted = " \u{feff}Районный\r\n\tот\u{0}дел\u{a0}\u{2029} № 1\u{202e} ";
        assert_eq!(line(pasted), "Районный отдел № 1");
        assert_eq!(line("\u{200b}\n"), "");
    }

    #[test]
    fn letters_are_composed() {
        assert_eq!(line("и\u{306} у\u{306} е\u{308}"), "й ў ё");
        assert_eq!(lines("и\u{306}\nЁ"), "й\nЁ");
    }

    #[test]
    fn a_comment_keeps_its_lines_and_its_words_apart() {
        assert_eq!(lines(" а\tб\r\nв\rг\u{b}д\u{7} \n"), "а б\nв\nг\nд");
    }

    #[test]
    fn a_family_of_emoji_stays_together() {
        assert_eq!(line("👩\u{200d}👧"), "👩\u{200d}👧");
    }
}

//! Divides words that are too long for their box: «неудовлетворительно» under a face 92 pixels
//! wide.
//!
//! Soft hyphens (U+00AD) in the portal's texts say where a word may be divided. Where there are
//! none, a Cyrillic or Latin word is divided between syllables, with at least two letters on either
//! side.

use slint::ComponentHandle as _;

use super::ui::{AppWindow, Typography};

const SOFT_HYPHEN: char = '\u{ad}';
/// Letters that must stay together at either end of a word.
const LEAST_LETTERS: usize = 2;
/// What a line more costs, beside the square of its width; more than any such square in a word of
/// 100 letters.
const LINE: usize = 10_000;
/// What each letter beyond the width costs.
const TOO_WIDE: usize = 1_000_000;

pub(super) fn connect(window: &AppWindow) {
    window.global::<Typography>().on_divided(|text, chars| {
        divided(
            &text,
            usize::try_from(chars).unwrap_or(0).max(LEAST_LETTERS + 1),
        )
        .into()
    });
    // A zero-width space lets a line end there and is not seen.
    window.global::<Typography>().on_dividable(|address| {
        address
            .replace('.', ".\u{200b}")
            .replace('/', "/\u{200b}")
            .into()
    });
}

/// `text` with every word of more than `chars` characters divided into lines of at most `chars`, as
/// even as can be. Soft hyphens that are not needed are left out.
fn divided(text: &str, chars: usize) -> String {
    text.split(' ')
        .map(|word| divided_word(word, chars))
        .collect::<Vec<_>>()
        .join(" ")
}

fn divided_word(word: &str, chars: usize) -> String {
    let letters: Vec<char> = word
        .chars()
        .filter(|&letter| letter != SOFT_HYPHEN)
        .collect();
    if letters.len() <= chars {
        return letters.into_iter().collect();
    }
    let mut breaks = soft_breaks(word);
    if breaks.is_empty() {
        breaks = syllable_breaks(&letters);
    }
    let mut lines = Vec::new();
    let mut start = 0;
    for end in most_even(&breaks, letters.len(), chars) {
        lines.push(letters[start..end].iter().collect::<String>() + "-");
        start = end;
    }
    lines.push(letters[start..].iter().collect());
    lines.join("\n")
}

/// Those of `breaks` that divide `length` letters into the fewest lines of at most `chars`, hyphens
/// included, and among these the most even ones. Where some piece has no break, its line is longer,
/// and the text shrinks instead.
fn most_even(breaks: &[usize], length: usize, chars: usize) -> Vec<usize> {
    // For each place where a line may end: what the lines up to it cost, and the breaks among them.
    let mut best: Vec<(usize, usize, Vec<usize>)> = vec![(0, 0, Vec::new())];
    for &end in breaks.iter().chain([&length]) {
        let hyphen = usize::from(end != length);
        let options = best.iter().map(|(start, cost, taken)| {
            let wide = end - start + hyphen;
            // A line too wide is worse than any number of lines, a line more is worse than uneven
            // ones.
            let too_wide = wide.saturating_sub(chars) * TOO_WIDE;
            let mut taken = taken.clone();
            if end != length {
                taken.push(end);
            }
            (end, cost + too_wide + LINE + wide * wide, taken)
        });
        if let Some(cheapest) = options.min_by_key(|(_, cost, _)| *cost) {
            best.push(cheapest);
        }
    }
    best.pop().map(|(_, _, taken)| taken).unwrap_or_default()
}

/// Where soft hyphens allow a break, counted in letters.
fn soft_breaks(word: &str) -> Vec<usize> {
    let mut letters = 0;
    let mut breaks = Vec::new();
    for letter in word.chars() {
        if letter == SOFT_HYPHEN {
            breaks.push(letters);
        } else {
            letters += 1;
        }
    }
    breaks
}

/// Breaks before a consonant that a vowel follows (CV begins a syllable), and between two vowels; a
/// sign or й stays with the letter before it. Both sides of a break keep a vowel.
fn syllable_breaks(letters: &[char]) -> Vec<usize> {
    let end = letters.len().saturating_sub(LEAST_LETTERS);
    (LEAST_LETTERS..=end)
        .filter(|&at| {
            let (before, after) = (letters[at - 1], letters[at]);
            if !before.is_alphabetic() || !after.is_alphabetic() || stays_with_previous(after) {
                return false;
            }
            let begins = if is_vowel(after) {
                is_vowel(before)
            } else {
                letters.get(at + 1).is_some_and(|&next| is_vowel(next))
            };
            begins && letters[..at].iter().any(|&letter| is_vowel(letter))
        })
        .collect()
}

fn is_vowel(letter: char) -> bool {
    letter
        .to_lowercase()
        .all(|letter| "аеёиоуыэюяөүіәұaeiouy".contains(letter))
}

fn stays_with_previous(letter: char) -> bool {
    letter.to_lowercase().all(|letter| "ьъйў".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_fit_are_left_alone() {
        assert_eq!(divided("Очень плохо", 10), "Очень плохо");
    }

    #[test]
    fn a_long_word_is_divided_between_syllables_into_even_lines() {
        assert_eq!(
            divided("крайне неудовлетворительно", 11),
            "крайне неудовлет-\nворительно"
        );
        assert_eq!(divided("удовлетворительно", 10), "удовлет-\nворительно");
        assert_eq!(divided("канааттандырарлык", 11), "канааттан-\nдырарлык");
    }

    #[test]
    fn no_line_is_longer_than_asked_for() {
        for chars in 5..19 {
            for line in divided("неудовлетворительно", chars).split('\n') {
                assert!(line.chars().count() <= chars, "{line} at {chars}");
            }
        }
    }

    #[test]
    fn soft_hyphens_decide_where_there_are_any() {
        assert_eq!(
            divided("неудовлетвори\u{ad}тельно", 15),
            "неудовлетвори-\nтельно"
        );
        assert_eq!(
            divided("неудовлетвори\u{ad}тельно", 40),
            "неудовлетворительно"
        );
    }

    #[test]
    fn lines_are_as_few_and_as_even_as_can_be() {
        assert_eq!(
            divided("неудовлетворительно", 7),
            "неу-\nдовлет-\nвори-\nтельно"
        );
        assert_eq!(
            divided("неудовлетворительно", 8),
            "неудов-\nлетво-\nрительно"
        );
    }

    #[test]
    fn a_word_without_vowels_is_never_divided() {
        assert_eq!(divided("ПРСТВФКЛМН", 4), "ПРСТВФКЛМН");
    }
}

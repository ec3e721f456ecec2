//! The question and the official words of the scale, for whoever has none of the place's own: one
//! table for screen, phone and public pages.
//!
//! Soft hyphens (U+00AD) say where a long word may be divided.

use crate::Score;

/// The question, by language.
pub const QUESTION: [(&str, &str); 5] = [
    ("ky", "Тейлөөнү кандай баалайсыз?"),
    ("ru", "Как вы оцениваете обслуживание?"),
    ("be", "Як вы ацэньваеце абслугоўванне?"),
    ("en", "How would you rate the service?"),
    ("kk", "Қызмет көрсетуді қалай бағалайсыз?"),
];

/// The words of the scores from 1 to 5, by language.
pub const SCALE: [(&str, [&str; 5]); 5] = [
    (
        "ky",
        [
            "Таптакыр канаат\u{ad}тан\u{ad}дырар\u{ad}лык эмес",
            "Канаат\u{ad}тан\u{ad}дырар\u{ad}лык эмес",
            "Канаат\u{ad}тан\u{ad}дырар\u{ad}лык",
            "Жакшы",
            "Эң жакшы",
        ],
    ),
    (
        "ru",
        [
            "Крайне неудов\u{ad}лет\u{ad}вори\u{ad}тельно",
            "Неудов\u{ad}лет\u{ad}вори\u{ad}тельно",
            "Удов\u{ad}лет\u{ad}вори\u{ad}тельно",
            "Хорошо",
            "Отлично",
        ],
    ),
    (
        "be",
        [
            "Вельмі незда\u{ad}валь\u{ad}няюча",
            "Незда\u{ad}валь\u{ad}няюча",
            "Зда\u{ad}валь\u{ad}няюча",
            "Добра",
            "Выдатна",
        ],
    ),
    (
        "en",
        [
            "Ex\u{ad}treme\u{ad}ly unsatis\u{ad}fac\u{ad}tory",
            "Unsatis\u{ad}fac\u{ad}tory",
            "Satis\u{ad}fac\u{ad}tory",
            "Good",
            "Excel\u{ad}lent",
        ],
    ),
    (
        "kk",
        [
            "Мүлде қанағат\u{ad}танар\u{ad}лық\u{ad}сыз",
            "Қанағат\u{ad}танар\u{ad}лық\u{ad}сыз",
            "Қанағат\u{ad}танар\u{ad}лық",
            "Жақсы",
            "Өте жақсы",
        ],
    ),
];

/// The question in a language.
#[must_use]
pub fn question(language: &str) -> Option<&'static str> {
    let found = QUESTION.iter().find(|(known, _)| *known == language);
    found.map(|(_, question)| *question)
}

/// The word of a score in a language.
#[must_use]
pub fn score_word(score: Score, language: &str) -> Option<&'static str> {
    let found = SCALE.iter().find(|(known, _)| *known == language);
    found.map(|(_, words)| words[usize::from(score.get()) - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_a_question_and_five_different_words() {
        for ((language, _), (same, words)) in QUESTION.iter().zip(SCALE) {
            assert_eq!(*language, same);
            let different: std::collections::BTreeSet<_> = words.iter().collect();
            assert_eq!(different.len(), 5, "{language}");
        }
        assert_eq!(question("uz"), None);
        assert_eq!(score_word(Score::ALL[4], "kk"), Some("Өте жақсы"));
    }

    #[test]
    fn both_parts_of_a_divided_word_have_a_vowel_and_two_letters() {
        let vowel = |letter: char| "аеёиоуыэюяөүіәұaeiouy".contains(letter);
        for word in SCALE
            .iter()
            .flat_map(|(_, words)| words)
            .flat_map(|word| word.split(' '))
        {
            let lower = word.to_lowercase();
            for part in lower.split('\u{ad}') {
                assert!(part.chars().count() >= 2, "{word}");
                assert!(part.chars().any(vowel), "{word}");
            }
        }
    }
}

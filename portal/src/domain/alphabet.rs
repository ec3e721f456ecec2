//! How people order and look for words: each language by its own alphabet, a search by what is
//! easily typed.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use icu_collator::options::CollatorOptions;
use icu_collator::preferences::CollationNumericOrdering;
use icu_collator::{Collator, CollatorBorrowed, CollatorPreferences};
use icu_locale_core::Locale;
use pikir_contract::QUESTION;
use sha2::{Digest, Sha256};

use crate::domain::text::composed;

/// Letters that are searched for as others, because many keyboards lack them or people do without.
const FOLDED: [(char, char); 11] = [
    ('ё', 'е'),
    ('ң', 'н'),
    ('ө', 'о'),
    ('ү', 'у'),
    ('і', 'и'),
    ('ў', 'у'),
    ('ә', 'а'),
    ('ғ', 'г'),
    ('қ', 'к'),
    ('ұ', 'у'),
    ('һ', 'х'),
];

/// Every letter and sign that the order of the pages' languages can differ in.
const SAMPLE: &str =
    "аәбвгғдеёжзийіїкқлмнңоөпрстуүұўфхһцчшщъыьэюя№ -0123456789abcdefghijklmnopqrstuvwxyz";

static COLLATORS: LazyLock<HashMap<&str, CollatorBorrowed<'static>>> = LazyLock::new(|| {
    let collator = |language: &'static str| {
        let locale = language.parse::<Locale>().ok()?;
        let mut preferences = CollatorPreferences::from(&locale);
        // "Window 2" before "window 10".
        preferences.numeric_ordering = Some(CollationNumericOrdering::True);
        let collator = Collator::try_new(preferences, CollatorOptions::default()).ok()?;
        Some((language, collator))
    };
    languages().filter_map(collator).collect()
});

/// The languages whose order is known.
pub fn languages() -> impl Iterator<Item = &'static str> {
    QUESTION.iter().map(|(language, _)| *language)
}

/// Bytes that compare as texts do for readers of this language. Those of two languages do not
/// compare.
pub fn sort_key(language: &str, text: &str) -> Vec<u8> {
    let mut key = Vec::new();
    match COLLATORS.get(language) {
        Some(collator) => {
            let Ok(()) = collator.write_sort_key_to(text, &mut key);
        }
        None => key.extend_from_slice(text.as_bytes()),
    }
    key
}

/// The words of a text as they are searched for.
pub fn words(text: &str) -> BTreeSet<String> {
    let is_dropped =
        |c: char| matches!(c, '\u{300}'..='\u{36f}' | '\u{ad}' | '\'' | '’' | 'ʼ' | '`');
    let folded: String = composed(text)
        .chars()
        .flat_map(char::to_lowercase)
        .filter(|&c| !is_dropped(c))
        .map(|c| {
            let found = FOLDED.iter().find(|(letter, _)| *letter == c);
            found.map_or(c, |(_, as_other)| *as_other)
        })
        .collect();
    folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Names this way of ordering and folding: what was made another way is to be made anew.
pub fn version() -> i64 {
    let mut digest = Sha256::new();
    for language in languages() {
        for letter in SAMPLE.chars() {
            let pair = format!("{letter}{}", letter.to_uppercase());
            digest.update(sort_key(language, &pair));
            words(&pair).iter().for_each(|word| digest.update(word));
        }
    }
    let bytes: [u8; 32] = digest.finalize().into();
    i64::from_be_bytes(std::array::from_fn(|index| bytes[index]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(language: &str, words: &str) -> String {
        let mut words: Vec<&str> = words.split(' ').collect();
        words.sort_by_key(|word| sort_key(language, word));
        words.join(" ")
    }

    #[test]
    fn lists_are_in_the_order_of_the_language_s_alphabet() {
        for (language, right) in [
            ("ky", "Ноокат Ңарын Ош Өзгөн Панфилов Талас Уч Үч Фрунзе"),
            (
                "kk",
                "Алматы Әуезов Баку Гагарин Ғабит Кеген Қапал Нура Ңара Орал Өскемен Тараз Ура Ұлытау Үржар Хан Һан",
            ),
            ("be", "Ельск Ёдкавічы Жлобін Іўе Клецк Узда Ўзда Фаніпаль"),
            ("ru", "ёж Елец Ель Жуковка Йошкар Калуга"),
            ("en", "abc Bcd cde"),
        ] {
            let mut shuffled: Vec<&str> = right.split(' ').collect();
            shuffled.sort_unstable();
            shuffled.reverse();
            assert_eq!(sorted(language, &shuffled.join(" ")), right, "{language}");
        }
    }

    #[test]
    fn numbers_are_in_the_order_of_their_values() {
        let right = ["Окно 2", "Окно 10", "окно 11"];
        let mut windows = [right[2], right[1], right[0]];
        windows.sort_by_key(|name| sort_key("ru", name));
        assert_eq!(windows, right);
    }

    #[test]
    fn words_are_found_without_the_letters_that_a_keyboard_lacks() {
        let found = |text: &str| words(text).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(
            found("Өзгөн үй, Ңарын; Ёлка-Іўе"),
            "елка иуе нарын озгон уй"
        );
        assert_eq!(found("Қазақ Әже Ұғым һаул"), "аже казак угым хаул");
        assert_eq!(found("З’езд з'езд и\u{306}о\u{301}д"), "зезд йод");
        assert_eq!(found("KG-BISH.1 № 2"), "1 2 bish kg");
    }
}

//! espeak-ng itself speaks every language of the screen. Needs Debian's package espeak-ng:
//! `cargo xtask test` installs it.
#![allow(
    clippy::disallowed_methods,
    reason = "the rule is for the terminal; tests read and write files as they like"
)]
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::path::Path;

use pikir_kiosk::speech::{Utterance, wave};
use pikir_kiosk::view::adaptation::Volume;

/// Bytes before the samples in what espeak-ng writes.
const HEADER: usize = 44;

/// The samples (16 bits, 22,050 a second) of a text.
fn spoken(text: &str, language: &str, volume: Volume) -> Vec<i16> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("speech.wav");
    let utterance = Utterance {
        text: text.into(),
        language: language.into(),
        volume,
    };
    wave(Path::new("espeak-ng"), &utterance, &file).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    assert_eq!(&bytes[..4], b"RIFF");
    let samples = bytes[HEADER..].chunks_exact(2);
    samples
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

fn loudest(samples: &[i16]) -> u16 {
    let loudness = samples.iter().map(|sample| sample.unsigned_abs());
    loudness.max().unwrap_or(0)
}

#[test]
fn every_language_has_a_voice_of_its_own_that_is_heard() {
    let sentences = [
        ("ky", "Тейлөөнү кандай баалайсыз?"),
        ("ru", "Как вы оцениваете обслуживание?"),
        ("be", "Як вы ацэньваеце абслугоўванне?"),
        ("en", "How would you rate the service?"),
        ("kk", "Сізге қалай қызмет көрсетілді?"),
    ];
    let mut numbers = Vec::new();
    for (language, sentence) in sentences {
        let said = spoken(sentence, language, Volume::High);
        assert!(
            said.len() > 22_050 / 2,
            "{language}: half a second at least, not {}",
            said.len()
        );
        assert!(loudest(&said) > 2_000, "{language}: {}", loudest(&said));
        numbers.push(spoken("1 2 3", language, Volume::High));
    }
    for (at, one) in numbers.iter().enumerate() {
        assert!(
            !numbers[at + 1..].contains(one),
            "two languages count alike"
        );
    }
}

#[test]
fn each_volume_is_louder_than_the_one_before() {
    let loudness = [Volume::Low, Volume::Medium, Volume::High]
        .map(|volume| loudest(&spoken("Как вы оцениваете обслуживание?", "ru", volume)));
    assert!(
        loudness.is_sorted_by(|one, next| one < next),
        "{loudness:?}"
    );
}

#[test]
fn what_looks_like_phonemes_or_markup_is_read_and_not_obeyed() {
    let plain = spoken("k@t", "en", Volume::High);
    assert_eq!(spoken("[[k@t]]", "en", Volume::High).len(), plain.len());
}

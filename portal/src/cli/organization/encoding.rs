//! The text of a file, whatever a spreadsheet saved it as.

/// The upper half of Windows-1251; U+FFFD where it has no letter.
const WINDOWS_1251: &str = "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\u{fffd}™љ›њќћџ\u{a0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{ad}®Ї°±Ііґµ¶·ё№є»јЅѕїАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя";
/// Signs beside letters that names in Windows-1251 hold.
const SIGNS: &str = "„“”«»‘’–—…№§ \u{a0}\u{ad}·•";
/// Letters of its upper half that Russian, Belarusian and Ukrainian do not write: where they stand,
/// it is another encoding.
const FOREIGN: &str = "ЂЃѓЉЊЌЋЏђљњќћџЈјЅѕ";

const SAVE_ANEW: &str =
    "save it as \"CSV UTF-8\" (Excel: File, Save as, CSV UTF-8 (comma delimited))";

/// A file's text, and how it was read where that is not UTF-8.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub text: String,
    pub encoding: Option<&'static str>,
}

/// Reads UTF-8 and UTF-16, with or without a byte order mark, and Windows-1251 where nothing speaks
/// against it.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, String> {
    let utf16 = |pair: fn([u8; 2]) -> u16, encoding| {
        let units: Vec<u16> = bytes
            .chunks_exact(2)
            .map(|unit| pair([unit[0], unit[1]]))
            .collect();
        match String::from_utf16(&units) {
            Ok(text) if bytes.len().is_multiple_of(2) => Ok(Decoded {
                text: without_marks(&text),
                encoding: Some(encoding),
            }),
            _ => Err(format!("is damaged {encoding}; {SAVE_ANEW}")),
        }
    };
    match bytes {
        [0xff, 0xfe, ..] | [1..=255, 0, 1..=255, 0, ..] => {
            return utf16(u16::from_le_bytes, "UTF-16 LE");
        }
        [0xfe, 0xff, ..] | [0, 1..=255, 0, 1..=255, ..] => {
            return utf16(u16::from_be_bytes, "UTF-16 BE");
        }
        _ => {}
    }
    if bytes.contains(&0) {
        return Err(format!(
            "is no text: it has zero bytes (a workbook such as .xlsx?); {SAVE_ANEW}"
        ));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Decoded {
            text: without_marks(text),
            encoding: None,
        }),
        Err(_) => windows_1251(bytes),
    }
}

fn without_marks(text: &str) -> String {
    text.replace('\u{feff}', "")
}

fn windows_1251(bytes: &[u8]) -> Result<Decoded, String> {
    let table: Vec<char> = WINDOWS_1251.chars().collect();
    let text: String = bytes
        .iter()
        .map(|&byte| match byte.checked_sub(0x80) {
            None => char::from(byte),
            Some(upper) => table[usize::from(upper)],
        })
        .collect();
    let is_expected =
        |c: char| c.is_ascii() || SIGNS.contains(c) || (c.is_alphabetic() && !FOREIGN.contains(c));
    // KOI8-R shows as Windows-1251 with the case of every letter turned: words begin small and go
    // on in capitals.
    let letters: Vec<char> = text.chars().collect();
    let turned = letters
        .windows(2)
        .filter(|pair| pair[0].is_lowercase() && pair[1].is_uppercase())
        .count();
    let usual = letters
        .windows(2)
        .filter(|pair| pair[1].is_lowercase() && pair[0].is_alphabetic() && !pair[1].is_ascii())
        .count();
    if !text.chars().all(is_expected) || turned > usual {
        return Err(format!(
            "is neither UTF-8, UTF-16 nor Windows-1251; {SAVE_ANEW}"
        ));
    }
    Ok(Decoded {
        text,
        encoding: Some("Windows-1251"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "code;name_ru\r\na;Отдел № 1 «Центр»\r\n";

    fn cp1251(text: &str) -> Vec<u8> {
        let table: Vec<char> = WINDOWS_1251.chars().collect();
        let byte = |c: char| match u8::try_from(c) {
            Ok(byte) if byte < 0x80 => byte,
            _ => u8::try_from(table.iter().position(|&known| known == c).unwrap()).unwrap() + 0x80,
        };
        text.chars().map(byte).collect()
    }

    fn utf16(text: &str, mark: bool, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        let mark = mark.then_some(0xfeff);
        mark.into_iter()
            .chain(text.encode_utf16())
            .flat_map(bytes)
            .collect()
    }

    #[test]
    fn the_table_has_one_letter_for_each_byte() {
        assert_eq!(WINDOWS_1251.chars().count(), 128);
        assert_eq!(cp1251("Ёё№Яя"), [0xa8, 0xb8, 0xb9, 0xdf, 0xff]);
    }

    #[test]
    fn a_table_is_read_however_a_spreadsheet_saved_it() {
        let with_mark = format!("\u{feff}{TEXT}").into_bytes();
        for (bytes, encoding) in [
            (TEXT.as_bytes().to_vec(), None),
            (with_mark, None),
            (utf16(TEXT, true, u16::to_le_bytes), Some("UTF-16 LE")),
            (utf16(TEXT, true, u16::to_be_bytes), Some("UTF-16 BE")),
            (utf16(TEXT, false, u16::to_le_bytes), Some("UTF-16 LE")),
            (utf16(TEXT, false, u16::to_be_bytes), Some("UTF-16 BE")),
            (cp1251(TEXT), Some("Windows-1251")),
        ] {
            let text = TEXT.to_owned();
            assert_eq!(decode(&bytes), Ok(Decoded { text, encoding }));
        }
    }

    #[test]
    fn another_encoding_or_a_workbook_is_named_as_the_problem() {
        // "code;name_ru\na;Отдел" in DOS code page 866 and in KOI8-R, the beginning of a .xlsx,
        // half a letter of UTF-16.
        let dos = b"code;name_ru\na;\x8e\xe2\xa4\xa5\xab";
        let koi8 = b"code;name_ru\na;\xef\xd4\xc4\xc5\xcc \xd7\xcf\xd3\xd4\xcf\xcb";
        for bytes in [
            &dos[..],
            koi8,
            b"PK\x03\x04\x14\x00\x06\x00",
            b"\xff\xfea\0b",
        ] {
            let why = decode(bytes).unwrap_err();
            assert!(why.contains("CSV UTF-8"), "{why}");
        }
    }
}

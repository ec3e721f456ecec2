//! Place codes, presence tokens and QR addresses.

use pikir_contract::{
    PlaceCode, PlaceCodeError, check_presence, is_presence_step, presence_step, presence_token,
    qr_address, step_of_presence,
};

fn code(text: &str) -> PlaceCode {
    text.parse().unwrap()
}

#[test]
fn a_place_code_is_read_in_any_case_with_look_alikes_forgiven() {
    assert_eq!(code("7k3qf2").as_str(), "7K3QF2");
    assert_eq!(code("oOiIlL").as_str(), "001111");
    assert_eq!(
        serde_json::from_str::<PlaceCode>("\"o7K3\"").unwrap(),
        code("07K3")
    );
}

#[test]
fn a_place_code_has_1_to_32_symbols_of_crockfords_base32() {
    assert_eq!("".parse::<PlaceCode>(), Err(PlaceCodeError::Length));
    assert_eq!(code("a").as_str(), "A");
    assert_eq!(
        "ABCD"
            .repeat(8)
            .parse::<PlaceCode>()
            .unwrap()
            .as_str()
            .len(),
        32
    );
    assert_eq!(
        "A".repeat(33).parse::<PlaceCode>(),
        Err(PlaceCodeError::Length)
    );
    for wrong in ["ABCU", "AB-C", "AB C", "АБВГ", "AB/C"] {
        assert_eq!(
            wrong.parse::<PlaceCode>(),
            Err(PlaceCodeError::Symbol),
            "{wrong}"
        );
    }
}

#[test]
fn the_step_is_the_time_divided_by_the_step_length() {
    assert_eq!((presence_step(299, 300), presence_step(300, 300)), (0, 1));
    assert_eq!((presence_step(-1, 300), presence_step(7, 0)), (0, 7));
}

#[test]
fn a_token_counts_two_steps_either_side_in_any_case() {
    let (key, code) = ([5; 32], code("7K3QF2"));
    let token = presence_token(&key, &code, 100);
    assert_eq!(token.len(), 16);
    let at = |step: i64| check_presence(&key, &code, &token, step * 300 + 150, 300);
    assert_eq!(
        [97, 98, 99, 100, 101, 102, 103].map(at),
        [false, true, true, true, true, true, false]
    );
    assert!(check_presence(
        &key,
        &code,
        &token.to_lowercase(),
        30_000,
        300
    ));
    assert!(check_presence(
        &key,
        &code,
        &presence_token(&key, &code, 0),
        0,
        300
    ));
}

#[test]
fn a_token_of_another_key_place_or_form_does_not_count() {
    let (key, place) = ([5; 32], code("7K3QF2"));
    let token = presence_token(&key, &place, 100);
    assert!(!check_presence(&[6; 32], &place, &token, 30_000, 300));
    assert!(!check_presence(&key, &code("7K3QF3"), &token, 30_000, 300));
    for wrong in [
        "",
        &token[..15],
        &format!("{token}0"),
        "UUUUUUUUUUUUUUUU",
        "ЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖ",
    ] {
        assert!(!check_presence(&key, &place, wrong, 30_000, 300), "{wrong}");
    }
}

#[test]
fn the_address_in_the_qr_code_is_all_upper_case() {
    let place = code("7k3qf2");
    assert_eq!(
        qr_address("https://pikir.example/", &place, Some("abcdefgh12345678")),
        "HTTPS://PIKIR.EXAMPLE/Q/7K3QF2/ABCDEFGH12345678"
    );
    assert_eq!(
        qr_address("http://127.0.0.1:8080", &place, None),
        "HTTP://127.0.0.1:8080/Q/7K3QF2"
    );
    let alphanumeric =
        |c: char| c.is_ascii_digit() || c.is_ascii_uppercase() || " $%*+-./:".contains(c);
    assert!(
        qr_address("https://pikir.example", &place, Some("abc"))
            .chars()
            .all(alphanumeric)
    );
}

#[test]
fn a_token_tells_its_step_while_it_is_accepted() {
    let (key, place) = ([7; 32], code("7K3QF2"));
    for step in [98, 100, 102] {
        let token = presence_token(&key, &place, step).to_lowercase();
        assert_eq!(
            step_of_presence(&key, &place, &token, 30_150, 300),
            Some(step)
        );
        assert!(is_presence_step(step, 30_150, 300));
    }
    for step in [97, 103] {
        let token = presence_token(&key, &place, step);
        assert_eq!(step_of_presence(&key, &place, &token, 30_150, 300), None);
        assert!(!is_presence_step(step, 30_150, 300));
    }
}

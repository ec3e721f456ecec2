//! A portal is reached over https, over http only on this machine.

use pikir_contract::{UrlError, check_portal_url};

#[test]
fn https_is_taken_anywhere_and_http_for_loopback_only() {
    for url in [
        "https://pikir.example",
        "https://pikir.example/",
        "https://pikir.example:8443/base",
        "HTTPS://PIKIR.EXAMPLE",
        "https://10.0.0.7",
        "https://[2001:db8::1]:8443",
        "http://localhost",
        "http://LOCALHOST:8080/",
        "http://127.0.0.1:8080",
        "http://127.255.0.3",
        "http://[::1]:8080",
    ] {
        assert_eq!(check_portal_url(url), Ok(()), "{url}");
    }
    for url in [
        "http://pikir.example",
        "http://10.0.0.7",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "http://[::2]",
        "http://0.0.0.0",
    ] {
        assert_eq!(check_portal_url(url), Err(UrlError::NotLoopback), "{url}");
    }
}

#[test]
fn what_is_no_plain_address_is_refused_with_its_reason() {
    for (url, reason) in [
        ("", UrlError::Scheme),
        ("pikir.example", UrlError::Scheme),
        ("ftp://pikir.example", UrlError::Scheme),
        (" https://pikir.example", UrlError::Scheme),
        ("https://", UrlError::Host),
        ("https:///path", UrlError::Host),
        ("https://-x.example", UrlError::Host),
        ("https://a..b", UrlError::Host),
        ("http://127.1", UrlError::Host),
        ("https://[::1", UrlError::Host),
        ("https://[zz]", UrlError::Host),
        ("https://pikir.example:0", UrlError::Port),
        ("https://pikir.example:70000", UrlError::Port),
        ("https://pikir.example:", UrlError::Port),
        ("https://[::1]8080", UrlError::Port),
        ("http://localhost@evil.example", UrlError::Extra),
        ("http://localhost\\@evil.example", UrlError::Extra),
        ("https://user:word@pikir.example", UrlError::Extra),
        ("https://pikir.example?x", UrlError::Extra),
        ("https://pikir.example/#x", UrlError::Extra),
        ("https://pikir.example/a b", UrlError::Extra),
        ("https://пикир.example", UrlError::Extra),
    ] {
        assert_eq!(check_portal_url(url), Err(reason), "{url}");
    }
}

//! Addresses of a portal: `https://` anywhere, `http://` for a loopback address only.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Why an address is not taken as a portal's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Neither `https://` nor `http://`.
    #[error("does not begin with https://; write it in full, such as https://portal.example")]
    Scheme,
    /// `http://` to another machine.
    #[error(
        "uses http:// for another machine; use https:// (http:// is for a loopback address only)"
    )]
    NotLoopback,
    /// No host name, or one that is none.
    #[error("names no valid host")]
    Host,
    /// A port that is none.
    #[error("has a port that is not 1 to 65535")]
    Port,
    /// A user name, a query, a fragment, or a character that no address holds.
    #[error("must be scheme, host, port and path only, without user name, query or fragment")]
    Extra,
}

/// Checks the address of a portal: `https://` to any host, `http://` only to `localhost`,
/// `127.0.0.0/8` or `[::1]`; a port and a path may follow, nothing else.
///
/// # Errors
/// What is wrong, in words for a technician.
pub fn check_portal_url(url: &str) -> Result<(), UrlError> {
    let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
    let plain = scheme.eq_ignore_ascii_case("http");
    if !plain && !scheme.eq_ignore_ascii_case("https") {
        return Err(UrlError::Scheme);
    }
    let authority = rest.split('/').next().unwrap_or_default();
    if rest.contains(['?', '#', '@', '\\']) || !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(UrlError::Extra);
    }
    let loopback = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let (address, port) = bracketed.split_once(']').ok_or(UrlError::Host)?;
            check_port(port)?;
            address
                .parse::<Ipv6Addr>()
                .map_err(|_| UrlError::Host)?
                .is_loopback()
        }
        None => {
            let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            check_port(port)?;
            is_loopback_host(host)?
        }
    };
    if plain && !loopback {
        Err(UrlError::NotLoopback)
    } else {
        Ok(())
    }
}

/// Checks the address of a file: as a portal's, but what follows the host may be anything an
/// address holds, such as `/logo@2x.png?v=3`.
///
/// # Errors
/// What is wrong, in words for a technician.
pub fn check_file_url(url: &str) -> Result<(), UrlError> {
    let host = url.find("://").ok_or(UrlError::Scheme)? + 3;
    let path = url[host..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |at| host + at);
    if !url[path..].bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(UrlError::Extra);
    }
    check_portal_url(&url[..path])
}

/// Whether a valid host name or IPv4 address is this machine.
fn is_loopback_host(host: &str) -> Result<bool, UrlError> {
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Ok(address.is_loopback());
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let labels = host.strip_suffix('.').unwrap_or(host);
    // A last label of digits only is an IPv4 address that failed to parse, such as 127.1 or
    // 300.0.0.1.
    let numeric = labels
        .rsplit('.')
        .next()
        .is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    if host.len() > 253 || numeric || !labels.split('.').all(is_label) {
        return Err(UrlError::Host);
    }
    Ok(labels.eq_ignore_ascii_case("localhost"))
}

/// Checks what follows the host: nothing, or `:` and a port.
fn check_port(port: &str) -> Result<(), UrlError> {
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok(()),
        Some(digits)
            if digits.bytes().all(|byte| byte.is_ascii_digit())
                && digits.parse::<u16>().is_ok_and(|port| port > 0) =>
        {
            Ok(())
        }
        _ => Err(UrlError::Port),
    }
}

//! Terminals that do not know the time, and the certificates they meet, over real sockets and real
//! TLS.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use pikir_contract::Time;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};

use crate::config::identity::Identity;
use crate::limits::TOLD_TIME_BINDS_MS;
use crate::platform::clock::TestClock;
use crate::platform::entropy::TestEntropy;
use crate::platform::files;
use crate::platform::true_time::TrueTime;
use crate::portal::*;

type Day = (i32, u8, u8);
type Issuer = CertifiedIssuer<'static, KeyPair>;

const HOST: &str = "127.0.0.1";
const LONG: (Day, Day) = ((2020, 1, 1), (2060, 1, 1));
/// Of the certificate that most portals here show.
const VALID: (Day, Day) = ((2027, 1, 1), (2027, 4, 1));
const LATER: (Day, Day) = ((2028, 1, 1), (2028, 4, 1));
const WITHIN: Day = (2027, 2, 1);
const AFTER: Day = (2027, 6, 1);
const IN_1970: Day = (1970, 1, 1);
const TEN_YEARS_ON: Day = (2037, 2, 1);

fn ms((year, month, day): Day) -> i64 {
    date_time_ymd(year, month, day).unix_timestamp() * 1_000
}

fn params(names: &[&str], (from, until): (Day, Day)) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(from.0, from.1, from.2);
    params.not_after = date_time_ymd(until.0, until.1, until.2);
    params
}

fn issuer_params(name: &str, validity: (Day, Day)) -> CertificateParams {
    let mut params = params(&[], validity);
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn authority() -> Issuer {
    let key = KeyPair::generate().unwrap();
    CertifiedIssuer::self_signed(issuer_params("authority", LONG), key).unwrap()
}

/// A portal with one kind of certificate, and how each connection to it began.
struct TlsPortal {
    port: u16,
    handshakes: Arc<Mutex<Vec<HandshakeKind>>>,
}

impl TlsPortal {
    fn start(issuer: &Issuer, name: &str, validity: (Day, Day)) -> Self {
        Self::with_chain(issuer, name, validity, None)
    }

    fn with_chain(
        issuer: &Issuer,
        name: &str,
        validity: (Day, Day),
        also_sent: Option<CertificateDer<'static>>,
    ) -> Self {
        let key = KeyPair::generate().unwrap();
        let leaf = params(&[name], validity).signed_by(&key, issuer).unwrap();
        let mut chain = vec![leaf.der().clone()];
        chain.extend(also_sent);
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let handshakes = Arc::new(Mutex::new(Vec::new()));
        let seen = handshakes.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A terminal that refuses the certificate hangs up, which is an error here.
                let _ = answer(stream.unwrap(), config.clone(), &seen);
            }
        });
        Self { port, handshakes }
    }

    fn url(&self) -> String {
        format!("https://{HOST}:{}", self.port)
    }
}

fn answer(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    seen: &Mutex<Vec<HandshakeKind>>,
) -> std::io::Result<()> {
    let connection = ServerConnection::new(config).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    seen.lock().unwrap().extend(stream.conn.handshake_kind());
    let time = format!(
        "{{\"time\":\"{}\"}}",
        Time::from_unix_ms(ms(WITHIN)).unwrap()
    );
    let length = time.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{time}"
    )?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// A terminal that trusts one authority.
struct Terminal {
    _dir: tempfile::TempDir,
    ca: PathBuf,
    clock: Arc<TestClock>,
    true_time: Arc<TrueTime>,
}

impl Terminal {
    fn new(authority: &Issuer, today: Day, synced: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ca = dir.path().join("ca.pem");
        files::replace(&ca, authority.pem().as_bytes(), 0o600).unwrap();
        let boot = "7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap();
        let clock = TestClock::new(boot, 0);
        clock.set_wall_ms(ms(today), synced);
        let true_time = Arc::new(TrueTime::new(clock.clone()));
        Self {
            _dir: dir,
            ca,
            clock,
            true_time,
        }
    }

    /// The address as an enrolment uses it.
    fn strict(&self, portal: &TlsPortal) -> PortalAddress {
        PortalAddress::new(&portal.url(), Some(&self.ca)).unwrap()
    }

    fn address(&self, portal: &TlsPortal) -> PortalAddress {
        self.strict(portal).judging_dates_by(self.true_time.clone())
    }

    fn over(&self, address: PortalAddress) -> HttpPortal {
        let key = Identity::generate(&*TestEntropy::new(1)).signing_key();
        HttpPortal::new(address, key, "nobody".into(), self.clock.clone())
    }

    async fn ask(&self, portal: &TlsPortal) -> Result<Reply, String> {
        send(&self.over(self.address(portal))).await
    }

    /// Asks, and learns the time from the answer as the uploader does.
    async fn learn_from(&self, portal: &TlsPortal) {
        #[derive(serde::Deserialize)]
        struct Answer {
            time: Time,
        }
        let reply = self.ask(portal).await.unwrap();
        let answer: Answer = serde_json::from_slice(&reply.body).unwrap();
        self.true_time.learn(answer.time, 1_000);
    }
}

async fn send(portal: &HttpPortal) -> Result<Reply, String> {
    portal
        .send(Request::get("/api/v1/terminal/config", None))
        .await
}

#[tokio::test]
async fn a_terminal_at_1970_reaches_its_portal_and_learns_the_time() {
    let authority = authority();
    let portal = TlsPortal::start(&authority, HOST, VALID);
    let terminal = Terminal::new(&authority, IN_1970, false);
    terminal.learn_from(&portal).await;
    assert_eq!(terminal.true_time.unix_ms(), Some(ms(WITHIN)));
    assert_eq!(terminal.ask(&portal).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_terminal_ten_years_ahead_reaches_its_portal() {
    let authority = authority();
    let portal = TlsPortal::start(&authority, HOST, VALID);
    let terminal = Terminal::new(&authority, TEN_YEARS_ON, false);
    assert_eq!(terminal.ask(&portal).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_synchronised_clock_decides_alone() {
    let authority = authority();
    let portal = TlsPortal::start(&authority, HOST, VALID);
    let within = Terminal::new(&authority, WITHIN, true);
    assert_eq!(within.ask(&portal).await.unwrap().status, 200);
    let after = Terminal::new(&authority, AFTER, true);
    assert_eq!(
        after.ask(&portal).await.unwrap_err(),
        "the portal's certificate expired on 2027-04-01, and by this terminal's synchronised clock it is 2027-06-01. \
         Renew the certificate on the portal"
    );
    let before = Terminal::new(&authority, IN_1970, true);
    let reason = before.ask(&portal).await.unwrap_err();
    assert!(reason.contains("valid only from 2027-01-01"), "{reason}");
}

#[tokio::test]
async fn a_wrong_name_is_refused_whatever_the_clock_says() {
    let authority = authority();
    let portal = TlsPortal::start(&authority, "otzyv.example", VALID);
    for today in [IN_1970, WITHIN, TEN_YEARS_ON] {
        let terminal = Terminal::new(&authority, today, false);
        let reason = terminal.ask(&portal).await.unwrap_err();
        assert!(reason.contains("not valid for name"), "{today:?}: {reason}");
    }
}

#[tokio::test]
async fn an_unknown_authority_is_refused_whatever_the_clock_says() {
    let portal = TlsPortal::start(&authority(), HOST, VALID);
    let trusted = authority();
    for today in [IN_1970, WITHIN, TEN_YEARS_ON] {
        let terminal = Terminal::new(&trusted, today, false);
        let reason = terminal.ask(&portal).await.unwrap_err();
        // Both authorities have the same name, so it is the signature that gives this one away.
        assert!(reason.contains("BadSignature"), "{today:?}: {reason}");
    }
}

#[tokio::test]
async fn a_certificate_that_expired_before_the_program_was_made_is_refused() {
    let authority = authority();
    let portal = TlsPortal::start(&authority, HOST, ((2026, 1, 1), (2026, 10, 1)));
    // At the last of these the certificate would be valid.
    for today in [IN_1970, TEN_YEARS_ON, (2026, 5, 1)] {
        let terminal = Terminal::new(&authority, today, false);
        assert_eq!(
            terminal.ask(&portal).await.unwrap_err(),
            "the portal's certificate expired before this program was made (2026-11-01). Renew it on the portal"
        );
    }
}

#[tokio::test]
async fn a_whole_chain_must_be_valid_at_one_moment() {
    let authority = authority();
    let key = KeyPair::generate().unwrap();
    let until_2028 = issuer_params("between", ((2027, 1, 1), (2028, 1, 1)));
    let between = CertifiedIssuer::signed_by(until_2028, key, &authority).unwrap();
    let chain =
        |validity| TlsPortal::with_chain(&between, HOST, validity, Some(between.der().clone()));
    let overlapping = chain(((2027, 10, 1), (2029, 1, 1)));
    let apart = chain(((2028, 6, 1), (2029, 1, 1)));
    for today in [IN_1970, TEN_YEARS_ON] {
        let terminal = Terminal::new(&authority, today, false);
        assert_eq!(terminal.ask(&overlapping).await.unwrap().status, 200);
        let reason = terminal.ask(&apart).await.unwrap_err();
        assert!(reason.contains("never valid together"), "{reason}");
    }
}

#[tokio::test]
async fn what_the_portal_told_decides_for_a_day() {
    let authority = authority();
    let portal = TlsPortal::start(&authority, HOST, VALID);
    let other = TlsPortal::start(&authority, HOST, LATER);
    let terminal = Terminal::new(&authority, IN_1970, false);
    terminal.learn_from(&portal).await;
    terminal.clock.advance_ms(TOLD_TIME_BINDS_MS);
    let reason = terminal.ask(&other).await.unwrap_err();
    assert!(
        reason.contains(
            "valid only from 2028-01-01, and by what the portal told before it is 2027-02-02"
        ),
        "{reason}"
    );
    terminal.clock.advance_ms(1);
    assert_eq!(
        terminal.ask(&other).await.unwrap().status,
        200,
        "a portal whose clock was wrong does not shut the terminal out for ever"
    );
}

#[tokio::test]
async fn a_portal_that_tells_a_time_before_the_program_was_made_is_not_believed() {
    let authority = authority();
    let portal = TlsPortal::start(&authority, HOST, VALID);
    let terminal = Terminal::new(&authority, IN_1970, false);
    terminal
        .true_time
        .learn(Time::from_unix_ms(0).unwrap(), 1_000);
    assert_eq!(terminal.ask(&portal).await.unwrap().status, 200);
}

#[tokio::test]
async fn an_enrolment_is_judged_by_the_wall_clock_alone() {
    let authority = authority();
    let portal = TlsPortal::start(&authority, HOST, ((2020, 1, 1), (2021, 1, 1)));
    let terminal = Terminal::new(&authority, IN_1970, false);
    let reason = send(&terminal.over(terminal.strict(&portal)))
        .await
        .unwrap_err();
    assert!(
        reason.contains("expired on 2021-01-01, and this terminal's clock says "),
        "{reason}"
    );
}

#[tokio::test]
async fn a_former_identitys_portal_is_judged_as_the_present_one() {
    let authority = authority();
    let present = TlsPortal::start(&authority, HOST, VALID);
    let former = TlsPortal::start(&authority, HOST, LATER);
    let terminal = Terminal::new(&authority, IN_1970, false);
    let address = terminal
        .address(&present)
        .or_of(Some(&former.url()), Some(&terminal.ca));
    assert_eq!(address.as_str(), former.url());
    assert_eq!(send(&terminal.over(address)).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_session_is_resumed_only_where_the_certificate_fitted_the_clock() {
    let authority = authority();
    for (today, synced, second) in [
        (WITHIN, true, HandshakeKind::Resumed),
        (WITHIN, false, HandshakeKind::Resumed),
        (IN_1970, false, HandshakeKind::Full),
    ] {
        let server = TlsPortal::start(&authority, HOST, VALID);
        let terminal = Terminal::new(&authority, today, synced);
        let portal = terminal.over(terminal.address(&server));
        for _ in 0..2 {
            send(&portal).await.unwrap();
        }
        assert_eq!(
            *server.handshakes.lock().unwrap(),
            [HandshakeKind::Full, second],
            "{today:?}"
        );
    }
}

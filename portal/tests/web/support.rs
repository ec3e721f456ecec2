//! A portal in a temporary directory, and a browser that keeps its cookie.

use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::time::Duration;

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::response::Parts;
use axum::http::{HeaderMap, Request, StatusCode, header};
use pikir_contract::{PlaceCode, Texts, presence_step, presence_token};
use pikir_portal::app::AppState;
use pikir_portal::domain::hours::{NightHours, OpeningHours};
use pikir_portal::platform::clock::ManualClock;
use pikir_portal::platform::entropy::Entropy;
use pikir_portal::server;
use pikir_portal::storage::{
    Asked, DEFAULT_TIMEZONE, Inherits, NewEnrolment, OrganizationRecord, PlaceRecord,
    RatedInDetail, Role, Storage, User,
};
use tempfile::TempDir;
use tower::ServiceExt;

pub const PLACE: &str = "A1A2T4";
pub const ORGANIZATION: &str = "KG-1";
pub const PASSWORD: &str = "correct horse";
pub const USER_CODE: &str = "WXYC-9347";
const KEY: [u8; 32] = [7; 32];

/// A portal with one organisation, a unit below it and one place.
pub struct Portal {
    pub app: AppState,
    pub router: Router,
    clock: ManualClock,
    dir: TempDir,
}

impl Portal {
    pub async fn new() -> Self {
        Self::at("http://127.0.0.1:8080").await
    }

    pub async fn at(public_url: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(1_790_000_000_000);
        let storage = Storage::open(dir.path()).unwrap();
        let app = AppState {
            storage,
            clock: clock.clock(),
            entropy: Entropy::system(),
            public_url: public_url.into(),
        };
        let organization =
            |code: &str, parent: Option<&str>, ky: &str, ru: &str| OrganizationRecord {
                code: code.to_owned(),
                parent: parent.map(str::to_owned),
                names: Texts::from([("ky", ky), ("ru", ru)]),
                version: 1,
            };
        let organizations = vec![
            organization(
                ORGANIZATION,
                None,
                "Калкты тейлөө борбору",
                "Центр обслуживания <населения>",
            ),
            organization(
                "KG-1-A",
                Some(ORGANIZATION),
                "Каттоо бөлүмү",
                "Отдел регистрации",
            ),
        ];
        app.storage
            .put_organizations(organizations, Vec::new())
            .await
            .unwrap();
        let portal = Self {
            router: server::router(app.clone()),
            app,
            clock,
            dir,
        };
        portal.add_place(PLACE, "Зал 2").await;
        portal
    }

    pub async fn add_place(&self, code: &str, name: &str) {
        let place = PlaceRecord {
            code: code.parse().unwrap(),
            organization: ORGANIZATION.to_owned(),
            unit: None,
            name: name.to_owned(),
            question: Texts::from([("ru", "Как прошёл визит?")]),
            languages: vec!["ky".to_owned(), "ru".to_owned()],
            default_language: "ky".to_owned(),
            presence_key: KEY.to_vec(),
            timezone: DEFAULT_TIMEZONE.to_owned(),
            hours: OpeningHours::default(),
            night: NightHours::default(),
            inherits: Inherits::default(),
            version: 1,
        };
        self.app.storage.add_place(place, 0).await.unwrap();
    }

    pub async fn add_user(&self, login: &str, role: Role) {
        // Cheap parameters: these tests are about pages.
        let params = Params::new(8, 1, 1, None).unwrap();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let password_hash = argon2
            .hash_password(PASSWORD.as_bytes())
            .unwrap()
            .to_string();
        let user = User {
            login: login.to_owned(),
            name: "Аида Асанова".to_owned(),
            role,
            password_hash,
        };
        assert!(
            self.app
                .storage
                .add_user(user, self.app.clock.now())
                .await
                .unwrap()
        );
    }

    /// A terminal that waits under [`USER_CODE`].
    pub async fn add_waiting_terminal(&self) {
        let machine = NewEnrolment {
            public_key: vec![1; 32],
            seal_key: vec![2; 32],
            model: "Raspberry Pi 4 Model B".to_owned(),
            serial: "10000000a1b2c3d4".to_owned(),
            software: "pikir-kiosk 0.1.0".to_owned(),
        };
        let asked = Asked {
            device_hash: [9; 32],
            user_code: USER_CODE,
            client: [8; 16],
            now_ms: self.app.clock.unix_ms(),
        };
        self.app
            .storage
            .begin_enrolment(asked, machine)
            .await
            .unwrap();
    }

    /// The figures of [`ORGANIZATION`].
    pub async fn figures(&self) -> RatedInDetail {
        let storage = &self.app.storage;
        let found = storage.rated_in_detail(ORGANIZATION, false, 0).await;
        found.unwrap().unwrap().0
    }

    /// The address the terminal's screen shows now.
    pub fn qr_path(&self) -> String {
        let code: PlaceCode = PLACE.parse().unwrap();
        let token = presence_token(&KEY, &code, presence_step(self.app.clock.unix_s(), 300));
        format!("/Q/{PLACE}/{token}")
    }

    /// The database beside the running portal.
    pub fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.dir.path().join("portal.db")).unwrap()
    }

    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub fn browser(&self) -> Browser {
        Browser {
            router: self.router.clone(),
            cookie: Mutex::default(),
            headers: Vec::new(),
            address: None,
        }
    }

    /// A browser in which somebody with this role has signed in.
    pub async fn signed_in(&self, role: Role) -> Browser {
        self.add_user(role.as_str(), role).await;
        let browser = self.browser();
        let reply = browser.sign_in(role.as_str(), PASSWORD).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
        browser
    }

    /// Sends a review as a visitor would; gives the path of the page after it.
    pub async fn review(&self, path: &str, score: &str, comment: &str) -> String {
        let form = [("score", score), ("comment", comment), ("lang", "ru")];
        let reply = self.browser().fill(path, &form).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
        reply.location()
    }
}

/// A browser without JavaScript.
pub struct Browser {
    pub router: Router,
    cookie: Mutex<String>,
    pub headers: Vec<(&'static str, &'static str)>,
    address: Option<IpAddr>,
}

impl Browser {
    pub fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same browser at this address.
    pub fn at(mut self, address: &str) -> Self {
        self.address = Some(address.parse().unwrap());
        self
    }

    /// Fetches the form of this page and sends it with these fields.
    pub async fn fill(&self, path: &str, form: &[(&str, &str)]) -> Reply {
        let mark = self.get(path).await.hidden("mark");
        self.post(path, &[&[("mark", &*mark)][..], form].concat())
            .await
    }

    pub fn cookie(&self) -> String {
        self.cookie.lock().unwrap().clone()
    }

    pub fn set_cookie(&self, cookie: &str) {
        *self.cookie.lock().unwrap() = cookie.to_owned();
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Request::get(path), String::new()).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Reply {
        let fields: Vec<String> = form
            .iter()
            .map(|(name, value)| format!("{name}={}", percent(value)))
            .collect();
        self.post_raw(path, fields.join("&")).await
    }

    /// Sends a form that is written already.
    pub async fn post_raw(&self, path: &str, form: String) -> Reply {
        let request =
            Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, form).await
    }

    /// Sends a form as a browser does that has a field for files.
    pub async fn post_with_files(
        &self,
        path: &str,
        form: &[(&str, &str)],
        files: &[&[u8]],
    ) -> Reply {
        const BOUNDARY: &str = "----pikir-test";
        let mut body = Vec::new();
        for (name, value) in form {
            let part = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
            body.extend(part.into_bytes());
        }
        for file in files {
            let name = if file.is_empty() { "" } else { "IMG_1.jpg" };
            let part = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
            );
            body.extend(part.into_bytes());
            body.extend(*file);
            body.extend(b"\r\n");
        }
        body.extend(format!("--{BOUNDARY}--\r\n").into_bytes());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let request = Request::post(path).header(header::CONTENT_TYPE, kind);
        reply(self.exchange(request, Body::from(body)).await)
    }

    /// Sends parts that are written already, divided by `boundary`.
    pub async fn post_multipart(&self, path: &str, boundary: &str, body: String) -> Reply {
        let kind = format!("multipart/form-data; boundary={boundary}");
        let request = Request::post(path).header(header::CONTENT_TYPE, kind);
        self.send(request, body).await
    }

    /// What an address answers that is no page.
    pub async fn get_bytes(&self, path: &str) -> (StatusCode, Vec<u8>) {
        let (parts, body) = self.exchange(Request::get(path), Body::empty()).await;
        (parts.status, body)
    }

    pub async fn sign_in(&self, login: &str, password: &str) -> Reply {
        let page = self.get("/sign-in").await;
        let csrf = page.hidden("csrf");
        self.post(
            "/sign-in",
            &[("login", login), ("password", password), ("csrf", &csrf)],
        )
        .await
    }

    async fn send(&self, request: axum::http::request::Builder, body: String) -> Reply {
        reply(self.exchange(request, Body::from(body)).await)
    }

    async fn exchange(
        &self,
        mut request: axum::http::request::Builder,
        body: Body,
    ) -> (Parts, Vec<u8>) {
        request = request.header(header::HOST, "127.0.0.1:8080");
        if !self.cookie().is_empty() {
            request = request.header(header::COOKIE, self.cookie());
        }
        for (name, value) in &self.headers {
            request = request.header(*name, *value);
        }
        if let Some(address) = self.address {
            request = request.extension(ConnectInfo(SocketAddr::from((address, 50_000))));
        }
        let response = self
            .router
            .clone()
            .oneshot(request.body(body).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        if let Some(cookie) = parts.headers.get(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            self.set_cookie(if pair.ends_with('=') { "" } else { pair });
        }
        let body = to_bytes(body, 1 << 20).await.unwrap();
        (parts, body.to_vec())
    }
}

fn reply((parts, body): (Parts, Vec<u8>)) -> Reply {
    Reply {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body).unwrap(),
    }
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub fn location(&self) -> String {
        self.header("location").to_owned()
    }

    /// The value of a hidden field.
    pub fn hidden(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\" value=\"");
        let rest = self
            .body
            .split_once(&mark)
            .unwrap_or_else(|| panic!("no field {name} in {}", self.body))
            .1;
        rest.split('"').next().unwrap().to_owned()
    }

    #[track_caller]
    pub fn assert_says(&self, text: &str) {
        assert!(
            self.body.contains(text),
            "{text:?} is missing in {}",
            self.body
        );
    }

    #[track_caller]
    pub fn assert_does_not_say(&self, text: &str) {
        assert!(
            !self.body.contains(text),
            "{text:?} stands in {}",
            self.body
        );
    }
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

//! What all pages share: the reader's language, the frame around the content, headers, plain
//! messages.

use std::convert::Infallible;

use askama::Template;
use axum::body::to_bytes;
use axum::extract::{FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::assets;
use super::look::{self, Group, Look};
use crate::api::packed;
use crate::i18n::{Lang, Locale};
use crate::storage::StorageError;

/// Who is reading, as far as the page's language goes.
#[derive(Clone, Debug)]
pub struct Reader {
    /// Chosen by `?lang=`.
    pub chosen: Option<Lang>,
    /// What the browser asks for.
    pub accepted: Option<Lang>,
    /// The other members of the query, kept when the language is changed.
    pub query: Vec<(String, String)>,
}

impl<S: Sync> FromRequestParts<S> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let mut query = query.map(|Query(query)| query).unwrap_or_default();
        let chosen = query
            .iter()
            .find(|(name, _)| name == "lang")
            .and_then(|(_, tag)| Lang::from_tag(tag));
        query.retain(|(name, _)| name != "lang");
        let accepted = parts
            .headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        Ok(Self {
            chosen,
            accepted: accepted.and_then(Lang::accepted),
            query,
        })
    }
}

impl Reader {
    /// The frame of a page in the language this reader understands best; `usual` is the language of
    /// the place.
    pub fn page(&self, usual: Option<Lang>) -> Page {
        let lang = self
            .chosen
            .or(self.accepted)
            .or(usual)
            .unwrap_or(Lang::FALLBACK);
        Page::new(lang, &self.query)
    }

    /// A member of the query, empty if it is missing.
    pub fn get(&self, name: &str) -> &str {
        self.query
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }
}

/// The frame around a page's content.
#[derive(Clone, Debug)]
pub struct Page {
    /// The page's language.
    pub l: Locale,
    /// The links to the same page in each language.
    pub languages: Vec<LanguageLink>,
    /// How the visitor wants to see it.
    pub look: Look,
    /// What links to other pages for visitors keep: language and look, as a query.
    pub keep: String,
    /// The other members of this page's query, which the accessibility panel keeps.
    pub kept: Vec<(String, String)>,
    /// True if the accessibility panel belongs to the review's form, so that nothing typed there is
    /// lost.
    pub in_form: bool,
}

/// A link to the same page in another language.
#[derive(Clone, Debug)]
pub struct LanguageLink {
    /// The address.
    pub href: String,
    /// The language's tag.
    pub tag: &'static str,
    /// The beginning of the language's own name: all that a narrow screen shows.
    pub short: &'static str,
    /// The rest of that name.
    pub rest: &'static str,
    /// True for the language of this page.
    pub current: bool,
}

impl Page {
    /// The frame in `lang`; `query` is what the addresses of the other languages keep.
    pub fn new(lang: Lang, query: &[(String, String)]) -> Self {
        let kept: String = query
            .iter()
            .map(|(name, value)| format!("{}={}&", encode(name), encode(value)))
            .collect();
        let link = |of: Lang| {
            let (short, rest) = of.own_name();
            LanguageLink {
                href: format!("?{kept}lang={}", of.tag()),
                tag: of.tag(),
                short,
                rest,
                current: of == lang,
            }
        };
        let look = Look::read(query);
        let chosen = look
            .members()
            .map(|(name, value)| format!("&{name}={value}"));
        Self {
            l: Locale(lang),
            languages: Lang::ALL.map(link).into(),
            look,
            keep: format!("lang={}{}", lang.tag(), chosen.collect::<String>()),
            kept: query
                .iter()
                .filter(|(name, _)| !look::is_setting(name))
                .cloned()
                .collect(),
            in_form: false,
        }
    }

    /// The accessibility panel.
    pub fn panel(&self) -> Vec<Group> {
        self.look.groups(self.l)
    }

    /// A page that says one thing. `title` and `text` are English, to be translated.
    pub fn message(
        self,
        status: StatusCode,
        title: &str,
        text: &str,
        action: Option<(&str, &str)>,
    ) -> Response {
        let l = self.l;
        let action = action.map(|(href, text)| Action {
            href: href.to_owned(),
            text: l.t(text).to_owned(),
        });
        let content = Message {
            title: l.t(title).to_owned(),
            text: l.t(text).to_owned(),
            action,
            page: self,
        };
        render(status, &content)
    }

    /// What a reader sees when the portal itself failed. The cause goes to the log.
    pub fn broken(self, error: &StorageError) -> Refusal {
        tracing::error!(%error, "a page could not be made");
        self.failed(StatusCode::INTERNAL_SERVER_ERROR).into()
    }

    /// The same, where the log knows more already.
    pub fn failed(self, status: StatusCode) -> Response {
        let text = "The portal could not finish this. Please try again in a moment.";
        // The same address once more.
        let again = Some(("", "Try again"));
        self.message(status, "Something went wrong", text, again)
    }

    /// A page that does not exist.
    pub fn not_found(self) -> Response {
        self.mistyped(StatusCode::NOT_FOUND)
    }

    /// An address that leads nowhere.
    pub fn mistyped(self, status: StatusCode) -> Response {
        let text = "The address may be mistyped or out of date.";
        self.message(
            status,
            "Page not found",
            text,
            Some(("/", "All organisations")),
        )
    }

    /// What someone sees who must wait. `title` and `text` are English, to be translated.
    pub fn wait(self, seconds: u64, title: &str, text: &str) -> Response {
        let mut response = self.message(StatusCode::TOO_MANY_REQUESTS, title, text, None);
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        response
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message {
    page: Page,
    title: String,
    text: String,
    action: Option<Action>,
}

struct Action {
    href: String,
    text: String,
}

/// An answer that ends a handler early. Boxed because it is large.
#[derive(Debug)]
pub struct Refusal(Box<Response>);

impl From<Response> for Refusal {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// What a handler answers.
pub type Answer = Result<Response, Refusal>;

/// A page from its template.
pub fn render(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a template could not be filled in");
            (StatusCode::INTERNAL_SERVER_ERROR, "500").into_response()
        }
    }
}

/// Sends the browser elsewhere after a form (303), so that reloading sends nothing again.
pub fn see_other(address: &str) -> Response {
    Redirect::to(address).into_response()
}

/// The headers of every page that did not set them itself.
pub async fn headers(mut response: Response) -> Response {
    let policy = HeaderValue::from_str(&assets::POLICY)
        .unwrap_or(HeaderValue::from_static("default-src 'none'"));
    let defaults: [(HeaderName, HeaderValue); 4] = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        // Presence tokens and status codes stand in addresses: no other site learns them.
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    for (name, value) in defaults {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// Packs a page for whoever takes it so: visitors on slow lines pay for every byte.
pub async fn pack(request: Request, next: Next) -> Response {
    let takes_gzip = packed::takes_gzip(request.headers());
    let response = next.run(request).await;
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_page = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !takes_gzip || !is_page {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // A page was made whole before it was sent.
    let Some(packed) = to_bytes(body, usize::MAX)
        .await
        .ok()
        .and_then(|page| packed::gzip(&page))
    else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    let encoding = HeaderValue::from_static("gzip");
    parts.headers.insert(header::CONTENT_ENCODING, encoding);
    let varies = HeaderValue::from_static("accept-encoding");
    parts.headers.append(header::VARY, varies);
    Response::from_parts(parts, packed.into())
}

/// Marks a page that holds nothing personal: it may be kept for half a minute.
pub fn shared(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=30"),
    );
    headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
    response
}

/// Percent-encodes text for a query (RFC 3986 §2.3: everything but unreserved characters).
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_links_keep_the_rest_of_the_query() {
        let query = [("user_code".to_owned(), "a&b ю".to_owned())];
        let page = Page::new(Lang::Ru, &query);
        assert_eq!(page.languages[0].href, "?user_code=a%26b%20%D1%8E&lang=ky");
        assert_eq!(page.languages.iter().filter(|link| link.current).count(), 1);
    }
}

//! What the form sends, as a plain form or with photos.

use axum::RequestExt;
use axum::extract::{Form, FromRequest, Multipart, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::web::look;
use crate::web::picture::{MAX_PHOTO_BYTES, MAX_PHOTOS};

/// The first part of the name of a criterion's field.
pub const CRITERION: &str = "c-";
/// Bytes of a field that is typed: a comment far beyond its limit still fits, so that it comes back to be shortened.
const MAX_FIELD_BYTES: usize = 256 * 1024;
/// Fields that are read; a form of ours has far fewer.
const MAX_FIELDS: usize = 300;

/// Forms with files that are read or looked at in one moment: each takes up to 20 MiB of memory. Those without go on.
const UPLOADS: usize = 24;

static UPLOADING: Semaphore = Semaphore::const_new(UPLOADS);

/// What was typed and chosen. Everything may be missing: a person is told what to do, never refused.
#[derive(Debug, Default)]
pub struct Typed {
    /// `1`–`5`.
    pub score: String,
    /// In the visitor's own words.
    pub comment: String,
    /// Names the page view.
    pub nonce: String,
    /// The mark that the page was opened on site.
    pub seen: String,
    /// The page's language.
    pub lang: String,
    /// `look` where only the look of the page is to change.
    pub action: String,
    /// The key of a service.
    pub service: String,
    /// Keys of reasons.
    pub reasons: Vec<String>,
    /// Scores by the key of the criterion.
    pub criteria: Vec<(String, String)>,
    /// Members of the accessibility panel.
    pub look: Vec<(String, String)>,
    /// Files that are there.
    pub files: Vec<Vec<u8>>,
    /// What is wrong with a file that is not.
    pub file_fault: Option<FileFault>,
    /// Held while there are files.
    upload: Option<SemaphorePermit<'static>>,
}

/// Why a file was not even looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFault {
    /// More than [`MAX_PHOTO_BYTES`].
    TooLarge,
    /// More than [`MAX_PHOTOS`] files.
    TooMany,
    /// [`UPLOADS`] forms with files are being read already.
    Busy,
}

/// The form is larger than anything a person writes.
#[derive(Clone, Copy, Debug)]
pub struct BeyondMeasure;

impl IntoResponse for BeyondMeasure {
    fn into_response(self) -> Response {
        StatusCode::PAYLOAD_TOO_LARGE.into_response()
    }
}

impl<S: Send + Sync> FromRequest<S> for Typed {
    type Rejection = BeyondMeasure;

    async fn from_request(request: Request, _: &S) -> Result<Self, BeyondMeasure> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let with_files = kind
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| {
                kind.trim_start()
                    .to_ascii_lowercase()
                    .starts_with("multipart/form-data")
            });
        if with_files {
            let parts = request.extract::<Multipart, _>().await;
            return read_parts(parts.map_err(|_| BeyondMeasure)?).await;
        }
        let fields = request.extract::<Form<Vec<(String, String)>>, _>().await;
        let Form(fields) = fields.map_err(|_| BeyondMeasure)?;
        let mut typed = Self::default();
        for (name, value) in fields.into_iter().take(MAX_FIELDS) {
            if value.len() > MAX_FIELD_BYTES {
                return Err(BeyondMeasure);
            }
            typed.put(name, value);
        }
        Ok(typed)
    }
}

impl Typed {
    /// True if there is memory for files.
    fn may_upload(&mut self) -> bool {
        if self.upload.is_none() {
            self.upload = UPLOADING.try_acquire().ok();
        }
        if self.upload.is_none() {
            self.file_fault = Some(FileFault::Busy);
        }
        self.upload.is_some()
    }

    fn put(&mut self, name: String, value: String) {
        match name.as_str() {
            "score" => self.score = value,
            "comment" => self.comment = value,
            "nonce" => self.nonce = value,
            "seen" => self.seen = value,
            "lang" => self.lang = value,
            "action" => self.action = value,
            "service" => self.service = value,
            "reason" => self.reasons.push(value),
            name if look::is_setting(name) => self.look.push((name.to_owned(), value)),
            name => {
                if let Some(key) = name.strip_prefix(CRITERION) {
                    self.criteria.push((key.to_owned(), value));
                }
            }
        }
    }
}

/// Reads the parts in their order. The files come last, so that one which is too large costs nothing that was typed.
async fn read_parts(mut parts: Multipart) -> Result<Typed, BeyondMeasure> {
    let mut typed = Typed::default();
    for _ in 0..MAX_FIELDS {
        let mut part = match parts.next_field().await {
            Ok(Some(part)) => part,
            Ok(None) => break,
            Err(_) => return cut_short(typed),
        };
        let name = part.name().unwrap_or_default().to_owned();
        let is_file = part.file_name().is_some();
        let limit = if is_file {
            MAX_PHOTO_BYTES
        } else {
            MAX_FIELD_BYTES
        };
        let mut content = Vec::new();
        let mut fits = true;
        // What is too large is read to its end all the same: a browser shows an answer only after it has sent everything.
        loop {
            match part.chunk().await {
                Ok(Some(_)) if is_file && !typed.may_upload() => {}
                Ok(Some(chunk)) if content.len() + chunk.len() <= limit => {
                    content.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => {
                    fits = false;
                    content.clear();
                    content.shrink_to_fit();
                }
                Ok(None) => break,
                Err(_) => return cut_short(typed),
            }
        }
        match (is_file, fits) {
            (false, true) => typed.put(name, String::from_utf8_lossy(&content).into_owned()),
            (false, false) => return Err(BeyondMeasure),
            (true, false) => typed.file_fault = Some(FileFault::TooLarge),
            // A field in which no file was chosen sends an empty one.
            (true, true) if content.is_empty() => {}
            (true, true) if typed.files.len() == MAX_PHOTOS => {
                typed.file_fault = Some(FileFault::TooMany);
            }
            (true, true) => typed.files.push(content),
        }
    }
    Ok(typed)
}

/// The body ended early or is larger than the server reads. Where everything typed has come, only the files are at fault.
fn cut_short(mut typed: Typed) -> Result<Typed, BeyondMeasure> {
    if typed.nonce.is_empty() {
        return Err(BeyondMeasure);
    }
    typed.files.clear();
    typed.file_fault = Some(FileFault::TooLarge);
    Ok(typed)
}

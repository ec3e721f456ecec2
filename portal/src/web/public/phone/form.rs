//! What the form sends, as a plain form or with photos.

use axum::RequestExt;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, Form, FromRequest, Multipart, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::web::frame::look;
use crate::web::public::picture::{MAX_PHOTO_BYTES, MAX_PHOTOS, PhotoFile};

/// The first part of the name of a criterion's field.
pub const CRITERION: &str = "c-";
/// Bytes of everything that is typed: a comment far beyond its limit still fits, so that it comes
/// back to be shortened.
const MAX_TEXT_BYTES: usize = 256 * 1024;
/// Fields that are read; a form of ours has far fewer.
const MAX_FIELDS: usize = 300;

/// What was typed and chosen. Everything may be missing: a person is told what to do, never
/// refused.
#[derive(Debug, Default)]
pub struct Typed {
    /// `1`–`5`.
    pub score: String,
    /// In the visitor's own words.
    pub comment: String,
    /// The form's mark.
    pub mark: String,
    /// The page's language.
    pub lang: String,
    /// `look` where only the look of the page is to change.
    pub action: String,
    /// The language that the page is to have instead: only that is to change.
    pub speak: String,
    /// The key of a service.
    pub service: String,
    /// Keys of reasons.
    pub reasons: Vec<String>,
    /// Scores by the key of the criterion.
    pub criteria: Vec<(String, String)>,
    /// Members of the accessibility panel.
    pub look: Vec<(String, String)>,
    /// Files that are there.
    pub files: Vec<PhotoFile>,
    /// What is wrong with a file that is not.
    pub file_fault: Option<FileFault>,
}

/// Why a file was not even looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFault {
    /// More than [`MAX_PHOTO_BYTES`].
    TooLarge,
    /// More than [`MAX_PHOTOS`] files.
    TooMany,
    /// A file without a byte in it.
    Empty,
    /// Other files take all the memory there is for them.
    Busy,
    /// It stopped coming, or came more slowly than anything is waited for.
    CutShort,
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

    async fn from_request(mut request: Request, _: &S) -> Result<Self, BeyondMeasure> {
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
        // No photo comes this way, and empty fields take far more memory than they have bytes.
        DefaultBodyLimit::max(MAX_TEXT_BYTES).apply(&mut request);
        let fields = request.extract::<Form<Vec<(String, String)>>, _>().await;
        let Form(fields) = fields.map_err(|_| BeyondMeasure)?;
        let mut typed = Self::default();
        for (name, value) in fields.into_iter().take(MAX_FIELDS) {
            typed.put(name, value);
        }
        Ok(typed)
    }
}

impl Typed {
    fn put(&mut self, name: String, value: String) {
        match name.as_str() {
            "score" => self.score = value,
            "comment" => self.comment = value,
            "mark" => self.mark = value,
            "lang" => self.lang = value,
            "action" => self.action = value,
            "speak" => self.speak = value,
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

/// Reads the parts in their order. The files come last, so that one which is too large costs
/// nothing that was typed.
async fn read_parts(mut parts: Multipart) -> Result<Typed, BeyondMeasure> {
    let mut typed = Typed::default();
    let mut text_left = MAX_TEXT_BYTES;
    for _ in 0..MAX_FIELDS {
        let part = match parts.next_field().await {
            Ok(Some(part)) => part,
            Ok(None) => break,
            Err(error) => return cut_short(typed, &error),
        };
        if part.file_name().is_some() {
            if let Err(error) = read_file(&mut typed, part).await {
                return cut_short(typed, &error);
            }
            continue;
        }
        let name = part.name().unwrap_or_default().to_owned();
        text_left = text_left.checked_sub(name.len()).ok_or(BeyondMeasure)?;
        let text = match read_text(part, text_left).await {
            Ok(text) => text.ok_or(BeyondMeasure)?,
            Err(error) => return cut_short(typed, &error),
        };
        text_left -= text.len();
        typed.put(name, String::from_utf8_lossy(&text).into_owned());
    }
    Ok(typed)
}

/// Reads a file. One that cannot be taken is read to its end all the same: a browser shows an
/// answer only after it has sent everything.
async fn read_file(typed: &mut Typed, mut part: Field<'_>) -> Result<(), MultipartError> {
    let mut file = PhotoFile::default();
    let mut fault = (typed.files.len() == MAX_PHOTOS).then_some(FileFault::TooMany);
    let is_chosen = part.file_name().is_some_and(|name| !name.is_empty());
    let mut begun = false;
    while let Some(chunk) = part.chunk().await? {
        begun |= !chunk.is_empty();
        if fault.is_none() {
            fault = match file.len() + chunk.len() > MAX_PHOTO_BYTES {
                true => Some(FileFault::TooLarge),
                false => file.push(&chunk).err().map(|_| FileFault::Busy),
            };
        }
        if fault.is_some() {
            file = PhotoFile::default();
        }
    }
    // A field in which no file was chosen sends an empty one without a name.
    match (begun, fault) {
        (true, None) => typed.files.push(file),
        (true, Some(fault)) => _ = typed.file_fault.get_or_insert(fault),
        (false, _) if is_chosen => _ = typed.file_fault.get_or_insert(FileFault::Empty),
        (false, _) => {}
    }
    Ok(())
}

/// What was typed into a field; `None` if that is more than `limit` bytes.
async fn read_text(mut part: Field<'_>, limit: usize) -> Result<Option<Vec<u8>>, MultipartError> {
    let mut whole = Some(Vec::new());
    while let Some(chunk) = part.chunk().await? {
        whole = whole.filter(|held: &Vec<u8>| held.len() + chunk.len() <= limit);
        if let Some(held) = &mut whole {
            held.extend_from_slice(&chunk);
        }
    }
    Ok(whole)
}

/// The body ended early or is larger than the server reads. Where everything typed has come, only
/// the files are at fault.
fn cut_short(mut typed: Typed, error: &MultipartError) -> Result<Typed, BeyondMeasure> {
    if typed.mark.is_empty() {
        return Err(BeyondMeasure);
    }
    typed.files.clear();
    typed.file_fault = Some(match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => FileFault::TooLarge,
        _ => FileFault::CutShort,
    });
    Ok(typed)
}

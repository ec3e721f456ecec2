//! The first page: a search, and the organisations that stand at the top.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use pikir_contract::Texts;

use crate::app::AppState;
use crate::i18n::Locale;
use crate::storage::{Counts, Listing, OrganizationRecord, Part, Rated, Within};
use crate::web::frame::page::{Answer, Page, Reader, encode, render, shared};

/// Organisations on one page.
const SHOWN: usize = 50;
/// Characters of a search that are looked at.
pub const MAX_SEARCH_CHARS: usize = 200;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    page: Page,
    search: String,
    organizations: Vec<Entry>,
    total: u64,
    pager: PagerLinks,
}

/// An organisation in a list: its name, and its average with the sample size beside it.
pub struct Entry {
    /// Its code, for an address.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The name of the one above it, where that is not plain from the page.
    pub above: Option<String>,
    /// Its figures in one line.
    pub figure: String,
}

/// Shows the first page. `?q=` searches, `?page=` pages.
pub async fn show(State(app): State<AppState>, reader: Reader) -> Answer {
    let page = reader.page(None);
    let search: String = reader.get("q").chars().take(MAX_SEARCH_CHARS).collect();
    let listing = match search.trim() {
        "" => Listing::Tops,
        search => Listing::Found(search.to_owned()),
    };
    let pager = Pager::read(&reader, "page");
    let found = app
        .storage
        .published_list(page.l.tag(), listing, pager.part(), app.clock.unix_ms())
        .await
        .map_err(|error| page.clone().broken(&error))?;
    let entry = |(rated, above): (Rated, Option<Texts>)| Entry {
        above: above.map(|names| page.l.choose(&names).to_owned()),
        ..Entry::rated(page.l, rated)
    };
    let content = Home {
        search: search.trim().to_owned(),
        organizations: found.entries.into_iter().map(entry).collect(),
        total: found.total as u64,
        pager: pager.links(&page, found.total),
        page,
    };
    Ok(shared(render(StatusCode::OK, &content)))
}

impl Entry {
    /// An organisation without figures.
    pub fn new(l: Locale, organization: OrganizationRecord) -> Self {
        Self {
            name: l.choose(&organization.names).to_owned(),
            code: encode(&organization.code),
            above: None,
            figure: String::new(),
        }
    }

    /// An organisation with its figures.
    pub fn rated(l: Locale, rated: Rated) -> Self {
        let figure = figure(l, &rated);
        Self {
            figure,
            ..Self::new(l, rated.organization)
        }
    }
}

/// An organisation's figures in one line: what was said on site, and labelled beside it what came
/// by code or link.
fn figure(l: Locale, rated: &Rated) -> String {
    let of = |counts: Counts| {
        (counts.total() > 0).then(|| {
            l.with2(
                "{average} out of 5 · ratings: {count}",
                "average",
                l.average(counts.average_hundredths()),
                "count",
                l.number(&counts.total()),
            )
        })
    };
    let unverified = of(rated.summary.unverified())
        .map(|figure| l.with("by code or link: {figure}", "figure", figure));
    let figures = [of(rated.summary.on_site()), unverified];
    let figure = figures
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" · ");
    if figure.is_empty() {
        return l.t("no ratings yet").to_owned();
    }
    match rated.uptime.per_mille() {
        None => figure,
        share => {
            let text = match rated.uptime.within() {
                Within::AllHours => "terminals running: {percent} of the time",
                _ => "terminals running: {percent} of the opening hours",
            };
            let running = l.with(text, "percent", l.percent(share));
            format!("{figure} · {running}")
        }
    }
}

/// Where in a list a page stands.
pub struct Pager {
    /// The member of the address.
    name: &'static str,
    /// From 0.
    number: usize,
}

/// The ways to the pages before and after this one.
pub struct PagerLinks {
    /// Where the reader is, if there is more than one page.
    pub here: Option<String>,
    /// The page before.
    pub previous: Option<String>,
    /// The page after.
    pub next: Option<String>,
}

impl Pager {
    /// The page that the address names, the first without.
    pub fn read(reader: &Reader, name: &'static str) -> Self {
        let number = reader.get(name).parse::<u32>().unwrap_or(1);
        Self {
            name,
            number: usize::try_from(number.saturating_sub(1)).unwrap_or(0),
        }
    }

    /// What of the list stands on the page.
    pub fn part(&self) -> Part {
        Part {
            skip: self.number.saturating_mul(SHOWN),
            limit: SHOWN,
        }
    }

    /// The ways on from this page of a list with `total` entries.
    pub fn links(&self, page: &Page, total: usize) -> PagerLinks {
        let pages = total.div_ceil(SHOWN);
        let rest: String = page
            .kept
            .iter()
            .filter(|(name, _)| name != self.name)
            .map(|(name, value)| format!("{}={}&", encode(name), encode(value)))
            .collect();
        let to = |number: usize| format!("?{rest}{}={}&{}", self.name, number + 1, page.keep);
        let here = |pages| {
            page.l.with2(
                "Page {page} of {pages}",
                "page",
                self.number + 1,
                "pages",
                pages,
            )
        };
        PagerLinks {
            here: (pages > 1 && self.number < pages).then(|| here(pages)),
            // From beyond the end the way leads to the last page.
            previous: (self.number > 0 && pages > 0).then(|| to(self.number.min(pages) - 1)),
            next: (self.number + 1 < pages).then(|| to(self.number + 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    fn links(number: usize, total: usize) -> PagerLinks {
        let query = [
            ("q".to_owned(), "өз".to_owned()),
            ("page".to_owned(), "9".to_owned()),
        ];
        let pager = Pager {
            name: "page",
            number,
        };
        pager.links(&Page::new(Lang::En, &query), total)
    }

    #[test]
    fn pages_lead_to_their_neighbours_and_keep_the_search() {
        let middle = links(1, 101);
        assert_eq!(middle.here.as_deref(), Some("Page 2 of 3"));
        assert_eq!(
            middle.previous.as_deref(),
            Some("?q=%D3%A9%D0%B7&page=1&lang=en")
        );
        assert_eq!(
            middle.next.as_deref(),
            Some("?q=%D3%A9%D0%B7&page=3&lang=en")
        );
        let only = links(0, 50);
        assert!(only.here.is_none() && only.previous.is_none() && only.next.is_none());
        let beyond = links(900, 101);
        assert_eq!(
            beyond.previous.as_deref(),
            Some("?q=%D3%A9%D0%B7&page=3&lang=en")
        );
        assert!(beyond.next.is_none() && beyond.here.is_none());
    }
}

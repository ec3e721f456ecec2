//! What most tests begin with: a portal with one organisation and one place, and a terminal there.

use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::kiosk::Kiosk;
use crate::portal::{Portal, User};
use crate::provision;
use crate::xvfb::Display;

/// Code of the organisation that every scene has.
pub const ORGANIZATION: &str = "OSH-1";

/// The technician of every scene.
pub const TECHNICIAN: User<'static> = User {
    login: "technician",
    name: "Technician",
    role: "technician",
    password: "correct horse battery staple",
};

/// The scene; its directory and programs go with it.
pub struct Scene {
    /// The portal, running.
    pub portal: Portal,
    /// Code of the one place.
    pub place: String,
    dir: TempDir,
}

impl Scene {
    /// Starts a portal and sets up organisation, place and technician.
    pub fn new() -> Result<Self> {
        Self::speaking(&["ky", "ru", "en"])
    }

    /// The same, where the place offers these languages, the first one by itself.
    pub fn speaking(languages: &[&str]) -> Result<Self> {
        let dir = tempfile::tempdir().context("no temporary directory")?;
        let portal = Portal::start(&dir.path().join("portal"))?;
        let csv = dir.path().join("organizations.csv");
        std::fs::write(
            &csv,
            format!(
                "code,parent,name_ky,name_ru,name_en\n{ORGANIZATION},,Ош калаа кызматы,Служба города Ош,Osh city service\n"
            ),
        )?;
        portal.import_organizations(&csv)?;
        let place = portal.add_place(
            ORGANIZATION,
            "Hall 1",
            &["--languages", &languages.join(",")],
        )?;
        portal.add_user(TECHNICIAN)?;
        Ok(Self { portal, place, dir })
    }

    /// A directory for whatever else the test needs.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A display of 800×480.
    pub fn display(&self) -> Result<Display> {
        Display::start(self.dir(), 800, 480)
    }

    /// A terminal that speaks to the portal directly, enrolled with a token, not started.
    pub fn terminal(&self) -> Result<Kiosk> {
        self.terminal_through(&self.portal.url())
    }

    /// A further terminal, at a place and in a directory of its own, both with this name; enrolled,
    /// not started.
    pub fn terminal_at(&self, name: &str) -> Result<Kiosk> {
        let directory = self.dir().join(name);
        std::fs::create_dir_all(&directory)?;
        let languages = ["--languages", "ky,ru", "--default-language", "ky"];
        let place = self.portal.add_place(ORGANIZATION, name, &languages)?;
        let kiosk = Kiosk::new(&directory, &self.portal.url())?;
        let token = self.portal.create_token(&place)?;
        provision::enroll(&self.portal.url(), &token, kiosk.data_dir(), kiosk.config())?;
        Ok(kiosk)
    }

    /// A terminal that knows the portal under another address (a proxy's), enrolled, not started.
    pub fn terminal_through(&self, address: &str) -> Result<Kiosk> {
        let kiosk = Kiosk::new(self.dir(), address)?;
        let token = self.portal.create_token(&self.place)?;
        provision::enroll(address, &token, kiosk.data_dir(), kiosk.config())?;
        Ok(kiosk)
    }
}

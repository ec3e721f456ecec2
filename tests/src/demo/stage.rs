//! What both ways of the demonstration begin with.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use pikir_contract::format_user_code;
use tempfile::TempDir;

use super::done;
use crate::kiosk::Kiosk;
use crate::portal::{Portal, User};
use crate::provision;

/// An organisation of `assets/demo/organizations.csv` and the place its visitors stand at.
pub struct Sample {
    /// The organisation's code.
    pub organization: &'static str,
    place: &'static str,
    /// Arguments of `place add`: the question by language, the languages and the first of them.
    settings: [&'static str; 10],
}

/// A public service centre in Bishkek, where the terminal stands.
pub const CENTRE: Sample = Sample {
    organization: "KG-ALA-ARCHA",
    place: "Зал 2, окно 4",
    settings: [
        "--question",
        "ky=Сизди кандай тейлешти?",
        "--question",
        "ru=Как вы оцениваете обслуживание?",
        "--question",
        "en=How would you rate the service?",
        "--languages",
        "ky,ru,en",
        "--default-language",
        "ky",
    ],
};

/// A state lyceum in Belarus, where a printed code hangs.
pub const LYCEUM: Sample = Sample {
    organization: "BY-LYCEUM-14",
    place: "Вестыбюль",
    settings: [
        "--question",
        "be=Як вас тут прынялі?",
        "--question",
        "ru=Как вас здесь приняли?",
        "--question",
        "en=How were you received here?",
        "--languages",
        "be,ru,en",
        "--default-language",
        "be",
    ],
};

/// Login of the administrator of the demonstration.
pub const LOGIN: &str = "demo";

/// The portal and its first terminal, enrolled but not started.
pub struct Stage {
    // Before the portal, so that the terminal ends first.
    pub kiosk: Kiosk,
    pub portal: Portal,
    pub centre_place: String,
    pub lyceum_place: String,
    /// Of [`LOGIN`], new each time.
    pub password: String,
    dir: TempDir,
}

impl Stage {
    /// Sets everything up, telling each step.
    pub fn set_up() -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("pikir-demo-")
            .tempdir()
            .context("no temporary directory")?;
        let portal = Portal::start(&dir.path().join("portal"))?;
        done(&format!("the portal listens on {}", portal.url()));

        portal.import_organizations(&sample("organizations.csv"))?;
        portal.import_organizations(&sample("questionnaires.json"))?;
        let add =
            |sample: &Sample| portal.add_place(sample.organization, sample.place, &sample.settings);
        let (centre_place, lyceum_place) = (add(&CENTRE)?, add(&LYCEUM)?);
        done("two sample organisations: a public service centre in Bishkek, a lyceum in Belarus");

        let password = password()?;
        portal.add_user(User {
            login: LOGIN,
            name: "Demonstration",
            role: "admin",
            password: &password,
        })?;
        let kiosk = Kiosk::new(dir.path(), &portal.url())?;
        let token = portal.create_token(&centre_place)?;
        provision::enroll(&portal.url(), &token, kiosk.data_dir(), kiosk.config())?;
        done("pikir-provision has enrolled a terminal with a one-time token");
        Ok(Self {
            kiosk,
            portal,
            centre_place,
            lyceum_place,
            password,
            dir,
        })
    }

    /// The directory of this run, gone afterwards.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

/// Eight letters and digits that are easy to type, behind a word that makes it long enough.
fn password() -> Result<String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).context("the system gives no random numbers")?;
    Ok(format!("demo-{}", format_user_code(&random)))
}

fn sample(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../assets/demo")
        .join(file)
}

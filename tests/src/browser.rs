//! A phone: the real Chromium, headless, with a phone's window, driven through chromedriver.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::Element;
pub use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use crate::process::{self, Running};
use crate::{axe, http, wait};

/// Width and height of the phone's window in CSS pixels.
pub const PHONE: (u32, u32) = (390, 844);

/// Elements of a page that take the focus, at most.
const MOST_TABS: usize = 120;

/// Chromium's switches: headless, no graphics card, and no traffic of its own.
const SWITCHES: [&str; 8] = [
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// The typefaces of the machine that pages may use, and nothing else of what happens to be
/// installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fonts {
    /// DejaVu alone: all that a bare machine has, and wide.
    DejaVu,
    /// Noto alone, as phones have it.
    Noto,
}

impl Fonts {
    /// Where Debian keeps them, and in which package.
    pub fn folder(self) -> (&'static str, &'static str) {
        match self {
            Self::DejaVu => ("/usr/share/fonts/truetype/dejavu", "fonts-dejavu-core"),
            Self::Noto => ("/usr/share/fonts/truetype/noto", "fonts-noto-core"),
        }
    }

    /// Writes what makes fontconfig see these alone.
    fn configure(self, dir: &Path) -> Result<PathBuf> {
        let path = dir.join("fonts.conf");
        let (folder, package) = self.folder();
        ensure!(
            Path::new(folder).is_dir(),
            "{folder} is missing: install Debian's package {package}"
        );
        std::fs::write(
            &path,
            format!(
                "<?xml version=\"1.0\"?><!DOCTYPE fontconfig SYSTEM \"fonts.dtd\"><fontconfig><dir>{folder}</dir><cachedir>{}</cachedir></fontconfig>",
                dir.join("fontconfig").display()
            ),
        )?;
        Ok(path)
    }
}

/// Whether pages may run scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JavaScript {
    /// As browsers come.
    On,
    /// As the most careful visitors have it.
    Off,
}

/// One browser with one window. Its calls block.
pub struct Browser {
    // Dropped in this order: the session needs the runtime, the driver outlives both.
    client: Client,
    runtime: Runtime,
    _driver: Running,
}

impl Browser {
    /// Starts chromedriver and a Chromium that prefers `language` (an `Accept-Language` value);
    /// their profile and log go into `dir`.
    pub fn start(dir: &Path, language: &str, javascript: JavaScript) -> Result<Self> {
        Self::start_sized(dir, language, javascript, PHONE)
    }

    /// The same with a window of another size (width and height in CSS pixels).
    pub fn start_sized(
        dir: &Path,
        language: &str,
        javascript: JavaScript,
        size: (u32, u32),
    ) -> Result<Self> {
        Self::start_with(dir, language, javascript, size, Fonts::DejaVu)
    }

    /// The same on a machine with other typefaces.
    pub fn start_with(
        dir: &Path,
        language: &str,
        javascript: JavaScript,
        size: (u32, u32),
        fonts: Fonts,
    ) -> Result<Self> {
        let mut command = process::command("chromedriver");
        command
            .arg("--port=0")
            .env("FONTCONFIG_FILE", fonts.configure(dir)?);
        let mut driver = Running::start(&command, &dir.join("chromedriver.log"))
            .context("the phone needs Debian's packages chromium and chromium-driver: run `cargo xtask test`")?;
        let port: u16 = driver.wait_for_line("its port", |line| {
            line.strip_prefix("ChromeDriver was started successfully on port ")?
                .trim_end_matches('.')
                .parse()
                .ok()
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let address = format!("http://127.0.0.1:{port}");
        let profile = dir.join("chromium");
        let capabilities = capabilities(&guarded(dir)?, &profile, language, javascript, size);
        let client = runtime
            .block_on(
                ClientBuilder::new(HttpConnector::new())
                    .capabilities(capabilities)
                    .connect(&address),
            )
            .context("chromedriver opens no window")?;
        Ok(Self {
            client,
            runtime,
            _driver: driver,
        })
    }

    /// Opens an address.
    pub fn open(&self, url: &str) -> Result<()> {
        self.runtime
            .block_on(self.client.goto(url))
            .with_context(|| format!("the phone cannot open {url}"))
    }

    /// Goes back to the page before.
    pub fn back(&self) -> Result<()> {
        Ok(self.runtime.block_on(self.client.back())?)
    }

    /// Waits until the page has the typefaces it asked for; how many those are.
    pub fn wait_for_fonts(&self) -> Result<u64> {
        let script = "const done = arguments[arguments.length - 1];
             document.fonts.ready.then(all => done([...all].filter(font => font.status === 'loaded').length));";
        let loaded = self
            .runtime
            .block_on(self.client.execute_async(script, Vec::new()))?;
        loaded.as_u64().context("no number of typefaces")
    }

    /// The page that is open as it came over the network, fetched once more with the browser's
    /// cookies.
    pub fn fetched(&self) -> Result<String> {
        let cookies = self.runtime.block_on(self.client.get_all_cookies())?;
        let cookies: Vec<String> = cookies
            .iter()
            .map(|cookie| format!("{}={}", cookie.name(), cookie.value()))
            .collect();
        Ok(http::get_with_cookies(&self.address()?, &cookies.join("; "))?.text)
    }

    /// The address of the page that is open.
    pub fn address(&self) -> Result<String> {
        Ok(self.runtime.block_on(self.client.current_url())?.into())
    }

    /// Waits until the visible text of the page contains `expected`.
    pub fn wait_for_text(&self, expected: &str) -> Result<()> {
        wait::until(&format!("{expected:?} on the phone"), || {
            let text = self.text()?;
            ensure!(text.contains(expected), "it says {text}");
            Ok(Some(()))
        })
    }

    /// Waits until `css` selects something.
    pub fn wait_for(&self, css: &str) -> Result<()> {
        wait::until(&format!("`{css}` on the phone"), || {
            Ok((self.count(css)? > 0).then_some(()))
        })
    }

    /// The visible text of the page.
    pub fn text(&self) -> Result<String> {
        let body = self.find("body")?;
        Ok(self.runtime.block_on(body.text())?)
    }

    /// The page as HTML.
    pub fn source(&self) -> Result<String> {
        Ok(self.runtime.block_on(self.client.source())?)
    }

    /// An attribute of the one element that `css` selects.
    pub fn attribute(&self, css: &str, name: &str) -> Result<Option<String>> {
        let element = self.find(css)?;
        Ok(self.runtime.block_on(element.attr(name))?)
    }

    /// Taps the first element that `css` selects. Needs JavaScript.
    pub fn tap(&self, css: &str) -> Result<()> {
        let element = self.find(css)?;
        self.runtime
            .block_on(element.click())
            .with_context(|| format!("`{css}` cannot be tapped"))
    }

    /// Chooses the first element that `css` selects by keyboard, with Space: a button of a group.
    ///
    /// The way to go without JavaScript, where chromedriver cannot tap.
    pub fn press_space(&self, css: &str) -> Result<()> {
        self.type_into(css, " ")
    }

    /// Presses Return on the first element that `css` selects: a button.
    pub fn press_return(&self, css: &str) -> Result<()> {
        self.type_into(css, "\u{e007}")
    }

    /// Types `text` into the first element that `css` selects.
    pub fn type_into(&self, css: &str, text: &str) -> Result<()> {
        let element = self.find(css)?;
        self.runtime
            .block_on(element.send_keys(text))
            .with_context(|| format!("nothing can be typed into `{css}`"))
    }

    /// Presses and releases a key, wherever the focus is.
    pub fn key(&self, key: Key) -> Result<()> {
        let value = char::from(key);
        let press = KeyActions::new("keyboard".to_owned())
            .then(KeyAction::Down { value })
            .then(KeyAction::Up { value });
        self.runtime
            .block_on(self.client.perform_actions(press))
            .with_context(|| format!("{key:?} cannot be pressed"))
    }

    /// Types `text`, wherever the focus is.
    pub fn keys(&self, text: &str) -> Result<()> {
        let begun = KeyActions::new("keyboard".to_owned());
        let typed = text.chars().fold(begun, |keys, value| {
            keys.then(KeyAction::Down { value })
                .then(KeyAction::Up { value })
        });
        self.runtime
            .block_on(self.client.perform_actions(typed))
            .context("nothing can be typed")
    }

    /// Presses Tab until the focus is on an element whose attribute has this value.
    pub fn tab_to(&self, attribute: &str, value: &str) -> Result<()> {
        for _ in 0..MOST_TABS {
            self.key(Key::Tab)?;
            let focused = self.runtime.block_on(self.client.active_element())?;
            let found = self.runtime.block_on(focused.attr(attribute))?;
            if found.as_deref() == Some(value) {
                return Ok(());
            }
        }
        bail!("{MOST_TABS} times Tab does not lead to {attribute}={value}")
    }

    /// What axe-core finds on the page: for each rule that is broken, its name and where.
    pub fn audit(&self) -> Result<Vec<String>> {
        let script = format!(
            "{}; const done = arguments[arguments.length - 1];
             axe.run(document, {{resultTypes: ['violations']}}).then(
                 found => done(found.violations.flatMap(rule => rule.nodes.map(
                     node => rule.id + ': ' + node.target + ': ' + node.failureSummary))),
                 error => done([String(error)]));",
            axe::script()?
        );
        let found = self
            .runtime
            .block_on(self.client.execute_async(&script, Vec::new()))
            .context("axe-core cannot be run")?;
        let found = found.as_array().context("axe-core gave no list")?;
        Ok(found
            .iter()
            .map(|text| text.as_str().unwrap_or_default().to_owned())
            .collect())
    }

    /// Chooses the option with this `value` in the list that `css` selects.
    pub fn choose(&self, css: &str, value: &str) -> Result<()> {
        let element = self.find(css)?;
        self.runtime
            .block_on(element.select_by_value(value))
            .with_context(|| format!("`{css}` has no choice {value}"))
    }

    /// How many elements `css` selects.
    pub fn count(&self, css: &str) -> Result<usize> {
        Ok(self
            .runtime
            .block_on(self.client.find_all(Locator::Css(css)))?
            .len())
    }

    /// What the script returns in the page.
    pub fn evaluate(&self, script: &str) -> Result<Value> {
        Ok(self
            .runtime
            .block_on(self.client.execute(script, Vec::new()))?)
    }

    /// A picture of what the phone shows, as PNG.
    pub fn picture(&self) -> Result<Vec<u8>> {
        Ok(self.runtime.block_on(self.client.screenshot())?)
    }

    fn find(&self, css: &str) -> Result<Element> {
        let found = self.runtime.block_on(self.client.find(Locator::Css(css)));
        found.with_context(|| {
            format!(
                "the page has no `{css}`: {}",
                self.source().unwrap_or_default()
            )
        })
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends Chromium, which chromedriver keeps in a process group of its own.
        let _ = self.runtime.block_on(self.client.clone().close());
    }
}

/// A program that becomes Chromium and dies with chromedriver, however that ends.
fn guarded(dir: &Path) -> Result<PathBuf> {
    let path = dir.join("chromium.sh");
    std::fs::write(
        &path,
        "#!/bin/sh\nexec setpriv --pdeathsig KILL -- chromium \"$@\"\n",
    )?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700))?;
    Ok(path)
}

fn capabilities(
    binary: &Path,
    profile: &Path,
    language: &str,
    javascript: JavaScript,
    (width, height): (u32, u32),
) -> Map<String, Value> {
    let mut switches: Vec<String> = SWITCHES.iter().map(|switch| (*switch).to_owned()).collect();
    switches.push(format!("--user-data-dir={}", profile.display()));
    if rustix::process::getuid().is_root() {
        // Chromium refuses to run its sandbox as root; CI and containers are root.
        switches.push("--no-sandbox".to_owned());
    }
    let scripts = match javascript {
        JavaScript::On => 1,
        JavaScript::Off => 2,
    };
    let options = json!({
        "binary": binary,
        "args": switches,
        "mobileEmulation": {"deviceMetrics": {"width": width, "height": height, "pixelRatio": 2.0, "touch": true, "mobile": true}},
        "prefs": {
            "intl.accept_languages": language,
            "profile.managed_default_content_settings.javascript": scripts,
        },
    });
    let mut capabilities = Map::new();
    capabilities.insert("browserName".to_owned(), json!("chrome"));
    capabilities.insert("goog:chromeOptions".to_owned(), options);
    capabilities
}

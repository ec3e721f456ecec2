//! A stand-in for the speech program: it writes down what it is to say, in which voice, and then
//! "speaks" until it is killed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::wait;

/// How often it is looked whether something new was said: a visit is a few hundred keys.
const PERIOD: Duration = Duration::from_millis(5);

/// What listens.
pub struct Listener {
    log: PathBuf,
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Id of the process that said it.
    pub process: String,
    /// Its arguments, with a space between them.
    pub arguments: String,
    /// The words.
    pub text: String,
}

impl Heard {
    /// The voice that was asked for by name.
    pub fn voice(&self) -> &str {
        let mut words = self.arguments.split(' ');
        words.find(|word| *word == "-v");
        words.next().unwrap_or_default()
    }
}

impl Listener {
    /// Takes the place of the speech program in the settings `config`; `output` is `headphones` or
    /// `loudspeaker`. Its own files go into `dir`.
    pub fn new(dir: &Path, config: &Path, output: &str) -> Result<Self> {
        let (program, log) = (dir.join("listener"), dir.join("heard"));
        let script = format!(
            "#!/bin/sh\ntext=$(cat)\nprintf '%s|%s|%s\\n' $$ \"$*\" \"$text\" >> {}\nexec sleep 600\n",
            log.display()
        );
        std::fs::write(&log, "")?;
        std::fs::write(&program, script)?;
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
        let mut settings = std::fs::read_to_string(config)?;
        settings.push_str(&format!(
            "\n[speech]\nprogram = \"{}\"\ndevice = \"plughw:9,0\"\noutput = \"{output}\"\n",
            program.display()
        ));
        std::fs::write(config, settings)?;
        Ok(Self { log })
    }

    /// Everything that was said so far.
    pub fn heard(&self) -> Result<Vec<Heard>> {
        let text = std::fs::read_to_string(&self.log)?;
        let whole = text.split_inclusive('\n');
        whole
            .filter_map(|line| line.strip_suffix('\n'))
            .map(|line| {
                let mut parts = line.splitn(3, '|').map(str::to_owned);
                let mut part = || parts.next().context("a line has three parts");
                Ok(Heard {
                    process: part()?,
                    arguments: part()?,
                    text: part()?,
                })
            })
            .collect()
    }

    /// What was said in the `n`-th place, from 0, as soon as it is.
    pub fn hears(&self, n: usize) -> Result<Heard> {
        wait::until_every(PERIOD, "the terminal to speak", || {
            Ok(self.heard()?.into_iter().nth(n))
        })
    }
}

//! `pikir-provision enroll`: gives this terminal its identity.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use pikir_contract::{EnrolmentPending, EnrolmentResult, TerminalConfig};
use pikir_kiosk::config::identity::Identity;
use pikir_kiosk::config::settings::Settings;
use pikir_kiosk::control;
use pikir_kiosk::platform::clock::{SharedClock, SystemClock};
use pikir_kiosk::platform::entropy::SystemEntropy;
use pikir_kiosk::platform::files;
use pikir_kiosk::platform::files::{DEFAULT_SETTINGS, DataDir};
use pikir_kiosk::portal::{Failure, PortalAddress};
use pikir_kiosk::sync::enrolment::{Asked, Enrolment, Polled, Polling};

use crate::{EnrollArgs, ToolError, owner};

/// Runs the command.
pub fn run(args: &EnrollArgs) -> Result<(), ToolError> {
    let settings_path = args
        .config
        .clone()
        .unwrap_or_else(|| DEFAULT_SETTINGS.into());
    let settings = load_settings(&settings_path, args)?;
    let portal = args
        .portal
        .clone()
        .or_else(|| settings.portal.clone())
        .ok_or_else(|| {
            ToolError::Use(format!(
                "which portal? Give its address: --portal https://…, or write it into {}",
                settings_path.display()
            ))
        })?;
    let address = PortalAddress::new(&portal, settings.ca_file.as_deref())
        .map_err(|error| ToolError::Use(format!("{error:#}")))?;
    let data = data_dir(args.data_dir.as_deref())?;
    write_settings(&settings_path, &settings, &portal, args)?;
    owner::become_owner_of(data.root())?;
    // Only from here on: the runtime starts threads, and they all are the owner's.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the network cannot be used")?;
    runtime.block_on(enrol(args, &data, address))
}

async fn enrol(args: &EnrollArgs, data: &DataDir, address: PortalAddress) -> Result<(), ToolError> {
    refuse_while_in_service(data).await?;
    let clock: SharedClock = Arc::new(SystemClock::new());
    let say = Say { json: args.json };
    let host = address.host();
    let enrolment = Enrolment::prepare(data, address, clock, &SystemEntropy, args.token.clone())?;
    let result = match enrolment
        .ask()
        .await
        .map_err(|failure| explain(failure, &host))?
    {
        Asked::Enrolled(result) => result,
        Asked::Pending(pending) => approved(&enrolment, &pending, &say, &host).await?,
    };
    let place = result.clone();
    let identity = enrolment.complete(result)?;
    say.enrolled(&identity, &place);
    Ok(())
}

/// Waits for the technician's approval, as long as the code is good.
async fn approved(
    enrolment: &Enrolment,
    pending: &EnrolmentPending,
    say: &Say,
    host: &str,
) -> Result<EnrolmentResult, ToolError> {
    say.waiting(pending);
    let mut polling = Polling::of(pending);
    let expired =
        || anyhow!("the code has expired without an approval. Run the command again for a new one");
    loop {
        tokio::time::sleep(polling.next_wait().ok_or_else(expired)?).await;
        match enrolment.poll(&pending.device_code).await {
            Ok(Polled::Enrolled(result)) => return Ok(result),
            Ok(Polled::NotYet { slower: true }) => polling.slow_down(),
            Ok(Polled::NotYet { slower: false }) => {}
            Ok(Polled::Denied) => {
                return Err(anyhow!("the terminal was refused at the portal").into());
            }
            Ok(Polled::Expired) => return Err(expired().into()),
            // A network that comes and goes is no reason to give the code up.
            Err(failure @ (Failure::Unreachable(_) | Failure::Busy { .. } | Failure::Error(_))) => {
                polling.failed(&failure);
            }
            Err(failure) => return Err(explain(failure, host)),
        }
    }
}

/// The journal of a running terminal must not be replaced under it.
async fn refuse_while_in_service(data: &DataDir) -> Result<(), ToolError> {
    match control::ask_status(data.control()).await {
        Ok(status) if status.terminal.is_some() => Err(anyhow!(
            "this terminal is enrolled and running. To enrol it again, stop it first: systemctl stop pikir-kiosk"
        )
        .into()),
        // Not running, or showing its set-up screen, which goes on by itself once this is done.
        _ => Ok(()),
    }
}

fn explain(failure: Failure, host: &str) -> ToolError {
    let remedy = match &failure {
        Failure::Unreachable(_) => {
            "Check the cable or Wi-Fi, the address, and that the portal runs"
        }
        Failure::NotThePortal(_) => "Check the address; a Wi-Fi log-in page may be in between",
        Failure::Refused { status: 403, .. } => {
            "Make a new token: pikir-portal token create --place CODE"
        }
        Failure::Retired => "Ask the portal's administrator to take it back into service",
        Failure::Refused { status: 404, .. } => "Check the address: there is no Pikir portal at it",
        Failure::Busy { .. } | Failure::Error(_) => "Try again in a few minutes",
        _ => "Nothing was changed",
    };
    ToolError::Failed(anyhow!("{host}: {failure}. {remedy}"))
}

fn load_settings(path: &Path, args: &EnrollArgs) -> Result<Settings, ToolError> {
    // With --portal the file may be missing: it is written then.
    let must_exist = args.config.is_some() && args.portal.is_none();
    Settings::load(path, must_exist).map_err(|error| ToolError::Use(error.to_string()))
}

/// Writes a settings file where there is none. One that is there is the technician's and stays as
/// it is.
fn write_settings(
    path: &Path,
    settings: &Settings,
    portal: &str,
    args: &EnrollArgs,
) -> Result<(), ToolError> {
    if files::exists(path) {
        if settings
            .portal
            .as_deref()
            .is_some_and(|known| known.trim_end_matches('/') != portal.trim_end_matches('/'))
        {
            return Err(ToolError::Use(format!(
                "{} names another portal ({}). Change it there, or leave --portal out",
                path.display(),
                settings.portal.as_deref().unwrap_or_default()
            )));
        }
        return Ok(());
    }
    // Without --config, a moved data directory is a trial run: it leaves the machine's own settings
    // alone.
    if args.config.is_none() && args.data_dir.is_some() {
        return Ok(());
    }
    if let Some(directory) = path.parent() {
        files::make_dir(directory)
            .with_context(|| format!("{} cannot be made", directory.display()))?;
    }
    files::replace(path, Settings::fresh(portal).as_bytes(), 0o644)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(())
}

fn data_dir(moved: Option<&Path>) -> Result<DataDir, ToolError> {
    let data = DataDir::new(moved);
    // A bare name lies in the current directory, which is there.
    let has_parent = data
        .root()
        .parent()
        .is_some_and(|parent| parent.as_os_str().is_empty() || files::exists(parent));
    if moved.is_some() && !files::exists(data.root()) && has_parent {
        files::make_private_dir(data.root())
            .with_context(|| format!("{} cannot be made", data.root().display()))?;
    }
    data.check().map_err(ToolError::Use)?;
    Ok(data)
}

/// What the technician reads, or the script.
struct Say {
    json: bool,
}

impl Say {
    fn waiting(&self, pending: &EnrolmentPending) {
        if self.json {
            println!(
                "{}",
                serde_json::json!({
                    "step": "waiting", "user_code": pending.user_code, "verification_uri": pending.verification_uri,
                    "verification_uri_complete": pending.verification_uri_complete, "expires_in": pending.expires_in,
                })
            );
            return;
        }
        println!("To enrol this terminal, scan the code or open");
        println!("    {}", pending.verification_uri);
        println!("and enter   {}\n", pending.user_code);
        if let Some(code) = terminal_qr(&pending.verification_uri_complete) {
            println!("{code}");
        }
        println!(
            "Waiting for your approval (the code is good for {} minutes) …",
            pending.expires_in / 60
        );
    }

    fn enrolled(&self, identity: &Identity, result: &EnrolmentResult) {
        let terminal = identity
            .terminal
            .map(|id| id.to_string())
            .unwrap_or_default();
        let config = TerminalConfig::from_value(&result.config).ok();
        let place = config.as_ref().map(|config| config.place.code.to_string());
        if self.json {
            println!(
                "{}",
                serde_json::json!({"step": "enrolled", "terminal": terminal, "place": place})
            );
            return;
        }
        println!("Enrolled. Terminal {terminal}");
        match config {
            Some(config) => {
                let organization = config
                    .text(&config.organization.name, &config.default_language)
                    .unwrap_or_default();
                println!("  {organization}");
                println!("  {} ({})", config.place.name, config.place.code);
            }
            None => println!(
                "  The portal's configuration cannot be used yet; the terminal asks for it again."
            ),
        }
        println!(
            "A running terminal goes on by itself; otherwise start it: systemctl start pikir-kiosk"
        );
    }
}

/// The code as text for a terminal, two modules to a character, light on dark or dark on light
/// alike.
fn terminal_qr(text: &str) -> Option<String> {
    let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::M).ok()?;
    Some(
        code.render::<qrcode::render::unicode::Dense1x2>()
            .quiet_zone(true)
            .build(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_data_directory_is_made_only_below_one_that_exists() {
        let dir = tempfile::tempdir().unwrap();
        assert!(data_dir(Some(&dir.path().join("terminal"))).is_ok());
        match data_dir(Some(&dir.path().join("no/terminal"))) {
            Err(ToolError::Use(message)) => {
                assert!(message.contains("does not exist"), "{message}")
            }
            other => panic!("{:?}", other.err()),
        }
    }

    #[test]
    fn a_terminal_code_has_its_quiet_zone() {
        let code = terminal_qr("https://otzyv.example/activate?user_code=ABCD-EFGH").unwrap();
        let lines: Vec<_> = code.lines().collect();
        assert!(lines.len() > 14);
        let blank = lines[0].chars().next().unwrap();
        assert!(lines[0].chars().all(|module| module == blank));
    }
}

//! `pikir-portal token`: one-time tokens for enrolling terminals in bulk.

use clap::Subcommand;
use jiff::SignedDuration;
use pikir_contract::{PlaceCode, Time};
use serde_json::json;

use super::{CliError, Common, note};
use crate::platform::clock::Clock;
use crate::platform::entropy::{Entropy, secret_hash};

/// `pikir-portal token`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a token that enrols one terminal, once
    Create {
        /// Place the terminal will stand at (its code)
        #[arg(long, value_name = "CODE")]
        place: PlaceCode,
        /// Days until the token expires
        #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3650))]
        expires_days: u16,
    },
}

/// Runs `pikir-portal token`.
pub async fn run(command: Command, common: &Common) -> Result<(), CliError> {
    let Command::Create {
        place,
        expires_days,
    } = command;
    let now = Clock::system().now();
    let lifetime = SignedDuration::from_hours(24 * i64::from(expires_days));
    let expires = Time::from_timestamp(now.timestamp() + lifetime).map_err(CliError::failed)?;
    let token = Entropy::system().token();
    let storage = common.storage()?;
    if !storage
        .add_token(
            secret_hash(&token),
            &place,
            now.unix_ms(),
            expires.unix_ms(),
        )
        .await?
    {
        return Err(CliError::failed(format_args!(
            "there is no place {place}; `pikir-portal place list` shows those there are"
        )));
    }
    common.answer(
        &json!({"token": token, "place": place, "expires": expires}),
        &token,
    )?;
    if !common.json {
        note(format_args!(
            "For one terminal at {place}, until {expires}. It is shown only now: the portal keeps its hash."
        ));
    }
    Ok(())
}

//! `pikir-portal user`: who may sign in.

use std::io::{IsTerminal, Read};

use clap::Subcommand;
use serde_json::json;

use super::{CliError, Common};
use crate::domain::text;
use crate::platform::clock::Clock;
use crate::services::password;
use crate::storage::{Role, User};

/// Characters a login has at most.
const MAX_LOGIN_CHARS: usize = 64;
/// Characters a name has at most.
const MAX_NAME_CHARS: usize = 200;

/// `pikir-portal user`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add somebody who may sign in; asks for the password unless --password-stdin is given
    Add {
        /// What the person types to sign in: letters, digits, `.`, `-`, `_`, `@`; capitals do not
        /// matter
        #[arg(long, value_name = "NAME", value_parser = parse_login)]
        login: String,
        /// The person's name
        #[arg(long, value_name = "TEXT", value_parser = parse_name)]
        name: String,
        /// What the person may do: technician (sets up terminals), moderator (reads comments),
        /// admin (everything)
        #[arg(long, value_name = "ROLE", value_parser = parse_role)]
        role: Role,
        /// Read the password from standard input, up to the first line end
        #[arg(long)]
        password_stdin: bool,
    },
}

/// Runs `pikir-portal user`.
pub async fn run(command: Command, common: &Common) -> Result<(), CliError> {
    let Command::Add {
        login,
        name,
        role,
        password_stdin,
    } = command;
    let storage = common.storage()?;
    let taken = || {
        CliError::failed(format_args!(
            "the login {login} is taken: choose another one, nothing was changed"
        ))
    };
    // Asked first, so that nobody types a password for nothing.
    if storage.user(&login).await?.is_some() {
        return Err(taken());
    }
    let password = if password_stdin {
        read_password()?
    } else {
        ask_password()?
    };
    let password_hash = password::hash(&password).map_err(CliError::usage)?;
    let user = User {
        login: login.clone(),
        name: name.clone(),
        role,
        password_hash,
    };
    if !storage.add_user(user, Clock::system().now()).await? {
        return Err(taken());
    }
    common.answer(
        &json!({"login": login, "name": name, "role": role.as_str()}),
        format_args!(
            "Added {name} ({login}) as {role}. Sign in at /sign-in of the portal's address."
        ),
    )
}

fn parse_login(text: &str) -> Result<String, String> {
    let login = text.trim().to_lowercase();
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    if login.is_empty() || login.chars().count() > MAX_LOGIN_CHARS || !login.chars().all(allowed) {
        return Err(format!(
            "use 1 to {MAX_LOGIN_CHARS} letters, digits, or any of . - _ @"
        ));
    }
    Ok(login)
}

fn parse_name(given: &str) -> Result<String, String> {
    let name = text::line(given);
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS {
        return Err(format!("use 1 to {MAX_NAME_CHARS} characters"));
    }
    Ok(name)
}

fn parse_role(text: &str) -> Result<Role, String> {
    text.parse()
}

fn read_password() -> Result<String, CliError> {
    let mut bytes = Vec::new();
    let limit = password::MAX_BYTES as u64 + 2;
    std::io::stdin()
        .lock()
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(CliError::failed)?;
    let text =
        String::from_utf8(bytes).map_err(|_| CliError::usage("the password is not UTF-8 text"))?;
    let line = text.split('\n').next().unwrap_or_default();
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

fn ask_password() -> Result<String, CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::usage(
            "there is no keyboard to ask for a password: use --password-stdin",
        ));
    }
    let ask = |prompt: String| rpassword::prompt_password(prompt).map_err(CliError::failed);
    let password = ask(format!(
        "Password (at least {} characters): ",
        password::MIN_CHARS
    ))?;
    if ask("The same again: ".to_owned())? != password {
        return Err(CliError::usage(
            "the two passwords differ: nothing was changed, try again",
        ));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_lower_case_and_hold_no_spaces() {
        assert_eq!(parse_login(" A.Asanova "), Ok("a.asanova".to_owned()));
        assert!(parse_login("a b").is_err());
        assert!(parse_login("").is_err());
    }

    #[test]
    fn an_unknown_role_is_refused_with_those_there_are() {
        assert!(
            parse_role("boss").is_err_and(|why| why.contains("technician, moderator or admin"))
        );
    }
}

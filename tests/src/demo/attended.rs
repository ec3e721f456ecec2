//! For a person: the terminal's window, the addresses, and each rating as it arrives.

use anyhow::Result;

use super::done;
use super::remote::RemoteDisplay;
use super::stage::{CENTRE, LOGIN, LYCEUM, Stage};
use crate::{portal, wait};

/// Sets up, tells where to look, and stays until Ctrl-C or until the window is closed.
pub fn run() -> Result<()> {
    println!("\nPikir, a demonstration on this machine alone\n");
    let mut stage = Stage::set_up()?;
    let remote = if has_display() {
        stage.kiosk.start_here()?;
        None
    } else {
        println!(
            "    There is no display here (DISPLAY is not set): the terminal gets a virtual one."
        );
        let remote = RemoteDisplay::start(stage.dir())?;
        stage.kiosk.start(&remote.display)?;
        Some(remote)
    };
    stage.kiosk.wait_for_screen("rate")?;
    done("the terminal shows its faces and the code of its organisation");
    tell(&stage, remote.as_ref());
    watch(&mut stage)
}

fn has_display() -> bool {
    std::env::var_os("DISPLAY").is_some_and(|value| !value.is_empty())
}

/// Prints where to look.
fn tell(stage: &Stage, remote: Option<&RemoteDisplay>) {
    let url = stage.portal.url();
    match remote {
        Some(remote) => println!("\n  The terminal, to watch and tap   {}", remote.address()),
        None => println!(
            "\n  The terminal                     in its window: tap a face, or press 1 to 5"
        ),
    }
    println!("  The portal                       {url}/");
    println!(
        "    the centre in Bishkek          {url}/o/{}",
        CENTRE.organization
    );
    println!(
        "    the lyceum in Belarus          {url}/o/{}",
        LYCEUM.organization
    );
    println!(
        "  Staff                            {url}/sign-in   login {LOGIN}   password {}",
        stage.password
    );
    println!("  What a phone opens, scanning");
    println!(
        "    a poster of the centre         {url}/Q/{}",
        stage.centre_place
    );
    println!(
        "    a poster of the lyceum         {url}/Q/{}",
        stage.lyceum_place
    );
    println!(
        "    the terminal's screen          the same with a token that proves presence, new every 5 minutes"
    );
    println!(
        "  Files of this run                {}",
        stage.dir().display()
    );
    println!("\nRatings appear here as the portal counts them. Ctrl-C ends everything.\n");
}

/// Tells each change of the figures.
fn watch(stage: &mut Stage) -> Result<()> {
    let mut last = String::new();
    while wait::a_moment() {
        if !stage.kiosk.is_running()? {
            println!("The terminal's window was closed.");
            break;
        }
        let line = [&CENTRE, &LYCEUM]
            .map(|sample| figures(stage, sample.organization))
            .join("     ");
        if line != last {
            println!("  {line}");
            last = line;
        }
    }
    println!("\nEverything that was started has been ended; its files are gone.");
    Ok(())
}

fn figures(stage: &Stage, organization: &str) -> String {
    let Ok(summary) = stage.portal.summary(organization) else {
        return format!("{organization}: the portal does not answer");
    };
    let counts = ["terminal", "phone", "poster", "link"].map(|channel| {
        let count = portal::counted(&summary, channel).unwrap_or_default();
        format!("{channel} {count}")
    });
    format!("{organization}: {}", counts.join(", "))
}

//! Rebuilds the portal when a migration or a translation is added: both are embedded by directory.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed=translations");
    println!("cargo:rerun-if-changed=templates");
}

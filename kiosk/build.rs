//! Compiles the screen's Slint files, with fonts, artwork and translations inside the program.

fn main() {
    if is_release() {
        // A twentieth of the room for what is relocated at every start (glibc from 2.36 on).
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    #[cfg(feature = "screen")]
    compile_screen();
}

/// Whether what is built is optimised for use: `release` and what inherits from it.
fn is_release() -> bool {
    std::env::var("PROFILE").is_ok_and(|profile| profile == "release")
}

#[cfg(feature = "screen")]
fn compile_screen() {
    let configuration = slint_build::CompilerConfiguration::new()
        .embed_resources(slint_build::EmbedResourcesKind::EmbedFiles)
        .with_bundled_translations("translations")
        // Tests find elements by it; in what is shipped it would be dead weight.
        .with_debug_info(!is_release());
    // A build script has nobody to hand an error to but Cargo, which shows the panic's text.
    if let Err(error) = slint_build::compile_with_config("ui/app.slint", configuration) {
        panic!("ui/app.slint: {error}");
    }
}

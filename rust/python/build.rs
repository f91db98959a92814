//! Tells the crate which Cargo profile builds it, so that nobody measures the wrong one.
//!
//! Cargo's own `PROFILE` knows only debug and release; the profile's name is the folder under
//! `target/` that holds `build/<package>/out`.

use std::path::PathBuf;

fn main() {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("Cargo sets OUT_DIR"));
    let profile = out
        .ancestors()
        .nth(3)
        .and_then(|folder| folder.file_name())
        .and_then(|name| name.to_str())
        .unwrap_or("debug");
    println!("cargo:rustc-env=XRPFAST_BUILD_PROFILE={profile}");
    println!("cargo:rerun-if-changed=build.rs");
}

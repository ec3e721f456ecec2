//! Fontconfig as a machine without it has it: the names that `fontique` is compiled against, and a
//! library that is not there.
//!
//! The terminal draws everything with the fonts inside its program. With fontconfig it would read
//! the system's dozens of rules and every font's index at each start, draw differently from machine
//! to machine, and end in a panic where the library is installed and no font is (fontique 0.11
//! unwraps fontconfig's "no match"). Slint leaves no choice at run time, so the crate that loads
//! the library is replaced by this one, which says that it cannot be loaded: fontique then knows no
//! system font.
//!
//! Types and names are those of fontconfig's C interface
//! (<https://www.freedesktop.org/software/fontconfig/fontconfig-devel/>). More fonts, for a script
//! the program's own do not hold, are named in `SLINT_FONT_PATH`.

#![allow(
    non_snake_case,
    non_upper_case_globals,
    missing_docs,
    reason = "the names are those of the C interface, which documents them"
)]

use core::ffi::{c_char, c_int, c_uchar, c_uint};

pub type FcChar8 = c_uchar;
pub type FcChar32 = c_uint;
pub type FcBool = c_int;
pub type FcResult = c_uint;
pub type FcMatchKind = c_uint;
pub type FcSetName = c_uint;

pub const FcResultMatch: FcResult = 0;
pub const FcResultNoMatch: FcResult = 1;
pub const FcResultTypeMismatch: FcResult = 2;
pub const FcResultNoId: FcResult = 3;
pub const FcResultOutOfMemory: FcResult = 4;
pub const FcMatchPattern: FcMatchKind = 0;
pub const FcSetSystem: FcSetName = 0;

/// Nobody ever has one.
pub enum FcCharSet {}
/// Nobody ever has one.
pub enum FcConfig {}
/// Nobody ever has one.
pub enum FcLangSet {}
/// Nobody ever has one.
pub enum FcPattern {}

#[repr(C)]
pub struct FcFontSet {
    pub nfont: c_int,
    pub sfont: c_int,
    pub fonts: *mut *mut FcPattern,
}

pub mod constants {
    use core::ffi::CStr;

    pub const FC_CHARSET: &CStr = c"charset";
    pub const FC_FAMILY: &CStr = c"family";
    pub const FC_FILE: &CStr = c"file";
    pub const FC_INDEX: &CStr = c"index";
    pub const FC_LANG: &CStr = c"lang";
    pub const FC_SLANT: &CStr = c"slant";
    pub const FC_WEIGHT: &CStr = c"weight";
    pub const FC_WIDTH: &CStr = c"width";
}

/// The library's functions, were it loaded.
pub struct Fc {
    pub FcCharSetAddChar: unsafe extern "C" fn(*mut FcCharSet, FcChar32) -> FcBool,
    pub FcCharSetCopy: unsafe extern "C" fn(*mut FcCharSet) -> *mut FcCharSet,
    pub FcCharSetCreate: unsafe extern "C" fn() -> *mut FcCharSet,
    pub FcCharSetDestroy: unsafe extern "C" fn(*mut FcCharSet),
    pub FcConfigBuildFonts: unsafe extern "C" fn(*mut FcConfig) -> FcBool,
    pub FcConfigDestroy: unsafe extern "C" fn(*mut FcConfig),
    pub FcConfigGetFonts: unsafe extern "C" fn(*mut FcConfig, FcSetName) -> *mut FcFontSet,
    pub FcConfigReference: unsafe extern "C" fn(*mut FcConfig) -> *mut FcConfig,
    pub FcConfigSubstitute:
        unsafe extern "C" fn(*mut FcConfig, *mut FcPattern, FcMatchKind) -> FcBool,
    pub FcFontMatch:
        unsafe extern "C" fn(*mut FcConfig, *mut FcPattern, *mut FcResult) -> *mut FcPattern,
    pub FcFontRenderPrepare:
        unsafe extern "C" fn(*mut FcConfig, *mut FcPattern, *mut FcPattern) -> *mut FcPattern,
    pub FcFontSetDestroy: unsafe extern "C" fn(*mut FcFontSet),
    pub FcFontSort: unsafe extern "C" fn(
        *mut FcConfig,
        *mut FcPattern,
        FcBool,
        *mut *mut FcCharSet,
        *mut FcResult,
    ) -> *mut FcFontSet,
    pub FcInitLoadConfig: unsafe extern "C" fn() -> *mut FcConfig,
    pub FcLangSetAdd: unsafe extern "C" fn(*mut FcLangSet, *const FcChar8) -> FcBool,
    pub FcLangSetCopy: unsafe extern "C" fn(*const FcLangSet) -> *mut FcLangSet,
    pub FcLangSetCreate: unsafe extern "C" fn() -> *mut FcLangSet,
    pub FcLangSetDestroy: unsafe extern "C" fn(*mut FcLangSet),
    pub FcNameUnparse: unsafe extern "C" fn(*mut FcPattern) -> *mut FcChar8,
    pub FcPatternAddCharSet:
        unsafe extern "C" fn(*mut FcPattern, *const c_char, *const FcCharSet) -> FcBool,
    pub FcPatternAddLangSet:
        unsafe extern "C" fn(*mut FcPattern, *const c_char, *const FcLangSet) -> FcBool,
    pub FcPatternAddString:
        unsafe extern "C" fn(*mut FcPattern, *const c_char, *const FcChar8) -> FcBool,
    pub FcPatternCreate: unsafe extern "C" fn() -> *mut FcPattern,
    pub FcPatternDestroy: unsafe extern "C" fn(*mut FcPattern),
    pub FcPatternGetInteger:
        unsafe extern "C" fn(*mut FcPattern, *const c_char, c_int, *mut c_int) -> FcResult,
    pub FcPatternGetString:
        unsafe extern "C" fn(*mut FcPattern, *const c_char, c_int, *mut *mut FcChar8) -> FcResult,
    pub FcPatternReference: unsafe extern "C" fn(*mut FcPattern),
    pub FcStrFree: unsafe extern "C" fn(*mut FcChar8),
}

/// The library is not loaded, whether it is installed or not.
#[derive(Debug)]
pub struct NotLoaded;

pub mod statics {
    use std::sync::LazyLock;

    use super::{Fc, NotLoaded};

    pub static LIB_RESULT: Result<Fc, NotLoaded> = Err(NotLoaded);

    /// For who did not ask [`LIB_RESULT`] first, which would be a fault of theirs.
    pub static LIB: LazyLock<&'static Fc> = LazyLock::new(|| match &LIB_RESULT {
        Ok(library) => library,
        Err(NotLoaded) => panic!("fontconfig is never loaded"),
    });
}

/// Calls a function of the loaded library.
#[macro_export]
macro_rules! ffi_dispatch {
    (feature = $feature:expr, $library:expr, $function:ident, $($argument:expr),* $(,)?) => {
        ($library.$function)($($argument),*)
    };
}

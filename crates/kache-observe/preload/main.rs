//! The root of the preload library. `build.rs` compiles it.
//!
//! Everything else is in `preload.rs`, which the crate includes too where
//! clippy looks at it.

#![no_std]

#[path = "../src/channel.rs"]
mod channel;
#[path = "../src/format.rs"]
mod format;
#[path = "../src/names.rs"]
mod names;
#[path = "preload.rs"]
mod preload;
#[path = "../src/told.rs"]
mod told;

#[link(name = "c")]
unsafe extern "C" {
    fn abort() -> !;
}

/// Nothing here panics. What the compiler cannot prove ends up here.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: `abort` may always be called.
    unsafe { abort() }
}

//! Calling the function that a hook stands before.

use core::ffi::CStr;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::{attach, modules};

/// Where a hidden function is, looked up when it is first called.
pub(super) struct Next {
    name: &'static CStr,
    address: AtomicUsize,
}

impl Next {
    pub(super) const fn of(name: &'static CStr) -> Self {
        Self { name, address: AtomicUsize::new(0) }
    }

    /// The function's address; zero if the C library does not have it.
    pub(super) fn get(&self) -> usize {
        match self.address.load(Ordering::Relaxed) {
            0 => self.look_up(),
            address => address,
        }
    }

    #[cold]
    fn look_up(&self) -> usize {
        attach::once();
        let address = modules::next(self.name);
        self.address.store(address, Ordering::Relaxed);
        address
    }
}

/// The hidden function of that name and type. Where there is none, the calling
/// hook returns `$missing` and `errno` is `ENOSYS`.
macro_rules! next {
    ($name:ident($($argument:ty),*) -> $result:ty, else $missing:expr) => {{
        static NEXT: $crate::preload::next::Next = $crate::preload::next::Next::of(
            // SAFETY: the literal has one zero byte, at its end.
            unsafe {
                core::ffi::CStr::from_bytes_with_nul_unchecked(
                    concat!(stringify!($name), "\0").as_bytes(),
                )
            },
        );
        match NEXT.get() {
            0 => {
                $crate::preload::sys::set_errno($crate::preload::sys::ENOSYS);
                return $missing;
            }
            // SAFETY: the C library's function of this name has this type.
            address => unsafe {
                core::mem::transmute::<usize, unsafe extern "C" fn($($argument),*) -> $result>(
                    address,
                )
            },
        }
    }};
}

/// Hooks that call the hidden function and then look at its result.
macro_rules! hooks {
    ($(
        fn $name:ident($($argument:ident: $kind:ty),* $(,)?) -> $result:ty, else $missing:expr;
        |$seen:ident| $then:expr;
    )+) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $kind),*) -> $result {
            let next = $crate::preload::next::next!($name($($kind),*) -> $result, else $missing);
            // SAFETY: these are the caller's own arguments.
            let $seen = unsafe { next($($argument),*) };
            // SAFETY: what the C library took, the hook may read.
            unsafe { $crate::preload::next::after(|| $then) };
            $seen
        }
    )+};
}

/// Runs the second half of a hook.
///
/// # Safety
///
/// The arguments that it reads must be what the C library was given.
pub(super) unsafe fn after(then: impl FnOnce()) {
    then();
}

pub(super) use {hooks, next};

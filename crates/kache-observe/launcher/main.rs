//! The program that is started in the place of another: of a build script, or of a
//! C compiler. `build.rs` compiles it.
//!
//! Behind its own bytes stand the path of `kache`, a verb, and where that other
//! program is: by its whole path, or by its name beside the launcher. A zero byte is
//! after each, and how many bytes that is as four more. It becomes
//!
//! ```text
//! kache <verb> <the other program> <by what name it was started> <its arguments>
//! ```
//!
//! and where there is no `kache` any more, the other program. One that is named by its
//! whole path was found behind the launcher on `PATH`: the launcher's directory is taken
//! out of that, so that nobody comes to it again. It uses no library: what starts at
//! every build should cost next to nothing.

#![no_std]
#![no_main]

use core::arch::{asm, naked_asm};
use core::ffi::{CStr, c_char};
use core::ptr;

/// With more arguments it becomes the other program. A page of memory that nothing
/// is written to costs nothing.
const MAX_ARGUMENTS: usize = 1 << 16;
const MAX_PATH_BYTES: usize = 4096;

/// Memory that is zero at the start: to clear any would take a library.
struct Buffers {
    trailer: [u8; 2 * MAX_PATH_BYTES],
    replaced: [u8; 2 * MAX_PATH_BYTES],
    arguments: [*const c_char; MAX_ARGUMENTS],
}

static mut BUFFERS: Buffers = Buffers {
    trailer: [0; 2 * MAX_PATH_BYTES],
    replaced: [0; 2 * MAX_PATH_BYTES],
    arguments: [ptr::null(); MAX_ARGUMENTS],
};

#[cfg(target_arch = "x86_64")]
mod number {
    pub const LSEEK: usize = 8;
    pub const READ: usize = 0;
    pub const WRITE: usize = 1;
    pub const EXECVE: usize = 59;
    pub const EXIT: usize = 231;
    pub const OPENAT: usize = 257;
    pub const CLOSE: usize = 3;
    pub const READLINKAT: usize = 267;
}

#[cfg(target_arch = "aarch64")]
mod number {
    pub const OPENAT: usize = 56;
    pub const CLOSE: usize = 57;
    pub const LSEEK: usize = 62;
    pub const READ: usize = 63;
    pub const WRITE: usize = 64;
    pub const READLINKAT: usize = 78;
    pub const EXIT: usize = 94;
    pub const EXECVE: usize = 221;
}

/// Where the kernel puts a new program: what is on the stack is passed on.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!("xor ebp, ebp", "mov rdi, rsp", "and rsp, -16", "call {}", "ud2", sym start)
}

#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!("mov x29, xzr", "mov x0, sp", "bl {}", "brk 1", sym start)
}

/// # Safety
///
/// `stack` holds the count of arguments, then the arguments and the environment,
/// each list ended by a null pointer, as the kernel passes them.
unsafe extern "C" fn start(stack: *const usize) -> ! {
    // SAFETY: by the contract.
    let (count, arguments) = unsafe { (*stack, stack.add(1).cast::<*const c_char>().cast_mut()) };
    // SAFETY: the environment comes after the arguments and their null pointer.
    let environment = unsafe { arguments.add(count + 1) };
    // SAFETY: this is the only thread and the only borrow.
    let Buffers { trailer, replaced, arguments: passed } = unsafe { &mut *(&raw mut BUFFERS) };
    if let Some([kache, verb, name]) = read_trailer(trailer)
        && let Some(directory) = own_directory(replaced)
    {
        let is_found_on_path = name.to_bytes().first() == Some(&b'/');
        if is_found_on_path {
            // SAFETY: the lists are as the kernel passes them.
            unsafe { take_out_of_path(replaced.get(..directory), environment) };
        }
        let at = if is_found_on_path { 0 } else { directory + 1 };
        if !put(name.to_bytes_with_nul(), at, replaced) {
            exit(126);
        }
        let words = [kache.as_ptr(), verb.as_ptr(), replaced.as_ptr().cast()];
        // SAFETY: all pointers are to texts that end with a zero byte, and the
        // lists end with a null pointer. They are this program's to write to.
        unsafe {
            let fits = pass_on(words, arguments, passed);
            if fits {
                execve(kache.as_ptr(), passed.as_ptr(), environment);
            }
            // Compilers look for what belongs to them where their name leads.
            if count > 0 && is_found_on_path {
                *arguments = replaced.as_ptr().cast();
            }
            execve(replaced.as_ptr().cast(), arguments, environment);
        }
    }
    complain("kache: what this launcher stands for is gone; remove the directory it is in\n");
    exit(127)
}

/// Writes `words` and then the arguments, and says whether they fit, with a null
/// pointer behind them.
///
/// # Safety
///
/// `arguments` ends with a null pointer.
unsafe fn pass_on(
    words: [*const c_char; 3],
    arguments: *const *const c_char,
    passed: &mut [*const c_char],
) -> bool {
    let mut length = 0;
    let mut push = |argument| {
        let place = passed.get_mut(length);
        length += 1;
        place.map(|place| *place = argument).is_some()
    };
    let mut fits = words.into_iter().all(&mut push);
    let mut next = arguments;
    // SAFETY: this stops at the null pointer.
    while let argument = unsafe { *next }
        && !argument.is_null()
    {
        fits &= push(argument);
        // SAFETY: not at the end yet.
        next = unsafe { next.add(1) };
    }
    fits && length < passed.len()
}

/// Becomes `program`. Returns if that cannot be.
///
/// # Safety
///
/// The program ends with a zero byte and the lists with a null pointer.
unsafe fn execve(
    program: *const c_char,
    arguments: *const *const c_char,
    environment: *const *const c_char,
) {
    // SAFETY: by the contract.
    unsafe {
        call(number::EXECVE, [program as usize, arguments as usize, environment as usize, 0]);
    }
}

/// Reads what stands behind this program's own bytes.
fn read_trailer(buffer: &mut [u8]) -> Option<[&CStr; 3]> {
    const FROM_START: usize = 0;
    const FROM_END: usize = 2;
    const LENGTH_BYTES: usize = size_of::<u32>();
    let own = c"/proc/self/exe".as_ptr() as usize;
    // SAFETY: the path ends with a zero byte.
    let file = usize::try_from(unsafe { call(number::OPENAT, [CWD, own, 0, 0]) }).ok()?;
    // SAFETY: these touch no memory of this process.
    let end = unsafe { call(number::LSEEK, [file, 0, FROM_END, 0]) };
    let end = usize::try_from(end).ok()?;
    let mut length = [0; LENGTH_BYTES];
    // SAFETY: as above.
    unsafe { call(number::LSEEK, [file, end.checked_sub(LENGTH_BYTES)?, FROM_START, 0]) };
    read(file, &mut length)?;
    let length = usize::try_from(u32::from_le_bytes(length)).ok()?;
    let start = end.checked_sub(LENGTH_BYTES + length)?;
    // SAFETY: as above.
    unsafe { call(number::LSEEK, [file, start, FROM_START, 0]) };
    let trailer = buffer.get_mut(..length)?;
    read(file, trailer)?;
    // SAFETY: as above; the descriptor is this function's own.
    unsafe { call(number::CLOSE, [file, 0, 0, 0]) };
    let kache = CStr::from_bytes_until_nul(trailer).ok()?;
    let rest = trailer.get(kache.count_bytes() + 1..)?;
    let verb = CStr::from_bytes_until_nul(rest).ok()?;
    let replaced = CStr::from_bytes_until_nul(rest.get(verb.count_bytes() + 1..)?).ok()?;
    Some([kache, verb, replaced])
}

/// Writes the path of this program, and returns how long that of its directory is.
fn own_directory(path: &mut [u8]) -> Option<usize> {
    let own = c"/proc/self/exe".as_ptr() as usize;
    let at = path.as_mut_ptr() as usize;
    // SAFETY: the path ends with a zero byte, and no more than the half is written.
    let length = unsafe { call(number::READLINKAT, [CWD, own, at, path.len() / 2]) };
    let found = path.get(..usize::try_from(length).ok()?)?;
    found.iter().rposition(|byte| *byte == b'/')
}

/// Writes `bytes` at a place of `buffer`, if they fit.
fn put(bytes: &[u8], at: usize, buffer: &mut [u8]) -> bool {
    let Some(place) = buffer.get_mut(at..at + bytes.len()) else { return false };
    for (to, from) in place.iter_mut().zip(bytes) {
        // SAFETY: a reference may be written through. Copying it all at once
        // would take a library.
        unsafe { ptr::write_volatile(to, *from) };
    }
    true
}

/// Takes `directory` out of the list of directories in `PATH`, in place.
///
/// # Safety
///
/// `environment` ends with a null pointer, and its texts with a zero byte; they may be
/// written to.
unsafe fn take_out_of_path(directory: Option<&[u8]>, environment: *const *const c_char) {
    const NAME: &[u8] = b"PATH=";

    let Some(directory) = directory else { return };
    let mut next = environment;
    // SAFETY: by the contract, and the end is not passed.
    while let variable = unsafe { *next }
        && !variable.is_null()
    {
        let text = variable.cast_mut().cast::<u8>();
        // SAFETY: as above; what follows a byte that differs is not read.
        unsafe {
            next = next.add(1);
            if NAME.iter().enumerate().all(|(at, byte)| *text.add(at) == *byte) {
                take_out(directory, text.add(NAME.len()));
            }
        }
    }
}

/// Takes a part out of a list with colons.
///
/// # Safety
///
/// `list` ends with a zero byte, and may be written to.
unsafe fn take_out(part: &[u8], list: *mut u8) {
    let (mut from, mut to, mut is_first) = (list, list, true);
    // SAFETY: what is read is not behind the end, what is written not behind what is read.
    unsafe {
        loop {
            let mut length = 0;
            while !matches!(*from.add(length), 0 | b':') {
                length += 1;
            }
            let is_last = *from.add(length) == 0;
            let is_other = |(at, byte): (usize, &u8)| *from.add(at) != *byte;
            if length != part.len() || part.iter().enumerate().any(is_other) {
                if !is_first {
                    to.write_volatile(b':');
                    to = to.add(1);
                }
                is_first = false;
                for at in 0..length {
                    to.write_volatile(*from.add(at));
                    to = to.add(1);
                }
            }
            if is_last {
                break;
            }
            from = from.add(length + 1);
        }
        to.write_volatile(0);
    }
}

/// Fills `buffer`, or says that it could not.
fn read(file: usize, buffer: &mut [u8]) -> Option<()> {
    // SAFETY: the kernel writes no more than the buffer's length.
    let length =
        unsafe { call(number::READ, [file, buffer.as_mut_ptr() as usize, buffer.len(), 0]) };
    (usize::try_from(length) == Ok(buffer.len())).then_some(())
}

fn complain(text: &str) {
    // SAFETY: the kernel only reads the text.
    unsafe { call(number::WRITE, [2, text.as_ptr() as usize, text.len(), 0]) };
}

fn exit(code: usize) -> ! {
    loop {
        // SAFETY: it does not return.
        unsafe { call(number::EXIT, [code, 0, 0, 0]) };
    }
}

/// Where relative paths start: the working directory.
const CWD: usize = -100_isize as usize;

/// # Safety
///
/// As for the system call of that number with these arguments.
unsafe fn call(number: usize, arguments: [usize; 4]) -> isize {
    let [first, second, third, fourth] = arguments;
    let result;
    // SAFETY: by this function's contract.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") first,
            in("rsi") second,
            in("rdx") third,
            in("r10") fourth,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    // SAFETY: by this function's contract.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") first => result,
            in("x1") second,
            in("x2") third,
            in("x3") fourth,
            options(nostack),
        );
    }
    result
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(126)
}

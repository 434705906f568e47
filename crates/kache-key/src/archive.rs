//! What an rlib holds: the members of an ar archive.

use std::io::{Read, Seek};

use object::read::archive::{ArchiveFile, ArchiveMember};
use object::read::{ReadCache, ReadRef as _};

/// How the names of what rustc's code generation made end.
const OWN_OBJECTS: [&str; 2] = [".rcgu.o", ".rcgu.dwo"];

/// Why bytes are not an archive that can be listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The bytes are not an ar archive, or are damaged.
    #[error("archive cannot be read: {reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
    /// The archive only names its members and does not hold them.
    #[error("archive is thin: its members are other files")]
    Thin,
    /// A member's name is not UTF-8.
    #[error("archive has a member whose name is not UTF-8")]
    NonUtf8Name,
}

/// One file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name; several members may share one.
    pub name: String,
    /// Its bytes.
    pub contents: &'a [u8],
}

/// Returns the members of an ar archive, in order, without the symbol and
/// name tables.
///
/// Reads the GNU and the BSD form, with long names. Cost: one look at each
/// member's header; contents are not read.
///
/// # Errors
///
/// Bytes that are no archive, a thin archive, a name that is not UTF-8.
pub fn members(bytes: &[u8]) -> Result<Vec<Member<'_>>, ArchiveError> {
    let archive = ArchiveFile::parse(bytes).map_err(malformed)?;
    if archive.is_thin() {
        return Err(ArchiveError::Thin);
    }
    archive.members().map(|found| member(bytes, &found.map_err(malformed)?)).collect()
}

fn member<'a>(bytes: &'a [u8], found: &ArchiveMember<'a>) -> Result<Member<'a>, ArchiveError> {
    // A member that reaches past the end is noticed only here.
    let contents = found.data(bytes).map_err(malformed)?;
    let name = String::from_utf8(found.name().to_vec()).map_err(|_| ArchiveError::NonUtf8Name)?;
    Ok(Member { name, contents })
}

fn malformed(error: object::read::Error) -> ArchiveError {
    ArchiveError::Malformed { reason: error.to_string() }
}

/// Returns whether an rlib has members that rustc did not make itself: the
/// objects of a bundled native static library, or that library as a whole.
///
/// rustc's own are `lib.rmeta`, `<crate>[-<extra>].<unit>.rcgu.o` and its split
/// debug information, `.rcgu.dwo`. Reads the tables and headers only.
///
/// # Errors
///
/// As [`members`].
pub fn has_foreign_members(rlib: impl Read + Seek, crate_name: &str) -> Result<bool, ArchiveError> {
    let rlib = &ReadCache::new(rlib);
    let archive = ArchiveFile::parse(rlib).map_err(malformed)?;
    if archive.is_thin() {
        return Err(ArchiveError::Thin);
    }
    for found in archive.members() {
        let found = found.map_err(malformed)?;
        let (offset, size) = found.file_range();
        let end = offset.checked_add(size);
        let is_within = end.zip(rlib.len().ok()).is_some_and(|(end, len)| end <= len);
        if !is_within {
            return Err(ArchiveError::Malformed { reason: "a member is cut off".to_owned() });
        }
        let name = str::from_utf8(found.name()).map_err(|_| ArchiveError::NonUtf8Name)?;
        if !is_rustc_member(name, crate_name) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the members of an rlib that are not rustc's own; see
/// [`has_foreign_members`].
///
/// # Errors
///
/// As [`members`].
pub fn foreign_members<'a>(
    rlib: &'a [u8],
    crate_name: &str,
) -> Result<Vec<Member<'a>>, ArchiveError> {
    let mut found = members(rlib)?;
    found.retain(|member| !is_rustc_member(&member.name, crate_name));
    Ok(found)
}

fn is_rustc_member(name: &str, crate_name: &str) -> bool {
    let own_unit = name.strip_prefix(crate_name).is_some_and(|rest| rest.starts_with(['.', '-']));
    name == "lib.rmeta" || (own_unit && OWN_OBJECTS.iter().any(|suffix| name.ends_with(suffix)))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn member(name: &str, contents: &[u8]) -> Vec<u8> {
        let size = contents.len();
        let header = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 644);
        let padding: &[u8] = if size % 2 == 1 { b"\n" } else { b"" };
        [header.as_bytes(), contents, padding].concat()
    }

    fn archive(members: &[Vec<u8>]) -> Vec<u8> {
        [b"!<arch>\n".to_vec(), members.concat()].concat()
    }

    /// The shape of an rlib with two bundled libraries, one packed.
    fn rlib() -> Vec<u8> {
        let names = b"my_lw-abc.my_lw.e3ceeeb9b696bc92-cgu.0.rcgu.o/\nmy_lw-abc.1.rcgu.dwo/\n\
                      a long name of c fun.o/\n";
        archive(&[
            member("/", &0u32.to_be_bytes()),
            member("//", names),
            member("lib.rmeta/", b"rust"),
            member("/0", b"o"),
            member("/47", b"dwo"),
            member("c fun.o/", b"x"),
            member("/69", b"x"),
            member("libz.a/", b"!<arch>\n"),
        ])
    }

    fn names(members: Result<Vec<Member<'_>>, ArchiveError>) -> Vec<String> {
        members.unwrap().into_iter().map(|member| member.name).collect()
    }

    #[test]
    fn long_names_and_names_with_spaces_are_read() {
        let expected = [
            "lib.rmeta",
            "my_lw-abc.my_lw.e3ceeeb9b696bc92-cgu.0.rcgu.o",
            "my_lw-abc.1.rcgu.dwo",
            "c fun.o",
            "a long name of c fun.o",
            "libz.a",
        ];
        assert_eq!(names(members(&rlib())), expected);
    }

    #[test]
    fn bsd_names_are_read() {
        let bytes = archive(&[member("#1/20", b"a name in the member\x01"), member("b.o", b"")]);
        assert_eq!(names(members(&bytes)), ["a name in the member", "b.o"]);
    }

    #[test]
    fn bundled_objects_and_libraries_are_foreign() {
        let rlib = rlib();
        assert!(has_foreign_members(Cursor::new(&rlib), "my_lw").unwrap());
        let foreign = foreign_members(&rlib, "my_lw");
        assert_eq!(names(foreign), ["c fun.o", "a long name of c fun.o", "libz.a"]);
    }

    #[test]
    fn an_rlib_of_rust_alone_has_no_foreign_members() {
        let rlib = archive(&[member("lib.rmeta/", b"rust"), member("my.1.rcgu.o/", b"o")]);
        assert!(!has_foreign_members(Cursor::new(&rlib), "my").unwrap());
        assert!(has_foreign_members(Cursor::new(&rlib[..rlib.len() - 2]), "my").is_err());
    }

    #[test]
    fn objects_of_another_crate_are_foreign() {
        assert_eq!(foreign_members(&rlib(), "my").unwrap().len(), 5);
        let std = archive(&[member("std-1.2.rcgu.o/", b""), member("my.rcgu.o/", b"")]);
        assert_eq!(names(foreign_members(&std, "my")), ["std-1.2.rcgu.o"]);
    }

    #[test]
    fn members_of_one_name_differ_by_their_contents() {
        let bytes = archive(&[member("a.o/", b"one"), member("a.o/", b"two")]);
        let contents: Vec<_> = members(&bytes).unwrap().iter().map(|it| it.contents).collect();
        assert_eq!(contents, [b"one", b"two"]);
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        let rlib = rlib();
        assert!(members(b"").is_err());
        assert!(members(b"\x7fELF").is_err());
        assert!(members(&rlib[..rlib.len() - 3]).is_err());
        assert!(matches!(members(b"!<thin>\n"), Err(ArchiveError::Thin)));
        let odd = archive(&[member("\u{e9}/", b"")])
            .into_iter()
            .filter(|b| *b != 0xc3)
            .collect::<Vec<_>>();
        assert!(members(&odd).is_err());
    }

    proptest! {
        #[test]
        fn damage_is_an_error_or_a_list(at in 0usize..600, byte in any::<u8>()) {
            let mut bytes = rlib();
            let at = at % bytes.len();
            bytes[at] = byte;
            let is_foreign = has_foreign_members(Cursor::new(&bytes), "my_lw");
            if let Ok(found) = members(&bytes) {
                prop_assert!(found.len() <= 8);
                let foreign = foreign_members(&bytes, "my_lw").unwrap();
                prop_assert_eq!(is_foreign.unwrap(), !foreign.is_empty());
            }
        }
    }
}

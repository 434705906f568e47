//! Projects as they are, built by the tools they are built with: what kache
//! makes of them is what the bare compiler makes, and another checkout gets it
//! from the store.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use kache_e2e::env::Env;
use kache_e2e::events::{Event, Journal};
use kache_e2e::filesystem::skip;
use kache_e2e::kache::Kache;
use kache_e2e::process::{output_of, run};
use kache_e2e::project::{Project, remove};
use kache_e2e::registry::{LIBFFI, LUA, ONIGURUMA, Package, SQLITE, ZSTD};

use crate::cc_trial::{is_installed, kache_for_cc};
use crate::expected::Expected::{Compiled, Hit};

/// A project and how it is built.
struct Recipe<'a> {
    package: Package,
    /// The folder of the package that is a project of its own.
    folder: &'static str,
    /// What is added to it.
    files: &'a [(&'a str, &'a str)],
    /// For a shell. `$CC` is the compiler with whatever stands before it,
    /// `$LAUNCHER` what stands before it.
    script: &'static str,
    /// A program that the script builds.
    program: &'static str,
    /// How many sources of the project's own are compiled at least.
    units: usize,
}

/// What a build left behind.
struct Built {
    /// Objects, libraries, programs and dependency files by name.
    outputs: BTreeMap<PathBuf, Vec<u8>>,
    /// What the program prints.
    said: String,
}

/// One project in an environment of its own.
struct Workshop<'a> {
    recipe: &'a Recipe<'a>,
    source: PathBuf,
    env: Env,
    kache: Kache,
}

impl Workshop<'_> {
    /// Checks the project out at `place`, as new.
    fn checkout(&self, place: &str) -> Project {
        let dir = self.env.work_dir().join(place);
        remove(&dir).expect("a checkout can be removed");
        let source = self.source.join(self.recipe.folder);
        let project = Project::copy_of(&source, &dir).expect("the sources can be copied");
        for (name, text) in self.recipe.files {
            project.write(name, text).expect("a file can be written");
        }
        fs::create_dir(project.path(".git")).expect("it is a repository");
        project
    }

    /// Builds without kache.
    fn bare(&self, place: &str) -> Built {
        self.build(&self.checkout(place), "")
    }

    /// Builds with kache. Returns the events of the project's own sources, too.
    fn cached(&self, place: &str) -> (Built, Vec<Event>) {
        let project = self.checkout(place);
        let sources = files_in(project.dir());
        let mut journal = Journal::at_end_of(&self.env.cache_dir());
        let built = self.build(&project, &self.kache.wrapper.to_string_lossy());
        let mut events = journal.take().expect("the journal is readable");
        events.retain(|event| {
            let path = Path::new(&event.cwd).join(&event.name);
            event.unit.is_some() && fs::canonicalize(path).is_ok_and(|path| sources.contains(&path))
        });
        assert!(events.len() >= self.recipe.units, "{} units", events.len());
        (built, events)
    }

    fn build(&self, project: &Project, launcher: &str) -> Built {
        let mut shell = self.env.command("sh");
        shell.args(["-e", "-c", self.recipe.script]).current_dir(project.dir());
        shell.env("CC", format!("{launcher} cc").trim_start()).env("LAUNCHER", launcher);
        let ran = run(&mut shell).expect("there is a shell");
        assert!(ran.status.success(), "{launcher}: {}\n{}", ran.stdout, ran.stderr);
        let mut program = self.env.command(project.path(self.recipe.program));
        let said = output_of(&mut program).expect("the program runs");
        let outputs = files_in(project.dir()).into_iter().filter_map(|path| {
            let bytes = fs::read(&path).ok().filter(|bytes| is_output(&path, bytes))?;
            Some((path.strip_prefix(project.dir()).ok()?.to_owned(), bytes))
        });
        Built { outputs: outputs.collect(), said }
    }
}

/// Returns whether a file is what compilers, archivers and linkers make.
fn is_output(path: &Path, bytes: &[u8]) -> bool {
    let is_dep_file = path.extension().is_some_and(|extension| extension == "d");
    is_dep_file || bytes.starts_with(b"\x7fELF") || bytes.starts_with(b"!<arch>\n")
}

fn files_in(dir: &Path) -> BTreeSet<PathBuf> {
    let walk = walkdir::WalkDir::new(dir).into_iter().filter_map(Result::ok);
    walk.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}

#[track_caller]
fn assert_same(built: &Built, bare: &Built) {
    let names = |built: &Built| built.outputs.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(built), names(bare), "kache's files on the left");
    for (path, bytes) in &built.outputs {
        assert!(bare.outputs.get(path) == Some(bytes), "`{}` differs", path.display());
    }
    assert_eq!(built.said, bare.said);
}

/// Builds a project without kache, with it, and with it in another checkout.
#[track_caller]
fn check(recipe: &Recipe<'_>, tools: &[&str]) {
    if !tools.iter().all(|tool| is_installed(tool)) {
        return;
    }
    let source = match recipe.package.source() {
        Ok(source) => source,
        Err(error) => return skip(&format!("{error}; `just fetch` downloads it")),
    };
    let env = Env::new().expect("a scenario needs a toolchain and room");
    let kache = kache_for_cc(&env);
    let workshop = Workshop { recipe, source, env, kache };

    let bare = workshop.bare("one");
    assert!(!bare.outputs.is_empty() && !bare.said.is_empty());
    let (first, events) = workshop.cached("one");
    for event in &events {
        Compiled.assert_told_by(event);
    }
    assert_same(&first, &bare);

    let (second, events) = workshop.cached("another/checkout");
    for event in &events {
        Hit.assert_told_by(event);
    }
    assert_same(&second, &bare);
}

#[test]
fn sqlite_is_the_same_and_shared() {
    let program = r#"
#include <stdio.h>
#include "sqlite3.h"
static int row(void *unused, int count, char **values, char **names) {
    for (int i = 0; i < count; i++) printf("%s=%s\n", names[i], values[i]);
    return 0;
}
int main(void) {
    sqlite3 *db;
    if (sqlite3_open(":memory:", &db)) return 1;
    const char *sql = "create table t(a); insert into t values (1), (2), (39);"
                      "select sum(a) as total, sqlite_version() as version from t;";
    return sqlite3_exec(db, sql, row, 0, 0);
}
"#;
    let script = "for file in sqlite3 main; do
            $CC -O0 -Wall -DSQLITE_THREADSAFE=0 -DSQLITE_OMIT_LOAD_EXTENSION -MMD -c $file.c -o $file.o
        done
        ar crs libsqlite3.a sqlite3.o
        $CC main.o libsqlite3.a -lm -o main";
    check(
        &Recipe {
            package: SQLITE,
            folder: "sqlite3",
            files: &[("main.c", program)],
            script,
            program: "main",
            units: 2,
        },
        &["cc", "ar"],
    );
}

#[test]
fn zstd_is_the_same_and_shared() {
    let program = r#"
#include <stdio.h>
#include <string.h>
#include "zstd.h"
int main(void) {
    char text[10000], packed[20000], again[10000];
    for (int i = 0; i < 10000; i++) text[i] = "kache"[i % 5];
    size_t size = ZSTD_compress(packed, sizeof packed, text, sizeof text, 3);
    size_t back = ZSTD_decompress(again, sizeof again, packed, size);
    printf("%s %zu %zu %d\n", ZSTD_versionString(), size, back, memcmp(text, again, sizeof text));
    return ZSTD_isError(size) || ZSTD_isError(back);
}
"#;
    let makefile = "CFLAGS = -O0 -Wall -DZSTD_DISABLE_ASM -MD -MP -I.
OBJECTS = $(patsubst %.c,%.o,$(sort $(wildcard common/*.c compress/*.c decompress/*.c)))
main: main.o libzstd.a
\t$(CC) $^ -o $@
libzstd.a: $(OBJECTS)
\tar crs $@ $^
";
    check(
        &Recipe {
            package: ZSTD,
            folder: "zstd/lib",
            files: &[("main.c", program), ("Makefile", makefile)],
            script: "make -s -j2 CC=\"$CC\"",
            program: "main",
            units: 24,
        },
        &["cc", "ar", "make"],
    );
}

#[test]
fn lua_is_the_same_and_shared() {
    let program = r#"
#include "lua.h"
#include "lauxlib.h"
#include "lualib.h"
int main(void) {
    lua_State *state = luaL_newstate();
    luaL_openlibs(state);
    return luaL_dostring(state, "local t = {}; for i = 1, 10 do t[i] = i * i end;"
                                "print(_VERSION, table.concat(t, ','), ('x'):rep(3))");
}
"#;
    let makefile = "CFLAGS = -O0 -Wall -DLUA_USE_POSIX -fPIC
SOURCES = $(sort $(wildcard l*.c))
main: main.o liblua.so
\t$(CC) main.o -L. -llua -Wl,-rpath,'$$ORIGIN' -o $@
liblua.so: $(SOURCES:.c=.o)
\t$(CC) -shared $^ -lm -o $@
";
    check(
        &Recipe {
            package: LUA,
            folder: "lua-5.4.9",
            files: &[("main.c", program), ("Makefile", makefile)],
            script: "make -s -j2 CC=\"$CC\"",
            program: "main",
            units: 33,
        },
        &["cc", "make"],
    );
}

#[test]
fn a_project_of_cmake_and_ninja_is_the_same_and_shared() {
    // `$CC` names kache too, and CMake believes it.
    let script = "cmake -G Ninja -S . -B build -DCMAKE_C_COMPILER_LAUNCHER=\"$LAUNCHER\" \
            -DCMAKE_BUILD_TYPE= -DCMAKE_C_FLAGS=-O0 -DBUILD_SHARED_LIBS=OFF
        ninja -C build -j2 test_syntax";
    check(
        &Recipe {
            package: ONIGURUMA,
            folder: "oniguruma",
            files: &[],
            script,
            program: "build/test/test_syntax",
            units: 45,
        },
        &["cc", "cmake", "ninja"],
    );
}

#[test]
fn a_project_of_autoconf_is_the_same_and_shared() {
    let program = r#"
#include <stdio.h>
#include <ffi.h>
static int add(int a, int b) { return a + b; }
int main(void) {
    ffi_cif cif;
    ffi_type *types[] = {&ffi_type_sint, &ffi_type_sint};
    int a = 40, b = 2;
    void *values[] = {&a, &b};
    ffi_arg sum;
    if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 2, &ffi_type_sint, types) != FFI_OK) return 1;
    ffi_call(&cif, FFI_FN(add), &sum, values);
    printf("%d\n", (int)sum);
    return 0;
}
"#;
    // Files that are copied one after the other look as if some were out of date.
    let script = "find . -type f -exec touch -r configure.ac {} +
        sh ./configure --quiet --disable-docs --disable-builddir --disable-shared CFLAGS=-O0
        make -s -j2
        $CC -O0 -Iinclude -c main.c -o main.o
        $CC main.o .libs/libffi.a -o main";
    check(
        &Recipe {
            package: LIBFFI,
            folder: "libffi",
            files: &[("main.c", program)],
            script,
            program: "main",
            units: 8,
        },
        &["cc", "make"],
    );
}

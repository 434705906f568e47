//! Build scripts that do what cannot be told again, or what goes wrong: they die,
//! leave things behind, talk to others, ask for the time, change what they read.

use std::fs;

use kache_e2e::process::output_of;

use crate::build_scripts::{RUN, trial};
use crate::expected::Expected::{Compiled, Failure, Hit, Miss};
use crate::expected::assert_unstored;
use crate::files::contains;
use crate::script_cargo::out_dir;
use crate::trial::{Trial, event_of};

/// Builds twice: the script must not be stored, for a reason in which `why`
/// occurs, and the build must pass.
#[track_caller]
fn check_unstored(body: &str, why: &str) {
    let trial = trial(body);
    trial.write("input.txt", "one");
    trial.check_unstored(RUN, why);
    trial.check_unstored(RUN, why);
}

/// Kills whom `whom` says, if `DIE` is set, after half of the work.
fn mortal(whom: &str) -> Trial {
    let body = format!(
        "let out = env::var(\"OUT_DIR\").unwrap(); \
         fs::write(format!(\"{{out}}/half\"), env::var(\"DIE\").unwrap_or_default()).unwrap(); \
         if env::var_os(\"DIE\").is_some() {{ \
             let whom = {whom}; \
             Command::new(\"kill\").args([\"-9\", &whom.to_string()]).status().unwrap(); \
             std::thread::sleep(std::time::Duration::from_secs(1)); \
         }} \
         fs::read_to_string(format!(\"{{out}}/half\")).unwrap() + \"whole\""
    );
    trial(&body)
}

/// Builds where the script, or kache in its place, is killed: cargo must say so.
/// Then nothing must be left of it.
#[track_caller]
fn check_killed(trial: &mut Trial) {
    trial.set("DIE", "now");
    let built = trial.cargo_in(trial.project(), "build").run().expect("cargo starts");
    assert_eq!(built.code, Some(101));
    assert!(built.stderr.contains("signal: 9, SIGKILL"), "{}", built.stderr);
    if let Some(event) = built.event_of(RUN) {
        Failure.assert_told_by(event);
    }
    trial.unset("DIE");
    // What the killed run left is there.
    let built = trial.cargo_in(trial.project(), "build").run().expect("cargo starts");
    Compiled.assert_told_by(event_of(&built, RUN));
    assert_eq!(trial.check(RUN, Hit), "whole\n");
}

#[test]
fn a_script_that_is_killed_stores_nothing() {
    check_killed(&mut mortal("std::process::id()"));
}

#[test]
fn a_script_whose_kache_is_killed_stores_nothing() {
    let mut trial = mortal("std::os::unix::process::parent_id()");
    check_killed(&mut trial);
}

#[test]
fn what_a_script_fails_with_is_what_it_fails_with_without_kache() {
    for body in [
        "panic!(\"lost\")",
        "std::process::exit(7)",
        "std::process::abort()",
        "println!(\"cargo::error=no such thing\"); String::new()",
    ] {
        let trial = trial(&format!("eprintln!(\"said\"); {body}"));
        let fail = |kache: bool| {
            trial.project().clean().unwrap();
            let cargo = trial.cargo_in(trial.project(), "build");
            let cargo = if kache { cargo } else { cargo.without_var("RUSTC_WRAPPER") };
            let built = cargo.run().unwrap();
            let lines = built.stderr.lines().filter(|line| !line.contains("Running `"));
            // Processes and threads have other numbers.
            let lines = lines.map(|line| line.split("' (").next().unwrap_or_default().to_owned());
            (built.code, lines.collect::<Vec<_>>())
        };
        let with_kache = fail(true);
        assert_eq!(with_kache, fail(false), "{body}");
        assert_eq!(with_kache.0, Some(101));
        assert_eq!(with_kache, fail(true), "a failure is not remembered");
    }
}

#[test]
fn a_script_that_leaves_a_process_behind_runs_each_time() {
    // It waits until the other has begun: one that has not could not be told from one
    // that cannot be observed.
    let body = "use std::process::Stdio; \
        if env::args().nth(1).is_some() { \
            println!(); \
            std::thread::sleep(std::time::Duration::from_secs(5)); \
            std::process::exit(0); \
        } \
        let mut child = Command::new(env::current_exe().unwrap()); \
        child.arg(\"stay\").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()); \
        let begun = child.spawn().unwrap().stdout.take().unwrap(); \
        let lines = std::io::BufRead::lines(std::io::BufReader::new(begun)); \
        lines.skip(1).next().unwrap().unwrap(); \"made\".into()";
    check_unstored(body, "leaves a process behind");
}

#[test]
fn a_script_that_talks_to_others_runs_each_time() {
    let listen = "let heard = std::net::TcpListener::bind(\"127.0.0.1:0\").unwrap();";
    check_unstored(&format!("{listen} drop(heard); \"made\".into()"), "uses the network");
    let connect = "let place = heard.local_addr().unwrap(); \
        std::net::TcpStream::connect(place).is_ok().to_string()";
    check_unstored(&format!("{listen} {connect}"), "uses the network");
    let socket = "let place = format!(\"{}/socket\", env::var(\"OUT_DIR\").unwrap()); \
        let _ = fs::remove_file(&place); \
        std::os::unix::net::UnixListener::bind(place).is_ok().to_string()";
    check_unstored(socket, "uses the network");
    let packet = "let socket = std::net::UdpSocket::bind(\"127.0.0.1:0\").unwrap(); \
        socket.send_to(b\"x\", \"127.0.0.1:9\").is_ok().to_string()";
    check_unstored(packet, "uses the network");
    let name =
        "use std::net::ToSocketAddrs; (\"localhost\", 1).to_socket_addrs().is_ok().to_string()";
    check_unstored(name, "uses the network");
}

#[test]
fn a_script_that_reads_its_standard_input_finds_it_empty() {
    let body = "let mut text = String::new(); \
        std::io::Read::read_to_string(&mut std::io::stdin(), &mut text).unwrap(); \
        format!(\"{text:?}\")";
    let trial = trial(body);
    trial.prove_hit(RUN);
    assert_eq!(trial.check(RUN, Hit), "\"\"\n");
}

#[test]
fn a_script_that_changes_what_it_read_runs_each_time() {
    let rewrite = "let text = fs::read_to_string(\"input.txt\").unwrap(); \
        fs::write(\"input.txt\", &text).unwrap(); text";
    check_unstored(rewrite, "it writes `");
    let touch = "let file = fs::File::open(\"input.txt\").unwrap(); \
        file.set_modified(std::time::UNIX_EPOCH).unwrap(); \
        fs::read_to_string(\"input.txt\").unwrap()";
    check_unstored(touch, "input.txt`");
    let replace = "let text = fs::read_to_string(\"input.txt\").unwrap(); \
        fs::write(\"input.new\", &text).unwrap(); \
        fs::rename(\"input.new\", \"input.txt\").unwrap(); text";
    check_unstored(replace, "it writes `");
    let append = "use std::io::Write; \
        let mut file = fs::File::options().append(true).open(\"input.txt\").unwrap(); \
        file.write_all(b\"x\").unwrap(); fs::read_to_string(\"input.txt\").unwrap()";
    check_unstored(append, "it writes `");
    let mode = "use std::os::unix::fs::PermissionsExt; \
        let text = fs::read_to_string(\"input.txt\").unwrap(); \
        fs::set_permissions(\"input.txt\", fs::Permissions::from_mode(0o600)).unwrap(); text";
    check_unstored(mode, "input.txt`");
}

/// What is made and removed again was never there.
#[test]
fn a_script_that_cleans_up_after_itself_is_stored() {
    let body = "fs::write(\"scratch\", \"text\").unwrap(); \
        let text = fs::read_to_string(\"scratch\").unwrap(); \
        fs::remove_file(\"scratch\").unwrap(); text";
    let trial = trial(body);
    trial.prove_hit(RUN);
}

#[test]
fn a_script_that_has_a_name_made_for_it_runs_each_time() {
    let body = "fs::read_to_string(\"/proc/sys/kernel/random/uuid\").unwrap()";
    check_unstored(body, "it reads `/proc/sys/kernel/random/uuid`");
}

#[test]
fn a_time_that_is_given_is_an_input_and_the_clock_is_not_asked() {
    let body = "env::var(\"SOURCE_DATE_EPOCH\").unwrap_or_else(|_| { \
        let now = std::time::SystemTime::now(); \
        now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().to_string() })";
    let mut trial = trial(body);
    trial.check_unstored(RUN, "what time it is");
    trial.set("SOURCE_DATE_EPOCH", "1000000000");
    trial.prove_hit(RUN);
    trial.set("SOURCE_DATE_EPOCH", "1000000001");
    assert_eq!(trial.check(RUN, Miss), "1000000001\n");
}

#[test]
fn a_date_that_a_child_makes_is_not_kept() {
    let shell = |line: &str| {
        format!(
            "let said = Command::new(\"sh\").args([\"-c\", {line:?}]).output().unwrap(); \
             String::from_utf8(said.stdout).unwrap().trim().to_owned()"
        )
    };
    check_unstored(&shell("date +%s"), "what time it is");
    check_unstored(&shell("touch \"$OUT_DIR/now\"; date -r \"$OUT_DIR/now\" +%s"), "time it is");
    check_unstored(&shell("perl -e 'print scalar localtime'"), "time it is");
}

/// A file that an earlier run left is part of what a run makes that adds to it.
#[test]
fn what_a_script_adds_to_is_not_taken_for_made() {
    let body = "use std::io::Write; \
        println!(\"cargo:rerun-if-env-changed=AGAIN\"); \
        let path = format!(\"{}/log\", env::var(\"OUT_DIR\").unwrap()); \
        let mut log = fs::File::options().create(true).append(true).open(&path).unwrap(); \
        writeln!(log, \"{}\", env::var(\"AGAIN\").unwrap_or_default()).unwrap(); \
        \"made\".into()";
    let mut trial = trial(body);
    trial.set("AGAIN", "1");
    let _built = trial.build();
    trial.set("AGAIN", "2");
    let built = trial.cargo_in(trial.project(), "build").run().unwrap();
    assert_unstored(event_of(&built, RUN), "an earlier run left");
    let _built = trial.build();
    let log = out_dir(&trial.project().target_dir()).join("log");
    assert_eq!(fs::read_to_string(log).unwrap(), "2\n");
}

/// Names that lead to other files by way of the process that looks.
#[test]
fn a_file_that_is_named_through_a_process_is_not_overlooked() {
    for place in
        ["/proc/self/cwd", "/proc/thread-self/cwd", "/proc/{pid}/cwd", "/proc/self/root{dir}"]
    {
        let body = format!(
            "let path = {place:?}.replace(\"{{pid}}\", &std::process::id().to_string()); \
             let path = path.replace(\"{{dir}}\", &env::var(\"CARGO_MANIFEST_DIR\").unwrap()); \
             fs::read_to_string(format!(\"{{path}}/input.txt\")).unwrap()"
        );
        check_noticed(&body);
    }
    let by_descriptor = "use std::os::fd::AsRawFd; let file = fs::File::open(\"input.txt\").unwrap(); \
        fs::read_to_string(format!(\"/dev/fd/{}\", file.as_raw_fd())).unwrap()";
    check_noticed(by_descriptor);
}

/// A child that is given no variables, or others, is not told to be observed.
#[test]
fn a_file_that_a_child_without_variables_reads_is_not_overlooked() {
    for how in ["env_clear()", "env_remove(\"LD_PRELOAD\")", "env(\"LD_PRELOAD\", \"\")"] {
        check_noticed(&format!(
            "let said = Command::new(\"/bin/cat\").arg(\"input.txt\").{how}.output().unwrap(); \
             String::from_utf8(said.stdout).unwrap()"
        ));
    }
}

/// Changes `input.txt`; what was made before must not be served.
#[track_caller]
fn check_noticed(body: &str) {
    let trial = trial(body);
    trial.write("input.txt", "one");
    assert_eq!(trial.check_all(&[]), "one\n", "{body}");
    trial.write("input.txt", "two");
    assert_eq!(trial.check_all(&[]), "two\n", "{body}");
}

#[test]
fn all_variables_read_from_a_file_are_not_overlooked() {
    let body = "let all = fs::read(\"/proc/self/environ\").unwrap(); \
        let all = String::from_utf8_lossy(&all).into_owned(); \
        all.split('\\0').find_map(|each| each.strip_prefix(\"GREETING=\")).unwrap_or(\"none\").into()";
    check_unstored(body, "it reads `/proc/self/environ`");
}

#[test]
fn a_file_in_shared_memory_is_an_input() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = dir.path().join("input");
    fs::write(&path, "one").unwrap();
    let trial = trial(&format!("fs::read_to_string({path:?}).unwrap()"));
    trial.prove_hit(RUN);
    fs::write(&path, "two").unwrap();
    assert_eq!(trial.check(RUN, Miss), "two\n");
}

#[test]
fn what_a_script_says_is_repeated_byte_for_byte() {
    let body = "println!(\"cargo:warning=über {}\", env::var(\"OUT_DIR\").unwrap()); \
        eprint!(\"no end\"); print!(\"cargo:rustc-env=LATE=x\"); \"made\".into()";
    let trial = trial(body);
    trial.prove_hit(RUN);
    let beside = |trial: &Trial| {
        let out = out_dir(&trial.project().target_dir());
        ["output", "stderr"].map(|name| fs::read(out.with_file_name(name)).unwrap())
    };
    let restored = beside(&trial);
    let _target = trial.build_bare_in(trial.project());
    let _built = trial.build();
    assert_eq!(restored, beside(&trial));
    assert!(restored[0].ends_with(b"LATE=x") && restored[1] == b"no end");
    assert!(contains(&trial.path("build.rs"), "no end"));
}

/// A `make` that a script starts shares cargo's jobs by way of these.
#[test]
fn a_script_inherits_the_pipe_of_cargos_jobserver() {
    let body = "let flags = env::var(\"CARGO_MAKEFLAGS\").unwrap_or_default(); \
        let pipe = flags.split(' ').find_map(|flag| flag.strip_prefix(\"--jobserver-auth=\")); \
        let open = |number: &str| Path::new(&format!(\"/proc/self/fd/{number}\")).exists(); \
        pipe.map(|pipe| pipe.split(',').all(open)).unwrap_or_default().to_string()";
    let trial = trial(body);
    trial.prove_hit(RUN);
    assert_eq!(trial.check(RUN, Hit), "true\n");
}

/// For compilers, kache puts links to itself before it.
#[test]
fn the_search_path_that_a_script_sees_is_the_users_where_no_compiler_is_wrapped() {
    let mut trial = trial("env::var(\"PATH\").unwrap()");
    trial.set("KACHE_BUILD_SCRIPTS_WRAP_CC", "false");
    trial.prove_hit(RUN);
}

/// Which variables a program picks from all of them cannot be seen; what the script
/// declares to cargo counts.
#[test]
fn a_variable_that_only_a_shell_takes_is_an_input_if_it_is_declared() {
    let body = "println!(\"cargo:rerun-if-env-changed=GREETING\"); \
        let said = Command::new(\"sh\").args([\"-c\", \"echo $GREETING $FAREWELL\"]).output(); \
        String::from_utf8(said.unwrap().stdout).unwrap().trim().to_owned()";
    let mut trial = trial(body);
    trial.prove_hit(RUN);
    trial.set("GREETING", "hello");
    assert_eq!(trial.check(RUN, Miss), "hello\n");
    trial.set("FAREWELL", "bye");
    Hit.assert_told_by(event_of(&trial.build(), RUN));
    // What builds are told by counts where a shell runs.
    trial.set("CFLAGS", "-O3");
    assert_eq!(trial.check(RUN, Compiled), "hello bye\n");
}

/// Has `cmake` build a library; it writes down which compiler it found.
const CMAKE: &str = "println!(\"cargo:rerun-if-env-changed=AGAIN\"); \
    let work = format!(\"{}/work\", env::var(\"OUT_DIR\").unwrap()); \
    let run = |args: &[&str]| { \
        assert!(Command::new(\"cmake\").args(args).status().unwrap().success()); }; \
    run(&[\"-S\", \"native\", \"-B\", &work]); run(&[\"--build\", &work]); \
    let cache = fs::read_to_string(format!(\"{work}/CMakeCache.txt\")).unwrap(); \
    let compiler = cache.lines().find(|line| line.starts_with(\"CMAKE_C_COMPILER:\")); \
    compiler.unwrap_or_default().to_owned()";

#[test]
fn what_a_script_found_a_compiler_by_stays_when_kache_goes() {
    if std::process::Command::new("cmake").arg("--version").output().is_err() {
        return kache_e2e::filesystem::skip("there is no cmake");
    }
    let trial = trial(CMAKE);
    let lists = "cmake_minimum_required(VERSION 3.10)\nproject(answer C)\n\
        add_library(answer STATIC answer.c)\n";
    trial.write("native/CMakeLists.txt", lists);
    trial.write("native/answer.c", "int answer(void) { return 42; }\n");
    let built = trial.build();
    assert!(built.events.iter().any(|event| event.name.ends_with("answer.c")), "kache had it");
    let named = |dir: &std::path::Path| {
        let ran = output_of(std::process::Command::new("grep").arg("-rlI").arg("/shims/").arg(dir));
        ran.unwrap_or_default()
    };
    let out = out_dir(&trial.project().target_dir());
    assert_eq!(named(&out), "", "it names a directory of kache's");
    fs::remove_dir_all(trial.scenario.env.cache_dir()).unwrap();
    let again = trial.cargo_in(trial.project(), "build").var("KACHE_DISABLED", "1");
    let built = again.var("AGAIN", "1").run().unwrap();
    assert!(built.success(), "{}", built.stderr);
    trial.prove_hit(RUN);
}

/// Writes a header and a source, has both compiled, and links the result.
const C: &str = "let out = env::var(\"OUT_DIR\").unwrap(); \
    let run = |tool: &str, args: &[&str]| { \
        assert!(Command::new(tool).args(args).status().unwrap().success()); }; \
    let number = fs::read_to_string(\"number.txt\").unwrap(); \
    fs::write(format!(\"{out}/number.h\"), format!(\"#define NUMBER {number}\")).unwrap(); \
    let object = format!(\"{out}/answer.o\"); \
    run(\"cc\", &[\"-c\", \"-g\", \"-I\", &out, \"-Iinclude\", \"answer.c\", \"-o\", &object]); \
    run(\"ar\", &[\"rcsD\", &format!(\"{out}/libanswer.a\"), &object]); \
    println!(\"cargo:rustc-link-search=native={out}\"); \
    println!(\"cargo:rustc-link-lib=static=answer\"); \
    String::new()";

#[test]
fn what_a_compiler_makes_for_a_script_follows_its_sources() {
    let trial = trial(C);
    let main = "extern \"C\" { fn answer() -> i32; }\n\
        fn main() { println!(\"{}\", unsafe { answer() }); }\n";
    trial.write("src/main.rs", main);
    let source = "#include \"number.h\"\n#include \"more.h\"\n\
        int answer(void) { return NUMBER + MORE; }\n";
    trial.write("answer.c", source);
    trial.write("include/more.h", "#define MORE 1\n");
    trial.write("number.txt", "40");
    trial.prove_hit(RUN);
    trial.write("number.txt", "50");
    assert_eq!(trial.check(RUN, Miss), "51\n");
    trial.write("include/more.h", "#define MORE 2\n");
    assert_eq!(trial.check(RUN, Miss), "52\n");
    trial.edit("answer.c", "+", "*");
    assert_eq!(trial.check(RUN, Miss), "100\n");
    trial.write("more.h", "#define MORE 3\n");
    assert_eq!(trial.check(RUN, Miss), "150\n");
    let there = trial.scenario.second_checkout("elsewhere/longer").unwrap();
    assert_eq!(trial.check_in(&there, RUN, Hit), "150\n");
}

#[test]
fn a_program_that_a_shell_finds_nowhere_is_missing_and_no_input() {
    let body = "let mut shell = Command::new(\"sh\"); \
        shell.args([\"-c\", \"(./tool) 2>/dev/null || echo none\"]); \
        String::from_utf8(shell.output().unwrap().stdout).unwrap()";
    let trial = trial(body);
    trial.prove_hit(RUN);
    assert_eq!(trial.check(RUN, Hit), "none\n\n");
    trial.script("tool", "echo found");
    assert_eq!(trial.check(RUN, Miss), "found\n\n");
    trial.remove("tool");
    assert_eq!(trial.check(RUN, Hit), "none\n\n");
}

#[test]
fn what_an_earlier_run_left_is_not_taken_for_made() {
    let body = "println!(\"cargo:rerun-if-env-changed=NAME\"); \
        let out = env::var(\"OUT_DIR\").unwrap(); \
        let name = env::var(\"NAME\").unwrap(); \
        fs::write(format!(\"{out}/{name}\"), \"made\").unwrap(); \
        fs::create_dir_all(format!(\"{out}/dir-{name}\")).unwrap(); \
        let _ = std::os::unix::fs::symlink(&name, format!(\"{out}/link-{name}\")); name";
    let mut trial = trial(body);
    trial.set("NAME", "one");
    drop(trial.check(RUN, Compiled));
    trial.set("NAME", "two");
    let built = trial.cargo_in(trial.project(), "build").run().unwrap();
    assert!(Compiled.is_told_by(event_of(&built, RUN)), "{}", event_of(&built, RUN).describe());
    drop(trial.check(RUN, Hit));
    let out = out_dir(&trial.project().target_dir());
    let mut names: Vec<_> = fs::read_dir(out)
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["dir-two", "link-two", "made.rs", "two"]);
}

#[test]
fn a_place_in_the_temporary_directory_is_not_taken_for_one_in_another() {
    let mut trial = trial("format!(\"/tmp/app.sock {}\", Path::new(\"/tmp/kache-none\").exists())");
    trial.set("TMPDIR", "/tmp");
    trial.prove_hit(RUN);
    trial.set("TMPDIR", "/var/tmp");
    assert_eq!(trial.check(RUN, Hit), "/tmp/app.sock false\n");
}

#[test]
fn a_link_that_is_left_by_a_parent_is_an_input() {
    let trial = trial("fs::read_to_string(\"link/../data\").unwrap()");
    for dir in ["one", "two"] {
        trial.write(&format!("{dir}/deep/note"), "");
        trial.write(&format!("{dir}/data"), dir);
    }
    let lead = |to: &str| {
        drop(fs::remove_file(trial.path("link")));
        std::os::unix::fs::symlink(format!("{to}/deep"), trial.path("link")).unwrap();
    };
    lead("one");
    trial.prove_hit(RUN);
    lead("two");
    assert_eq!(trial.check(RUN, Miss), "two\n");
}

#[test]
fn a_script_that_removes_what_it_did_not_make_runs_each_time() {
    let trial = trial("fs::remove_file(\"stale\").is_ok().to_string()");
    trial.write("stale", "");
    trial.check_unstored(RUN, "it removes");
    assert_eq!(trial.check(RUN, Compiled), "false\n");
}

#[test]
fn where_a_script_has_libraries_looked_for_is_an_input() {
    let mut trial = trial(
        "let said = Command::new(env::var(\"TOOL\").unwrap()).output().unwrap().stdout; \
         String::from_utf8(said).unwrap()",
    );
    trial.write(
        "tool.c",
        "#include <stdio.h>\nint f(void);\nint main(void) { printf(\"%d\", f()); }\n",
    );
    for (dir, value) in [("one", 1), ("two", 2)] {
        trial.write(&format!("{dir}/f.c"), format!("int f(void) {{ return {value}; }}\n"));
        let [source, library] = ["f.c", "libf.so"].map(|name| format!("{dir}/{name}"));
        trial.tool("cc", &["-shared", "-fPIC", &source, "-o", &library]);
    }
    trial.tool("cc", &["tool.c", "-Lone", "-lf", "-o", "tool"]);
    let [tool, one, two] = ["tool", "one", "two"].map(|name| trial.path(name));
    trial.set("TOOL", tool.to_string_lossy());
    trial.set("LD_LIBRARY_PATH", one.to_string_lossy());
    trial.prove_hit(RUN);
    trial.set("LD_LIBRARY_PATH", two.to_string_lossy());
    assert_eq!(trial.check(RUN, Compiled), "2\n");
}

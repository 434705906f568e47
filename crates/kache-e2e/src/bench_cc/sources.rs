//! What is compiled: single files with a known number of headers, and a project.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::bench::BenchError;
use crate::env::Env;
use crate::process::output_of;
use crate::project::Project;
use crate::registry::ZSTD;

/// A source file that is made for the measurement.
#[derive(Debug)]
pub struct Single {
    /// What it is called in the report.
    pub name: &'static str,
    /// The compiler.
    pub compiler: &'static str,
    /// The file.
    pub source: &'static str,
    /// How many headers it includes, in any depth.
    pub headers: usize,
    /// The system's headers that it includes itself.
    system: &'static [&'static str],
}

/// Every single file.
pub const SINGLES: [Single; 2] = [
    Single {
        name: "C, 60 headers",
        compiler: "gcc",
        source: "main.c",
        headers: 60,
        system: &["stdio.h", "string.h", "limits.h"],
    },
    Single {
        name: "C++, 240 headers",
        compiler: "g++",
        source: "main.cpp",
        headers: 240,
        system: &["vector", "string", "map", "iostream", "algorithm", "memory"],
    },
];

/// The options with which a single file is compiled.
const OPTIONS: [&str; 5] = ["-O2", "-Wall", "-Iinclude", "-c", "-o"];

impl Single {
    /// Writes the file and its headers to `dir`: as many of its own as it takes
    /// to have [`headers`](Self::headers) together with the system's.
    pub fn write(&self, env: &Env, dir: &Path) -> Result<Project, BenchError> {
        let project = Project::of_files(&[(self.source, &self.text(0))], dir)?;
        let of_system = self.count_headers(env, &project)?;
        let own = self.headers.checked_sub(of_system).filter(|own| *own > 0);
        let Some(own) = own else {
            let what = format!("{}: the system has {of_system} headers for it alone", self.name);
            return Err(BenchError::Unusable { what });
        };
        project.write(self.source, self.text(own))?;
        for number in 0..own {
            project.write(&format!("include/{}", header_name(number)), header(number))?;
        }
        let count = self.count_headers(env, &project)?;
        if count != self.headers {
            let what = format!("{}: it includes {count} headers", self.name);
            return Err(BenchError::Unusable { what });
        }
        Ok(project)
    }

    /// Returns the arguments of a compilation.
    pub fn args(&self) -> Vec<&'static str> {
        OPTIONS.into_iter().chain([self.object(), self.source]).collect()
    }

    /// Returns the name of the object.
    pub fn object(&self) -> &'static str {
        "main.o"
    }

    /// Returns the source with `own` headers of its own.
    fn text(&self, own: usize) -> String {
        let mut text = String::new();
        for name in self.system {
            push(&mut text, format_args!("#include <{name}>\n"));
        }
        for number in 0..own {
            push(&mut text, format_args!("#include \"{}\"\n", header_name(number)));
        }
        text.push_str("int main(int argc, char **argv) {\n    long sum = argv[0][0];\n");
        for number in 0..own {
            push(&mut text, format_args!("    sum += part_{number}_sum(argc);\n"));
        }
        text.push_str("    return (int)(sum & 127);\n}\n");
        text
    }

    /// Returns how many headers the compiler reads, by what it says itself.
    fn count_headers(&self, env: &Env, project: &Project) -> Result<usize, BenchError> {
        let mut command = env.command(self.compiler);
        command.current_dir(project.dir()).args(["-M", "-Iinclude", self.source]);
        let rule = output_of(&mut command)?;
        let read = rule.split_whitespace().filter(|word| *word != "\\");
        // The rule's target and the source itself are no headers.
        Ok(read.count().saturating_sub(2))
    }
}

fn header_name(number: usize) -> String {
    format!("part_{number:03}.h")
}

/// Returns a header like those of applications: some constants, a structure,
/// and functions to inline.
fn header(number: usize) -> String {
    let mut text =
        format!("#ifndef PART_{number}_H\n#define PART_{number}_H\n/* Part {number}. */\n");
    for field in 0..12 {
        push(&mut text, format_args!("#define PART_{number}_LIMIT_{field} {}\n", field * 7));
    }
    push(&mut text, format_args!("struct part_{number} {{\n"));
    for field in 0..12 {
        push(&mut text, format_args!("    long field_{field}; /* what it counts */\n"));
    }
    text.push_str("};\n");
    push(&mut text, format_args!("static inline long part_{number}_sum(long seed) {{\n"));
    push(&mut text, format_args!("    struct part_{number} it = {{0}};\n"));
    for field in 0..12 {
        push(
            &mut text,
            format_args!("    it.field_{field} = seed * PART_{number}_LIMIT_{field};\n"),
        );
    }
    text.push_str("    return it.field_0 + it.field_5 + it.field_11;\n}\n#endif\n");
    text
}

fn push(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a text can always grow");
}

/// A project that make builds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MakeProject {
    /// What it is called in the report.
    pub name: &'static str,
    /// How many files it compiles.
    pub files: usize,
}

/// The folders of Zstandard that are compiled.
const FOLDERS: [&str; 4] = ["common", "compress", "decompress", "dictBuilder"];

/// Copies Zstandard's library to `dir`, and writes a makefile as projects have
/// it: an object and a dependency file for each source.
pub fn write_project(dir: &Path) -> Result<(Project, MakeProject), BenchError> {
    let unusable = |what: String| BenchError::Unusable { what };
    let source = ZSTD.source().map_err(|error| unusable(error.to_string()))?;
    let project = Project::copy_of(&source.join("zstd/lib"), dir)?;
    let mut sources = Vec::new();
    for folder in FOLDERS {
        let dir = project.path(folder);
        let entries = std::fs::read_dir(&dir).map_err(BenchError::io("list", &dir))?;
        let paths = entries.flatten().map(|entry| entry.path());
        let paths = paths.filter(|path| path.extension().is_some_and(|it| it == "c"));
        let names = paths.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
        sources.extend(names.map(|name| format!("{folder}/{name}")));
    }
    sources.sort();
    project.write("Makefile", makefile(&sources))?;
    Ok((project, MakeProject { name: "zstd", files: sources.len() }))
}

fn makefile(sources: &[String]) -> String {
    let objects = sources.iter().map(|source| format!("out/{}.o", source.trim_end_matches(".c")));
    let objects: Vec<String> = objects.collect();
    format!(
        "CFLAGS = -O1 -Wall -DZSTD_DISABLE_ASM -DXXH_NAMESPACE=ZSTD_\n\
         OBJECTS = {}\n\
         all: $(OBJECTS)\n\
         out/%.o: %.c\n\
         \t$(CC) $(CFLAGS) -MD -MP -c -o $@ $<\n\
         $(OBJECTS): | {}\n\
         {}:\n\
         \tmkdir -p $@\n\
         -include $(OBJECTS:.o=.d)\n",
        objects.join(" "),
        FOLDERS.map(|folder| format!("out/{folder}")).join(" "),
        FOLDERS.map(|folder| format!("out/{folder}")).join(" "),
    )
}

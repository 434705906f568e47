//! Runs the contenders through all cases, in turns.

use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::contender::{Contender, Counts, Tools, Who};
use super::report::{Case, CaseReport};
use super::sources::SINGLES;
use crate::bench::BenchError;
use crate::process::Finished;

/// How long files must have been quiet until caches believe their times.
const SETTLE: Duration = Duration::from_millis(2100);

/// What is measured and how often.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The contenders.
    pub kinds: Vec<Who>,
    /// Samples of a hit.
    pub hits: usize,
    /// Samples of a compilation.
    pub misses: usize,
    /// Samples of a build with empty caches.
    pub builds: usize,
    /// Samples of a rebuild.
    pub rebuilds: usize,
}

/// Measures every case in directories below `parent`; `log` gets a line for each.
pub fn measure(
    plan: &Plan,
    tools: &Tools,
    parent: &Path,
    log: &mut dyn Write,
) -> Result<Vec<CaseReport>, BenchError> {
    let contenders = plan.kinds.iter().map(|who| Contender::new(*who, tools, parent));
    let mut bench = Bench { contenders: contenders.collect::<Result<_, _>>()? };
    thread::sleep(SETTLE);
    let mut reports = Vec::new();
    // Progress that cannot be shown is no reason to stop measuring.
    let mut say = |what: &str| drop(writeln!(log, "measuring {what}"));
    for (number, single) in SINGLES.iter().enumerate() {
        say(&format!("hits, {}", single.name));
        reports.extend(bench.hits(number, plan.hits)?);
        say(&format!("misses, {}", single.name));
        reports.extend(bench.misses(number, plan.misses)?);
    }
    say("builds");
    reports.extend(bench.builds(plan.builds)?);
    say("rebuilds");
    reports.extend(bench.rebuilds(plan.rebuilds)?);
    Ok(reports)
}

struct Bench {
    contenders: Vec<Contender>,
}

/// What one contender does in its turn.
type Turn<'a> = &'a mut dyn FnMut(&mut Contender, &mut CaseReport) -> Result<(), BenchError>;

impl Bench {
    /// Times hits of a single file, after showing that they are hits and right.
    fn hits(&mut self, number: usize, samples: usize) -> Result<Vec<CaseReport>, BenchError> {
        let mut reports = self.reports(Case::Hit(number));
        // The first stores, the second may still learn that times have settled.
        for _ in 0..2 {
            self.turn(&mut reports, &mut |it, _| it.compile(number).map(drop))?;
            thread::sleep(SETTLE);
        }
        self.forget_counts(&mut reports)?;
        self.turn(&mut reports, &mut |it, _| it.compile(number).map(drop))?;
        self.expect_objects(&mut reports, number)?;
        self.expect_counts(&mut reports, Counts { hits: 1, ..Counts::default() })?;
        for _ in 0..samples {
            self.sample(&mut reports, &|it| it.compile(number))?;
        }
        self.expect_counts(&mut reports, Counts { hits: samples, ..Counts::default() })?;
        Ok(reports)
    }

    /// Times compilations of a single file that was never seen so.
    fn misses(&mut self, number: usize, samples: usize) -> Result<Vec<CaseReport>, BenchError> {
        let mut reports = self.reports(Case::Miss(number));
        // After this the compiler and the headers are in memory.
        self.turn(&mut reports, &mut |it, _| it.compile(number).map(drop))?;
        self.forget_counts(&mut reports)?;
        for edit in 0..samples {
            self.turn(&mut reports, &mut |it, _| it.edit(number, edit))?;
            self.sample(&mut reports, &|it| it.compile(number))?;
            self.expect_objects(&mut reports, number)?;
        }
        self.expect_counts(&mut reports, Counts { misses: samples, ..Counts::default() })?;
        Ok(reports)
    }

    /// Times builds of the whole project with caches that hold nothing.
    fn builds(&mut self, samples: usize) -> Result<Vec<CaseReport>, BenchError> {
        let mut reports = self.reports(Case::Build);
        // After this the compiler and the sources are in memory.
        self.turn(&mut reports, &mut |it, _| it.make().map(drop))?;
        let misses = self.plain()?.project.files;
        for _ in 0..samples {
            self.turn(&mut reports, &mut |it, _| it.empty_caches())?;
            self.sample(&mut reports, &Contender::make)?;
            self.expect_counts(&mut reports, Counts { misses, ..Counts::default() })?;
            self.expect_made(&mut reports)?;
        }
        Ok(reports)
    }

    /// Times builds of the whole project, whose files are all in the caches.
    fn rebuilds(&mut self, samples: usize) -> Result<Vec<CaseReport>, BenchError> {
        let mut reports = self.reports(Case::Rebuild);
        self.turn(&mut reports, &mut |it, report| {
            let built = it.make()?;
            report.expect(built.status.success(), &built.stderr);
            Ok(())
        })?;
        thread::sleep(SETTLE);
        self.turn(&mut reports, &mut |it, _| match it.who {
            Who::Plain => Ok(()),
            Who::Ccache | Who::Kache => it.make().map(drop),
        })?;
        self.forget_counts(&mut reports)?;
        for _ in 0..samples {
            self.sample(&mut reports, &Contender::make)?;
        }
        self.expect_made(&mut reports)?;
        let files = self.plain()?.project.files * samples;
        self.expect_counts(&mut reports, Counts { hits: files, ..Counts::default() })?;
        Ok(reports)
    }

    fn reports(&self, case: Case) -> Vec<CaseReport> {
        self.contenders.iter().map(|it| CaseReport::new(case, it.who)).collect()
    }

    /// Returns the bare compiler, against which everything is checked.
    fn plain(&self) -> Result<&Contender, BenchError> {
        let plain = self.contenders.iter().find(|it| it.who == Who::Plain);
        plain.ok_or_else(|| BenchError::Unusable { what: "nothing to compare with".to_owned() })
    }

    /// Lets each contender act, without a clock.
    fn turn(&mut self, reports: &mut [CaseReport], act: Turn<'_>) -> Result<(), BenchError> {
        let mut pairs = self.contenders.iter_mut().zip(reports);
        pairs.try_for_each(|(contender, report)| act(contender, report))
    }

    /// Lets each contender act once, and measures it. Every time another one
    /// comes first, and they go round both ways: what the machine does meanwhile,
    /// and what each leaves in its caches, falls on all.
    fn sample(
        &self,
        reports: &mut [CaseReport],
        act: &dyn Fn(&Contender) -> Result<Finished, BenchError>,
    ) -> Result<(), BenchError> {
        let turns = reports.iter().map(CaseReport::samples).max().unwrap_or(0);
        let mut pairs: Vec<_> = self.contenders.iter().zip(reports).collect();
        let count = pairs.len().max(1);
        pairs.rotate_left(turns % count);
        if (turns / count) % 2 == 1 {
            pairs.reverse();
        }
        pairs.into_iter().try_for_each(|(contender, report)| {
            report.add(&act(contender)?);
            Ok(())
        })
    }

    fn forget_counts(&mut self, reports: &mut [CaseReport]) -> Result<(), BenchError> {
        self.turn(reports, &mut |it, _| it.counts().map(|_| ()))
    }

    fn expect_counts(
        &mut self,
        reports: &mut [CaseReport],
        expected: Counts,
    ) -> Result<(), BenchError> {
        self.turn(reports, &mut |it, report| {
            report.expect_counts(it.counts()?, expected);
            Ok(())
        })
    }

    /// Compares the files that the last builds made, byte for byte.
    fn expect_made(&mut self, reports: &mut [CaseReport]) -> Result<(), BenchError> {
        let expected = self.plain()?.made()?;
        self.turn(reports, &mut |it, report| {
            report.expect(it.made()? == expected, "an output differs from plain's");
            Ok(())
        })
    }

    /// Compares the objects that were made last, byte for byte.
    fn expect_objects(
        &mut self,
        reports: &mut [CaseReport],
        number: usize,
    ) -> Result<(), BenchError> {
        let expected = self.plain()?.object(number)?;
        self.turn(reports, &mut |it, report| {
            report.expect(it.object(number)? == expected, "the object differs from plain's");
            Ok(())
        })
    }
}

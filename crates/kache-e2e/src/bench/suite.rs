//! Taking turns: all contenders through all phases of one workload.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use super::BenchError;
use super::contender::{Contender, Kind, Tools};
use super::measure::Sample;
use super::phase::Phase;
use super::workload::Workload;

/// Everything measured with one workload.
pub type Samples = BTreeMap<(Phase, Kind), Vec<Sample>>;

/// What is measured and how often.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The phases, in order.
    pub phases: Vec<Phase>,
    /// The contenders.
    pub kinds: Vec<Kind>,
    /// How often everything is repeated.
    pub reps: usize,
}

/// Measures `workload` in directories below `parent`; `log` gets a line for
/// each build.
///
/// Within a phase the contenders take turns, and every turn starts with
/// another one: what the machine does meanwhile falls on all of them.
pub fn measure(
    workload: &'static Workload,
    plan: &Plan,
    tools: &Tools,
    parent: &Path,
    log: &mut dyn Write,
) -> Result<Samples, BenchError> {
    let contenders = plan.kinds.iter().map(|kind| Contender::new(*kind, workload, tools, parent));
    let mut contenders = contenders.collect::<Result<Vec<_>, _>>()?;
    let mut samples = Samples::new();
    let mut number = 0;
    for rep in 1..=plan.reps {
        for phase in &plan.phases {
            for _ in 0..phase.samples() {
                number += 1;
                for contender in contenders.iter_mut().filter(|it| phase.concerns(it.kind)) {
                    let sample = contender.sample(*phase, number)?;
                    log_sample(log, (workload.name, rep, *phase, contender.kind), &sample);
                    samples.entry((*phase, contender.kind)).or_default().push(sample);
                }
                let turn = 1.min(contenders.len());
                contenders.rotate_left(turn);
            }
        }
    }
    expect_units_of_plain(&mut samples);
    Ok(samples)
}

fn log_sample(log: &mut dyn Write, what: (&str, usize, Phase, Kind), sample: &Sample) {
    let (workload, rep, phase, kind) = what;
    let fault = sample.faults.first().map(|fault| format!(" INVALID: {fault}")).unwrap_or_default();
    let line = format!("{workload} #{rep} {phase} {kind}: {:.3} s{fault}", sample.wall_s);
    // Progress that cannot be shown is no reason to stop measuring.
    drop(writeln!(log, "{line}"));
}

/// Adds a fault to every sample whose unit count is not that of plain cargo.
fn expect_units_of_plain(samples: &mut Samples) {
    let of_plain = |phase: Phase, samples: &Samples| {
        // A warm build asks for as much as a cold one.
        let phase = if matches!(phase, Phase::Warm | Phase::Second) { Phase::Cold } else { phase };
        Some(samples.get(&(phase, Kind::Plain))?.first()?.units)
    };
    let expected: BTreeMap<Phase, usize> = super::phase::PHASES
        .iter()
        .filter_map(|phase| Some((*phase, of_plain(*phase, samples)?)))
        .collect();
    for ((phase, _), list) in samples {
        let Some(expected) = expected.get(phase) else { continue };
        for sample in list.iter_mut().filter(|sample| sample.units != *expected) {
            sample.faults.push(format!("cargo ran {} units, plain cargo {expected}", sample.units));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(units: usize) -> Sample {
        let faults = Vec::new();
        let (wall_s, cpu_s) = (1.0, 1.0);
        Sample { wall_s, cpu_s, units, hits: 0, misses: 0, spawned: 0, bytes: [0; 3], faults }
    }

    #[test]
    fn a_contender_must_run_the_units_that_plain_cargo_runs() {
        let mut samples = Samples::from([
            ((Phase::Cold, Kind::Plain), vec![sample(9)]),
            ((Phase::Warm, Kind::Kache), vec![sample(9), sample(8)]),
            ((Phase::FirstEdit, Kind::Kache), vec![sample(1)]),
        ]);
        expect_units_of_plain(&mut samples);
        let faults = |phase, kind| {
            let list: Vec<_> = samples[&(phase, kind)].iter().map(|it| it.faults.len()).collect();
            list
        };
        assert_eq!(faults(Phase::Cold, Kind::Plain), [0]);
        assert_eq!(faults(Phase::Warm, Kind::Kache), [0, 1]);
        assert_eq!(faults(Phase::FirstEdit, Kind::Kache), [0]);
    }
}

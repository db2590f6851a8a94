//! Shows what a run does now, and the rows of the probes for which nothing is left to do.

use std::collections::BTreeSet;

use probe_core::measurement::Measurement;
use probe_core::run::survey_order;

use super::super::{Evidence, so_far};
use super::Gathering;

impl Gathering<'_> {
    pub(super) fn show(&mut self) {
        if !self.progress.is_shown() {
            return;
        }
        self.progress.say(self.activity());
        let settled: BTreeSet<usize> = (0..self.planned.len())
            .filter(|index| self.probes[*index].is_some() && self.schedule.is_settled(*index))
            .collect();
        if settled != self.shown
            && self.progress.show_in_time(|| {
                let evidence = self.evidence();
                so_far::judged(self.run, evidence, |m| self.is_among(&settled, m))
            })
        {
            self.shown = settled;
        }
    }

    /// Returns everything that was measured so far.
    fn evidence(&self) -> Evidence {
        let all = 0..self.planned.len();
        let mut measurements: Vec<Measurement> =
            all.filter_map(|index| self.with_flows(index)).collect();
        survey_order::attach(self.surveys.clone(), &mut measurements);
        Evidence {
            measurements,
            reference_probes: self.reference.iter().cloned().collect(),
            controls: vec![self.control.clone()],
        }
    }

    fn is_among(&self, settled: &BTreeSet<usize>, measurement: &Measurement) -> bool {
        settled.iter().any(|index| {
            let planned = &self.planned[*index];
            planned.rule.id == measurement.rule.id && planned.silence == measurement.silence
        })
    }
}

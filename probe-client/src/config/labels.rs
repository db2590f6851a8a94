//! Finds the labels of a run: those of `--label`, and those that the launcher of the program sets in the environment.

use probe_core::labels::{JOB, Label, Labels, NODE, POD, TASK};

use super::problems::Problems;
use crate::environment::Environment;

/// A program that starts fwprobe on the nodes of a cluster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Launcher {
    Slurm,
    HpcPack,
    Kubernetes,
}

/// A label, and the variable that its value comes from.
struct Automatic {
    key: &'static str,
    variable: &'static str,
    launcher: Launcher,
}

/// The automatic labels. Of several rows with one key, the first whose variable is set counts.
///
/// Slurm: sbatch(1) and srun(1), "OUTPUT ENVIRONMENT VARIABLES". HPC Pack: learn.microsoft.com, gg286970, "Task
/// environment variables". Kubernetes sets the index of a Job's pod itself; a manifest sets the other names from the
/// fields `spec.nodeName` and `metadata.name` of the pod (kubernetes.io, "Downward API").
const AUTOMATIC: &[Automatic] = &[
    row(NODE, "SLURMD_NODENAME", Launcher::Slurm),
    row(JOB, "SLURM_JOB_ID", Launcher::Slurm),
    row(TASK, "SLURM_PROCID", Launcher::Slurm),
    row(JOB, "CCP_JOBID", Launcher::HpcPack),
    row(TASK, "CCP_TASKID", Launcher::HpcPack),
    row(NODE, "NODE_NAME", Launcher::Kubernetes),
    row(TASK, "JOB_COMPLETION_INDEX", Launcher::Kubernetes),
    row(POD, "POD_NAME", Launcher::Kubernetes),
];

const fn row(key: &'static str, variable: &'static str, launcher: Launcher) -> Automatic {
    Automatic {
        key,
        variable,
        launcher,
    }
}

impl Launcher {
    /// Returns the variable that only this launcher sets. Names such as NODE_NAME have a different meaning elsewhere,
    /// for example in Jenkins.
    const fn mark(self) -> &'static str {
        match self {
            Self::Slurm => "SLURM_JOB_ID",
            Self::HpcPack => "CCP_JOBID",
            Self::Kubernetes => "KUBERNETES_SERVICE_HOST",
        }
    }
}

/// Returns the labels of a run. A label that the user gave takes precedence over an automatic one.
pub(super) fn of_run(
    given: &[Label],
    environment: Environment<'_>,
    problems: &mut Problems,
) -> Labels {
    match Labels::of(given, &automatic(environment)) {
        Ok(labels) => labels,
        Err(wrong) => {
            for problem in wrong {
                problems.add(format!("--label: {problem}"));
            }
            Labels::default()
        }
    }
}

/// Returns the labels of the launcher. A variable whose value cannot be a label is left out, since the user did not set
/// it for fwprobe.
fn automatic(environment: Environment<'_>) -> Vec<Label> {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty());
    let rows = AUTOMATIC
        .iter()
        .filter(|row| set(row.launcher.mark()).is_some());
    rows.filter_map(|row| Label::new(row.key, &set(row.variable)?).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the labels as `key=value`, and the problems.
    fn labels(given: &[&str], variables: &[(&str, &str)]) -> (Vec<String>, Problems) {
        let given: Vec<Label> = given.iter().map(|text| text.parse().unwrap()).collect();
        let environment = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let mut problems = Problems::default();
        let labels = of_run(&given, &environment, &mut problems);
        let all = labels.iter().map(|(key, value)| format!("{key}={value}"));
        (all.collect(), problems)
    }

    #[test]
    fn each_launcher_names_the_job_and_its_part() {
        for (variables, expected) in [
            (
                vec![
                    ("SLURM_JOB_ID", "17"),
                    ("SLURMD_NODENAME", "n042"),
                    ("SLURM_PROCID", "3"),
                ],
                vec!["job=17", "node=n042", "task=3"],
            ),
            (
                vec![("CCP_JOBID", "17"), ("CCP_TASKID", "3")],
                vec!["job=17", "task=3"],
            ),
            (
                vec![
                    ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
                    ("NODE_NAME", "aks-2"),
                    ("POD_NAME", "probe-3-x7k2p"),
                    ("JOB_COMPLETION_INDEX", "3"),
                ],
                vec!["node=aks-2", "pod=probe-3-x7k2p", "task=3"],
            ),
            // Slurm in a pod: the row of Slurm is the first.
            (
                vec![
                    ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
                    ("NODE_NAME", "aks-2"),
                    ("SLURM_JOB_ID", "17"),
                    ("SLURMD_NODENAME", "n042"),
                ],
                vec!["job=17", "node=n042"],
            ),
        ] {
            let (labels, problems) = labels(&[], &variables);
            assert_eq!(labels, expected);
            assert_eq!(problems, Problems::default());
        }
    }

    #[test]
    fn variables_of_other_programs_make_no_labels() {
        for variables in [
            vec![("NODE_NAME", "built-in"), ("POD_NAME", "x")],
            vec![("SLURMD_NODENAME", "n042")],
            vec![("SLURM_JOB_ID", "")],
            vec![("SLURM_JOB_ID", "a\nb")],
        ] {
            let (labels, problems) = labels(&[], &variables);
            assert_eq!(labels, Vec::<String>::new(), "{variables:?}");
            assert_eq!(problems, Problems::default());
        }
    }

    #[test]
    fn a_given_label_takes_precedence() {
        let variables = [("SLURM_JOB_ID", "17"), ("SLURMD_NODENAME", "n042")];
        let (labels, _) = labels(&["node=mine", "rack=12"], &variables);
        assert_eq!(labels, ["job=17", "node=mine", "rack=12"]);
    }

    #[test]
    fn a_key_that_is_given_twice_is_a_problem() {
        let (_, problems) = labels(&["rack=7", "rack=8"], &[]);
        assert_eq!(
            problems.to_string(),
            "--label: `rack` is given twice, with the values `7` and `8`: give one of them"
        );
    }
}

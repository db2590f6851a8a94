//! Rewrites OpenMetrics as the older text format of Prometheus. In that format, the comments about a counter name it
//! with `_total`, an info is a gauge, and there are neither units nor an end mark.

/// Returns `open`, which this crate wrote, in the older format.
pub(super) fn of_open_metrics(open: &str) -> String {
    let mut out = String::new();
    // The help precedes the type, and the name to write in the help depends on the type.
    let mut help: Option<(&str, &str)> = None;
    for line in open.lines() {
        let Some(comment) = line.strip_prefix("# ") else {
            out.push_str(line);
            out.push('\n');
            continue;
        };
        let mut words = comment.splitn(3, ' ');
        match (words.next(), words.next(), words.next()) {
            (Some("HELP"), Some(name), text) => help = Some((name, text.unwrap_or_default())),
            (Some("TYPE"), Some(name), Some(kind)) => {
                let (suffix, kind) = match kind {
                    "counter" => ("_total", kind),
                    "info" => ("_info", "gauge"),
                    _ => ("", kind),
                };
                if let Some((_, text)) = help.take().filter(|(of, _)| *of == name) {
                    out.push_str(&format!("# HELP {name}{suffix} {text}\n"));
                }
                out.push_str(&format!("# TYPE {name}{suffix} {kind}\n"));
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_infos_are_renamed() {
        let open = "# HELP a_runs Runs.\n# TYPE a_runs counter\na_runs_total 1\n# HELP a_build B.\n\
                    # TYPE a_build info\na_build_info{version=\"1\"} 1\n# HELP a_seconds T.\n\
                    # TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 2\n# EOF\n";
        let classic = "# HELP a_runs_total Runs.\n# TYPE a_runs_total counter\na_runs_total 1\n\
                       # HELP a_build_info B.\n# TYPE a_build_info gauge\n\
                       a_build_info{version=\"1\"} 1\n# HELP a_seconds T.\n\
                       # TYPE a_seconds gauge\na_seconds 2\n";
        assert_eq!(of_open_metrics(open), classic);
    }
}

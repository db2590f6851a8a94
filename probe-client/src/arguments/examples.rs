//! Examples in the help of commands, each as it is typed.

pub(super) const DEMO: &str = "\
Example:
  fwprobe demo";

pub(super) const RUN: &str = "\
Examples:
  fwprobe run hpc-2008r2-sp1 --connection-file echo.txt
  fwprobe run --port 443/https --connection-file echo.txt --quick
  fwprobe run hpc-2008r2-sp1 --connection-file echo.txt --output run.json --output report.html
  fwprobe run hpc-2008r2-sp1 --via direct --via http://proxy.example:3128";

pub(super) const WATCH: &str = "\
Examples:
  fwprobe watch hpc-2008r2-sp1 --connection-file echo.txt --interval 1h --output runs
  fwprobe watch hpc-2008r2-sp1 --connection-file echo.txt --count 1 --listen none --output runs";

pub(super) const IDLE: &str = "\
Example:
  fwprobe idle hpc-2008r2-sp1 --connection-file echo.txt --hold 1m,4m,10m";

pub(super) const PLAN: &str = "\
Example:
  fwprobe plan hpc-2008r2-sp1 --host echo.example";

pub(super) const CHECK: &str = "\
Examples:
  fwprobe check --certificate management.pfx --node-type worker --nodes 100 --cores 800
  fwprobe check --registry-export hpc.reg --assume sp=3";

pub(super) const EXPLAIN: &str = "\
Examples:
  fwprobe explain dropped
  fwprobe explain run.json";

pub(super) const REPORT: &str = "\
Examples:
  fwprobe report run.json --format firewall-request
  fwprobe report run.json --output report.html";

pub(super) const DIFF: &str = "\
Examples:
  fwprobe diff before.json after.json
  fwprobe diff runs-of-last-week/ runs/";

pub(super) const HISTORY: &str = "\
Example:
  fwprobe history runs/ --changes --since 30d";

pub(super) const MERGE: &str = "\
Examples:
  fwprobe merge runs/
  fwprobe merge runs/ --expect-nodes \"n[001-100]\"
  fwprobe merge runs/ --before runs-of-last-week/ --output site.html";

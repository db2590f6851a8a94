//! The text of `--help`.

use crate::command::{run, stdout};

#[test]
fn help() {
    insta::assert_snapshot!(stdout(&["--help"]), @r#"
    The end in the cloud: proves who it is to clients that hold a key, and testifies what arrived. To
    anyone else it is silent

    Usage: fwprobe-echo <COMMAND>

    Commands:
      identity      Make or change who this server is and whom it knows
      serve         Listen and answer, until SIGTERM or SIGINT
      check-config  Say everything that is wrong with the configuration, or what it amounts to
      help          Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Exit codes: 0 done; 2 not done, and standard error says why and what would be right.

    First steps: `fwprobe-echo identity new --dir /etc/fwprobe-echo --host NAME`, then
    `fwprobe-echo serve`, then on the head node `fwprobe run` with the line that the first one printed.
    "#);
}

#[test]
fn help_serve() {
    insta::assert_snapshot!(stdout(&["serve", "--help"]), @r#"
    Listen and answer, until SIGTERM or SIGINT

    Usage: fwprobe-echo serve [OPTIONS]

    Options:
          --config <FILE>        Configuration file (TOML). Without it, the defaults and what follows
                                 here
          --identity <DIR>       The identity's directory [default: /etc/fwprobe-echo]
          --port <PORT>          Port to listen on [default: 80, 443, 3389, 5901, 5902, 7998, 7999].
                                 Repeatable
          --address <IP>         Listen on these addresses alone [default: all of both families].
                                 Repeatable
          --listen <IP:PORT>     Listen on this port of this address as well, or instead if no --port is
                                 given. Repeatable
          --control-port <PORT>  Further port to listen on, for comparison [default: the one in the
                                 connection strings]
          --instance <NAME>      What testimonies call this server [default: the host's name]
          --reuse-port           Let further processes listen on the same ports
          --behind-source-nat    The addresses seen here are not the clients' own: release sightings by
                                 content alone
          --grace <SECONDS>      How long running sessions may go on after SIGTERM or SIGINT [default:
                                 10]
          --sandbox <MODE>       Give up all rights that serving does not need: as far as the kernel
                                 can, wholly, or not [default: best-effort] [possible values:
                                 best-effort, required, off]
          --log-format <FORMAT>  How to log, on standard error [default: text] [possible values: text,
                                 json]
          --log-level <LEVEL>    How much to log; debug tells of each session [default: info] [possible
                                 values: error, warn, info, debug, trace]
      -h, --help                 Print help
    "#);
}

#[test]
fn help_identity() {
    insta::assert_snapshot!(stdout(&["identity", "--help"]), @r#"
    Make or change who this server is and whom it knows

    Usage: fwprobe-echo identity <COMMAND>

    Commands:
      new         Make a certificate and client keys, and print a connection string for each key
      show        Show the pin, the hosts and the keys, without secrets
      add-key     Make one more client key, and print its connection string
      revoke-key  Let a client key open nothing any more
      roll-over   Replace the server's key and certificate without a moment that clients notice
      help        Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help
    "#);
}

#[test]
fn help_identity_new() {
    insta::assert_snapshot!(stdout(&["identity", "new", "--help"]), @r#"
    Make a certificate and client keys, and print a connection string for each key

    Usage: fwprobe-echo identity new [OPTIONS] --dir <DIR> --host <HOST>

    Options:
          --dir <DIR>            The identity's directory
          --host <HOST>          Name or address at which clients find this server. Repeatable
          --key <LABEL>          Make a client key, and note whose it is. Repeatable; one key is made
                                 without it
          --keys <N>             Make this many client keys, numbered
          --output <FILE>        Write the connection string to this new file, which only you can read,
                                 instead of printing it. For one key
          --control-port <PORT>  Port outside every profile on which clients find the server as well,
                                 for comparison [default: 8443]
      -h, --help                 Print help
    "#);
}

#[test]
fn no_command_is_an_error_of_usage() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(2));
}

//! The text of `--help`.

use crate::command::{run, stdout};

#[test]
fn help() {
    insta::assert_snapshot!(stdout(&["--help"]), @r#"
    The server in the cloud: proves its identity to clients that hold a key, and reports what arrived.
    To all others it is silent

    Usage: fwprobe-echo <COMMAND>

    Commands:
      identity      Make or change the server's certificate and its client keys
      serve         Listen and answer, until SIGTERM or SIGINT
      check-config  Report everything that is wrong with the configuration, or print the settings that
                    result from it
      help          Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Exit codes: 0 done; 2 not done, and standard error says why and what would be right.

    First steps: `fwprobe-echo identity new --dir /etc/fwprobe-echo --host NAME`, then
    `fwprobe-echo serve`, then on the head node `fwprobe run` with the connection string that the
    first command printed.
    "#);
}

#[test]
fn help_serve() {
    insta::assert_snapshot!(stdout(&["serve", "--help"]), @r#"
    Listen and answer, until SIGTERM or SIGINT

    Usage: fwprobe-echo serve [OPTIONS]

    Options:
          --config <FILE>        Configuration file (TOML). Without it, the defaults and the other
                                 arguments apply
          --identity <DIR>       The identity's directory [default: /etc/fwprobe-echo]
          --port <PORT>          Port to listen on [default: 80, 443, 3389, 5901, 5902, 7998, 7999].
                                 Repeatable
          --address <IP>         Listen only on these addresses [default: all of both families].
                                 Repeatable
          --listen <IP:PORT>     Listen on this port of this address as well, or instead if no --port is
                                 given. Repeatable
          --control-port <PORT>  Control port, an additional port to listen on [default: the port in the
                                 connection strings]
          --instance <NAME>      Name of this server in testimonies [default: the host's name]
          --reuse-port           Let further processes listen on the same ports
          --behind-source-nat    The server does not see the clients' own addresses: release a sighting
                                 only by its first bytes
          --grace <SECONDS>      How long running sessions may go on after SIGTERM or SIGINT [default:
                                 10]
          --sandbox <MODE>       Give up all rights that serving does not need: as far as the kernel
                                 can, completely, or not at all [default: best-effort] [possible values:
                                 best-effort, required, off]
          --log-format <FORMAT>  How to log, on standard error [default: text] [possible values: text,
                                 json]
          --log-level <LEVEL>    How much to log; debug reports each session [default: info] [possible
                                 values: error, warn, info, debug, trace]
      -h, --help                 Print help
    "#);
}

#[test]
fn help_identity() {
    insta::assert_snapshot!(stdout(&["identity", "--help"]), @r#"
    Make or change the server's certificate and its client keys

    Usage: fwprobe-echo identity <COMMAND>

    Commands:
      new         Make a certificate and client keys, and print a connection string for each key
      show        Show the pin, the hosts and the keys, without secrets
      add-key     Make one more client key, and print its connection string
      revoke-key  Revoke a client key, so that it opens no more sessions
      roll-over   Replace the server's key and certificate without an interruption for clients
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
          --key <LABEL>          Make a client key with this label. Repeatable; without it, one key is
                                 made
          --keys <N>             Make this many client keys, numbered
          --output <FILE>        Write the connection string to this new file, which only you can read,
                                 instead of printing it. For one key
          --control-port <PORT>  Control port of the server, outside every profile; clients also compare
                                 it with the ports under test [default: 8443]
      -h, --help                 Print help
    "#);
}

#[test]
fn no_command_is_an_error_of_usage() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(2));
}

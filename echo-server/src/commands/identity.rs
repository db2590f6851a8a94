//! The command `fwprobe-echo identity` with its subcommands.

use std::io::Write;
use std::path::Path;

use anyhow::bail;
use jiff::Timestamp;
use proto::connection_string::ConnectionString;

use super::connection_file::ConnectionFile;
use crate::arguments::{
    AddKey, IdentityCommand, InDirectory, NewIdentity, RevokeKey, RollOverStep,
};
use crate::identity::{
    CERTIFICATE_FILE, ClientKey, Identity, KEY_FILE, KEYS_FILE, Label, NEXT_CERTIFICATE_FILE,
    NEXT_KEY_FILE,
};

pub(super) fn run(command: IdentityCommand, out: &mut dyn Write) -> anyhow::Result<()> {
    match command {
        IdentityCommand::New(arguments) => new(arguments, out),
        IdentityCommand::Show(InDirectory { dir }) => show(&dir, out),
        IdentityCommand::AddKey(arguments) => add_key(arguments, out),
        IdentityCommand::RevokeKey(arguments) => revoke_key(&arguments, out),
        IdentityCommand::RollOver { step } => roll_over(step, out),
    }
}

fn new(arguments: NewIdentity, out: &mut dyn Write) -> anyhow::Result<()> {
    let directory = arguments.directory.dir;
    let labels = labels(arguments.labels, arguments.count);
    if arguments.output.is_some() && labels.len() > 1 {
        bail!(
            "--output can hold only one connection string, but {} keys were requested; leave \
             --output out, or make the other keys with `fwprobe-echo identity add-key`",
            labels.len()
        );
    }
    let output = arguments.output.as_deref().map(ConnectionFile::prepare);
    let output = output.transpose()?;
    let now = Timestamp::now();
    let identity = Identity::mint(&arguments.hosts, arguments.control_port, labels, now)?;
    identity.save_new(&directory)?;
    writeln!(
        out,
        "Made {KEY_FILE}, {CERTIFICATE_FILE} and {KEYS_FILE} in {}.\n\
         Clients recognise the server by the key in its certificate; they ignore its names and its \
         expiry date.\n",
        directory.display()
    )?;
    if let (Some(output), [key]) = (output, identity.keys()) {
        let path = output.keep(&identity.connection_string(key))?;
        writeln!(
            out,
            "Wrote the connection string for {}, key {}, to {}. Only you can read it. Everybody \
             who\n\
             has it can use the server: bring it to the head node in a way that keeps it secret. \
             Then:\n  here              fwprobe-echo serve --identity {}\n  on the head node  \
             fwprobe run hpc-2008r2-sp1 --connection-file {}\n\
             `fwprobe profiles list` names the other profiles.",
            key.label,
            key.id,
            path.display(),
            directory.display(),
            path.display()
        )?;
        return Ok(());
    }
    for key in identity.keys() {
        print_connection_string(&identity.connection_string(key), key, out)?;
    }
    writeln!(
        out,
        "Everybody who has such a line can use the server, and it is not shown again: copy each, \
         without the\nother lines, into a file that only its user can read (with --output, this \
         command writes that file).\nThen:\n  here              fwprobe-echo serve \
         --identity {}\n  on the head node  fwprobe run hpc-2008r2-sp1 --connection-file \
         FILE\n\
         `fwprobe profiles list` names the other profiles.",
        directory.display()
    )?;
    Ok(())
}

fn labels(labels: Vec<Label>, count: Option<u16>) -> Vec<Label> {
    let numbered = |number: u16| {
        let text = format!("client {number}");
        text.parse().expect("a word and a number are a label")
    };
    if labels.is_empty() {
        (1..=count.unwrap_or(1)).map(numbered).collect()
    } else {
        labels
    }
}

fn print_connection_string(
    string: &ConnectionString,
    key: &ClientKey,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let string = string.expose();
    writeln!(
        out,
        "Connection string for {}, key {}:\n{string}\n",
        key.label, key.id
    )
}

fn show(directory: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
    let identity = Identity::load(directory)?;
    writeln!(out, "pin           {}", identity.pin())?;
    if let Some(pin) = identity.next_pin() {
        writeln!(out, "next pin      {pin}")?;
    }
    writeln!(out, "hosts         {}", identity.hosts().join(", "))?;
    writeln!(out, "control port  {}", identity.control_port())?;
    for key in identity.keys() {
        let state = match key {
            key if key.revoked => "revoked",
            key if key.admin => "admin",
            _ => "valid",
        };
        writeln!(
            out,
            "key           {}  {state}  created {:.0}  {}",
            key.id, key.created, key.label
        )?;
    }
    Ok(())
}

fn add_key(arguments: AddKey, out: &mut dyn Write) -> anyhow::Result<()> {
    let directory = arguments.directory.dir;
    let output = arguments.output.as_deref().map(ConnectionFile::prepare);
    let output = output.transpose()?;
    let (key, string) = Identity::add_key_to_connect(
        &directory,
        arguments.label,
        arguments.admin,
        Timestamp::now(),
    )?;
    match output {
        Some(output) => {
            let path = output.keep(&string)?;
            writeln!(
                out,
                "Wrote the connection string for {}, key {}, to {}. Only you can read it.",
                key.label,
                key.id,
                path.display()
            )?;
        }
        None => print_connection_string(&string, &key, out)?,
    }
    writeln!(out, "{RESTART}")?;
    Ok(())
}

fn revoke_key(arguments: &RevokeKey, out: &mut dyn Write) -> anyhow::Result<()> {
    Identity::revoke_key(&arguments.directory.dir, &arguments.id)?;
    writeln!(out, "Key {} is revoked. {RESTART}", arguments.id)?;
    Ok(())
}

fn roll_over(step: RollOverStep, out: &mut dyn Write) -> anyhow::Result<()> {
    match step {
        RollOverStep::Begin(InDirectory { dir }) => {
            let pin = Identity::begin_roll_over(&dir, Timestamp::now())?;
            writeln!(
                out,
                "Made {NEXT_KEY_FILE} and {NEXT_CERTIFICATE_FILE} in {}. Nothing has changed yet.\n\
                 Add this to the end of every connection string, on every head node:\n\
                 &pin={pin}\n\
                 Then: fwprobe-echo identity roll-over finish --dir {}",
                dir.display(),
                dir.display()
            )?;
        }
        RollOverStep::Finish(InDirectory { dir }) => {
            let pin = Identity::finish_roll_over(&dir)?;
            writeln!(out, "The pin is {pin} from now on. {RESTART}")?;
        }
    }
    Ok(())
}

const RESTART: &str =
    "A running server takes this over when it reloads: `systemctl reload fwprobe-echo`, or SIGHUP.";

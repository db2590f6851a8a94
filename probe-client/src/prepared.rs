//! A run as `fwprobe run` and `fwprobe watch` prepare it: everything is read from arguments, environment and files
//! before the first packet.

use anyhow::Context as _;
use head_node::HeadNode;
use head_node::check::checks_of_run;
use probe_documents::RunDocument;

use crate::arguments::MeasuringArguments;
use crate::config::{self, Config};
use crate::environment::Environment;
use crate::key_store::{ClientIdentity, PasswordSource, client_identity};

/// A run that can be carried out, once or repeatedly.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) config: Config,
    head_node: HeadNode,
}

impl Prepared {
    /// Reads everything that the run needs.
    ///
    /// # Errors
    ///
    /// Something is missing or wrong, or there is nothing to probe.
    pub(crate) fn read(
        arguments: &MeasuringArguments,
        environment: Environment<'_>,
    ) -> anyhow::Result<Self> {
        let head_node = crate::head_node::gather(&arguments.head_node, environment)?;
        let config = config::resolve(
            &arguments.what,
            &arguments.server,
            &arguments.cluster,
            &head_node,
            arguments.timeout,
            environment,
        )?
        .with_something_to_probe()?;
        let config = Config {
            client: client(arguments, environment)?,
            flows: arguments.flows.map(usize::from),
            quick: arguments.quick,
            ..config
        };
        Ok(Self { config, head_node })
    }

    /// Adds the checks of the head node to the document of a run.
    pub(crate) fn checked(&mut self, mut document: RunDocument) -> RunDocument {
        crate::head_node::learn(&mut self.head_node, &document);
        document.checks = checks_of_run(&self.head_node, jiff::Timestamp::now());
        document
    }
}

/// Loads the certificate that `--client-certificate` names.
fn client(
    arguments: &MeasuringArguments,
    environment: Environment<'_>,
) -> anyhow::Result<Option<ClientIdentity>> {
    let Some(path) = &arguments.client_certificate else {
        return Ok(None);
    };
    let file = arguments.head_node.certificate_password_file.as_deref();
    let passwords = PasswordSource::new(file, environment);
    let identity = client_identity(path, &passwords)
        .with_context(|| format!("--client-certificate {}", path.display()))?;
    Ok(Some(identity))
}

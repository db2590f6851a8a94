//! A third-party Kerberos KDC (MIT's) on loopback, with its own realm and without privileges.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::real_proxy::{RealProxy, Setting};
use crate::trial::Need;

/// A KDC that accepts connections, killed when dropped.
#[derive(Debug)]
pub struct RealKdc {
    configuration: PathBuf,
    keytab: PathBuf,
    _running: RealProxy,
}

impl RealKdc {
    /// The tools that the KDC needs.
    pub const NEEDS: [Need; 3] = [
        Need::Tool("kdb5_util"),
        Need::Tool("kadmin.local"),
        Need::Tool("krb5kdc"),
    ];

    /// Starts a KDC with two principals: `user`, with `password`, and `service`, whose key it writes to a keytab.
    ///
    /// # Errors
    /// Fails if the KDC does not come up.
    pub fn start(user: &str, password: &str, service: &str) -> anyhow::Result<Self> {
        let setting = Setting::on(Ipv4Addr::LOCALHOST.into())?;
        let directory = setting.directory().display().to_string();
        let at = setting.address().to_string();
        let [configuration, own] =
            [("krb5.conf", CLIENTS), ("kdc.conf", SERVER)].map(|(name, text)| {
                let text = text.replace("{REALM}", Self::REALM);
                let text = text.replace("{DIR}", &directory).replace("{AT}", &at);
                setting.file(name, &text)
            });
        let (configuration, own) = (configuration?, own?);
        let keytab = setting.directory().join("keytab");
        let variables = [
            variable("KRB5_CONFIG", &configuration)?,
            variable("KRB5_KDC_PROFILE", &own)?,
        ];
        let with = |words: &[&str]| -> Vec<String> {
            let words = words.iter().map(ToString::to_string);
            variables.iter().cloned().chain(words).collect()
        };
        setting.prepare("env", &with(&["kdb5_util", "create", "-s", "-P", "master"]))?;
        for query in [
            format!("addprinc +requires_preauth -pw {password} {user}"),
            format!("addprinc -randkey {service}"),
            format!("ktadd -k {} {service}", keytab.display()),
        ] {
            setting.prepare("env", &with(&["kadmin.local", "-q", &query]))?;
        }
        let running = setting.start("env", &with(&["krb5kdc", "-n"]))?;
        Ok(Self {
            configuration,
            keytab,
            _running: running,
        })
    }

    /// Returns the configuration file that tells clients the KDC's address, for KRB5_CONFIG.
    pub fn configuration(&self) -> &Path {
        &self.configuration
    }

    /// Returns the keytab with the service's key.
    pub fn keytab(&self) -> &Path {
        &self.keytab
    }

    pub const REALM: &str = "FWPROBE.TEST";
}

fn variable(name: &str, path: &Path) -> anyhow::Result<String> {
    let path = path.to_str().context("a temporary path in UTF-8")?;
    Ok(format!("{name}={path}"))
}

const CLIENTS: &str = "\
[libdefaults]
	default_realm = {REALM}
	dns_lookup_kdc = false
	dns_lookup_realm = false
[realms]
	{REALM} = {
		kdc = {AT}
	}
";

const SERVER: &str = "\
[realms]
	{REALM} = {
		database_name = {DIR}/principal
		key_stash_file = {DIR}/stash
		acl_file = {DIR}/acl
		kdc_listen = {AT}
		kdc_tcp_listen = {AT}
	}
[logging]
	kdc = STDERR
";

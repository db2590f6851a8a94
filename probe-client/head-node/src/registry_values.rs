//! Turns registry values into readings. It knows where HPC Pack, Windows and its certificate stores keep the values
//! that checks need.

use probe_core::system_proxy::redacted;

use super::registry::{Registry, Value};
use super::{
    CertificateStores, HeadNode, Origin, ProductVersion, Proxy, Reading, Store, StoredCertificate,
    Version, proxy,
};

pub(super) fn read(node: &mut HeadNode, registry: &Registry, origin: &Origin) {
    let source = Source { registry, origin };
    node.installed.or_take(source.installed());
    node.version.or_take(source.version());
    node.roles.or_take(source.value("InstalledRole", roles));
    let switch = source.value("UseSp2AzurePorts", dword);
    node.use_sp2_azure_ports.or_take(switch);
    let calls = source.value("FileStagingMaxConcurrentCalls", dword);
    node.file_staging_calls.or_take(calls);
    let topology = source.value("NetworkTopology", text_or_number);
    node.network_topology.or_take(topology);
    source.proxies(&mut node.proxies);
    node.stores.or_take(source.stores());
    node.ignored_values.extend(source.ignored());
}

#[derive(Clone, Copy, Debug)]
struct Source<'a> {
    registry: &'a Registry,
    origin: &'a Origin,
}

impl Source<'_> {
    /// Returns HPC Pack's key, from the 32-bit view if the native view has none.
    fn hpc_key(&self) -> Option<&'static str> {
        HPC.into_iter().find(|key| self.registry.has_key(key))
    }

    fn installed(&self) -> Reading<()> {
        if self.hpc_key().is_some() {
            Reading::Found(self.origin.clone(), ())
        } else if self.registry.covers(HPC[0]) {
            Reading::Absent(self.origin.clone())
        } else {
            Reading::NotRead
        }
    }

    /// Reads a value from one view only, because a program never sees the values of the other view.
    fn value<T>(&self, name: &str, convert: fn(&Value) -> Option<T>) -> Reading<T> {
        let found = self
            .hpc_key()
            .and_then(|key| self.registry.value(key, name));
        match found {
            Some(value) => match convert(value) {
                Some(value) => Reading::Found(self.origin.clone(), value),
                None => Reading::Unusable(self.origin.clone(), value.described()),
            },
            None if self.registry.covers(HPC[0]) => Reading::Absent(self.origin.clone()),
            None => Reading::NotRead,
        }
    }

    /// Returns the values of the 32-bit view that the native key lacks or contradicts.
    fn ignored(&self) -> Vec<String> {
        let [native, narrow] = HPC;
        if !self.registry.has_key(native) {
            return Vec::new();
        }
        let differing = VALUES.into_iter().filter(|name| {
            let found = self.registry.value(narrow, name);
            found.is_some() && found != self.registry.value(native, name)
        });
        let told = differing.map(|name| format!("{}: {narrow}\\{name}", self.origin));
        told.collect()
    }

    /// Returns the highest version that the list of installed programs gives for HPC Pack's product codes.
    fn version(&self) -> Reading<ProductVersion> {
        let mut versions = Vec::new();
        for list in UNINSTALL {
            for code in PRODUCT_CODES {
                let key = format!(r"{list}\{code}");
                if let Some(Value::Text(text)) = self.registry.value(&key, "DisplayVersion") {
                    versions.extend(text.parse::<Version>());
                }
            }
        }
        match versions.into_iter().max() {
            Some(version) => Reading::Found(
                self.origin.clone(),
                ProductVersion {
                    version,
                    // Updates from 2012 on are installed as new products; service packs of 2008 R2 are patches.
                    shows_service_pack: version.major != 3,
                },
            ),
            None if self.registry.covers(UNINSTALL[0]) => Reading::Absent(self.origin.clone()),
            None => Reading::NotRead,
        }
    }

    fn proxies(&self, into: &mut Reading<Vec<Proxy>>) {
        let mut found = Vec::new();
        for (key, whose) in INTERNET_SETTINGS {
            let connections = format!(r"{key}\Connections");
            if let Some(Value::Binary(blob)) = self.registry.value(&connections, "WinHttpSettings")
            {
                found.extend(proxy::of_winhttp(blob).map(|value| ("WinHTTP", value)));
            }
            let enabled = self.registry.value(key, "ProxyEnable") == Some(&Value::Dword(1));
            if let Some(Value::Text(server)) = self.registry.value(key, "ProxyServer")
                && enabled
            {
                found.push((whose, server.clone()));
            }
            if let Some(Value::Text(script)) = self.registry.value(key, "AutoConfigURL") {
                found.push((whose, format!("script {script}")));
            }
        }
        let asked = INTERNET_SETTINGS
            .iter()
            .any(|(key, _)| self.registry.covers(key));
        let found = found.into_iter().map(|(setting, value)| Proxy {
            setting: format!("{setting} ({})", self.origin),
            value: redacted(&value),
        });
        let found: Vec<Proxy> = found.collect();
        if let Reading::Found(_, all) = into {
            all.extend(found);
        } else if asked || !found.is_empty() {
            *into = Reading::Found(self.origin.clone(), found);
        }
    }

    /// Reads the stores. The certificates of a store are keys named by their thumbprint (unconfirmed, from memory).
    fn stores(&self) -> Reading<CertificateStores> {
        let mut all = CertificateStores::default();
        for (store, key) in STORES {
            if !self.registry.covers(key) {
                continue;
            }
            let names = self.registry.below(key);
            let prints =
                names.filter(|n| n.len() == 40 && n.bytes().all(|b| b.is_ascii_hexdigit()));
            let found: Vec<_> = prints
                .map(|print| StoredCertificate {
                    store,
                    thumbprint: print.to_uppercase(),
                })
                .collect();
            // Windows keeps a user's own certificates in files (unconfirmed, from memory), so their absence from the
            // registry proves nothing.
            if store == Store::UserPersonal && found.is_empty() {
                continue;
            }
            all.read.push(store);
            all.certificates.extend(found);
        }
        if all.read.is_empty() {
            Reading::NotRead
        } else {
            Reading::Found(self.origin.clone(), all)
        }
    }
}

fn dword(value: &Value) -> Option<u32> {
    let Value::Dword(number) = value else {
        return None;
    };
    Some(*number)
}

/// Returns the roles. Their names consist of letters; anything else is text in the wrong encoding, and is not used.
fn roles(value: &Value) -> Option<Vec<String>> {
    let named = |role: &String| role.bytes().all(|b| b.is_ascii_alphanumeric());
    texts(value).filter(|roles| roles.iter().all(named))
}

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Texts(texts) => Some(texts.clone()),
        Value::Text(text) => Some(text.split([',', ';', ' ']).map(str::to_owned).collect()),
        Value::Dword(_) | Value::Qword(_) | Value::Binary(_) | Value::Other { .. } => None,
    }
}

fn text_or_number(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Dword(number) => Some(number.to_string()),
        Value::Texts(_) | Value::Qword(_) | Value::Binary(_) | Value::Other { .. } => None,
    }
}

/// HPC Pack's key, as 64-bit and as 32-bit programs see it. It is a constant in the published Azure/Telepathy sources.
const HPC: [&str; 2] = [
    r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\HPC",
    r"HKEY_LOCAL_MACHINE\SOFTWARE\Wow6432Node\Microsoft\HPC",
];

/// The values that checks need from HPC Pack's key.
const VALUES: [&str; 4] = [
    "FileStagingMaxConcurrentCalls",
    "InstalledRole",
    "NetworkTopology",
    "UseSp2AzurePorts",
];

const UNINSTALL: [&str; 2] = [
    r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall",
    r"HKEY_LOCAL_MACHINE\SOFTWARE\Wow6432Node\Microsoft\Windows\CurrentVersion\Uninstall",
];

/// The product codes of the servers: 2008, 2008 R2 (x64, x86), 2012 and 2012 R2, 2016, 2019. They come from the
/// Azure/Telepathy sources and from the installation script of 2019.
const PRODUCT_CODES: [&str; 6] = [
    "{21CE1D35-AB84-46fe-B2FD-B57271BE7B93}",
    "{CD5190DD-A85D-4844-9BF4-AC6B04EB1A12}",
    "{F1BB42C1-B9AE-4f47-843A-12FE8F956FFA}",
    "{166692AA-06DD-43E6-97F3-7D0B58220094}",
    "{02985CCE-D7D5-40FF-9C81-6334523210F9}",
    "{A001F5CA-5D6A-4BDA-9885-36E7A8EBABCC}",
];

const INTERNET_SETTINGS: [(&str, &str); 2] = [
    (
        r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Internet Settings",
        "the machine's Internet settings",
    ),
    (
        r"HKEY_CURRENT_USER\SOFTWARE\Microsoft\Windows\CurrentVersion\Internet Settings",
        "the user's Internet settings",
    ),
];

const STORES: [(Store, &str); 3] = [
    (
        Store::MachinePersonal,
        r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\SystemCertificates\MY\Certificates",
    ),
    (
        Store::MachineRoot,
        r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\SystemCertificates\ROOT\Certificates",
    ),
    (
        Store::UserPersonal,
        r"HKEY_CURRENT_USER\SOFTWARE\Microsoft\SystemCertificates\MY\Certificates",
    ),
];

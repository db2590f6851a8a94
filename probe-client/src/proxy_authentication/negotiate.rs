//! The handshakes of NTLM ([MS-NLMP]) and Negotiate (RFC 4559, around Kerberos or NTLM), with tokens from the crate
//! sspi.

use std::net::IpAddr;
use std::time::Instant;

use sspi::ntlm::NtlmConfig;
use sspi::{
    AuthIdentity, AuthIdentityBuffers, BufferType, ClientRequestFlags, CredentialUse, Credentials,
    CredentialsBuffers, DataRepresentation, ErrorKind, KdcResolution, KerberosConfig, Negotiate,
    NegotiateConfig, Ntlm, SecurityBuffer, Sspi, Username, UsernameParts,
};

use super::kdc::Kdc;
use super::scheme::{AuthenticationStart, Handshake, Request, Scheme, Token};
use super::user::{NoToken, TokenUser};

/// The schemes that are handshakes, strongest first.
pub(super) const STRONGEST_FIRST: [&dyn Scheme; 3] = [
    &Package::NegotiateKerberos,
    &Package::NegotiateNtlm,
    &Package::Ntlm,
];

/// The authentication protocol, and what wraps it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Package {
    NegotiateKerberos,
    NegotiateNtlm,
    Ntlm,
}

/// The client's side of a handshake in progress.
#[derive(Debug)]
struct Dialogue {
    context: Context,
    package: Package,
    /// The proxy's service name in Kerberos.
    service: String,
}

#[derive(Debug)]
enum Context {
    Negotiate(Box<Negotiate>, Option<CredentialsBuffers>),
    Ntlm(Box<Ntlm>, Option<AuthIdentityBuffers>),
}

impl Scheme for Package {
    fn name(&self) -> &'static str {
        match self {
            Self::NegotiateKerberos | Self::NegotiateNtlm => "Negotiate",
            Self::Ntlm => "NTLM",
        }
    }

    fn shown(&self) -> &'static str {
        match self {
            Self::NegotiateKerberos => "Negotiate with Kerberos",
            Self::NegotiateNtlm => "Negotiate with NTLM",
            Self::Ntlm => "NTLM",
        }
    }

    /// Makes the first message, for which Kerberos asks a KDC.
    fn begin(&self, request: &Request, deadline: Instant) -> Result<AuthenticationStart, NoToken> {
        let TokenUser::Named(credentials) = &request.who;
        let names = names(&credentials.user)?;
        if *self == Self::NegotiateKerberos {
            suits_kerberos(&names[0], &request.host)?;
        }
        let mut refused = None;
        for name in names {
            let identity = AuthIdentity {
                username: name,
                password: credentials.password.clone().into(),
            };
            let begun = Dialogue::new(*self, &identity, &request.host).and_then(|mut dialogue| {
                let token = dialogue.token(Vec::new(), deadline)?;
                Ok((dialogue, token))
            });
            match begun {
                Ok((dialogue, token)) => {
                    return Ok(AuthenticationStart::Handshake(Box::new(dialogue), token));
                }
                // The KDC may know the user by the other name.
                Err(error) if error.error_type == ErrorKind::UnknownCredentials => {
                    refused.get_or_insert(error);
                }
                Err(error) => return Err(no_token(&error)),
            }
        }
        Err(refused.map_or_else(|| NoToken::here("there is no name"), |e| no_token(&e)))
    }
}

impl Handshake for Dialogue {
    fn go_on(&mut self, token: Vec<u8>, deadline: Instant) -> Result<Token, NoToken> {
        if let Context::Ntlm(..) = &self.context
            && lacks_target(&token)
        {
            return Err(NoToken::here(
                "the proxy's NTLM challenge has no target information, without which NTLMv2 cannot \
                 answer",
            ));
        }
        self.token(token, deadline)
            .map_err(|error| NoToken::here(&said(&error)))
    }
}

impl Dialogue {
    fn new(package: Package, identity: &AuthIdentity, host: &str) -> sspi::Result<Self> {
        let workstation = whoami::hostname().unwrap_or_default();
        let ntlm = NtlmConfig::new(workstation.clone());
        let config = match package {
            Package::Ntlm => {
                let mut ntlm = Ntlm::with_config(ntlm);
                let credentials = acquire(&mut ntlm, identity)?;
                let context = Context::Ntlm(Box::new(ntlm), credentials);
                return Ok(Self::over(context, package, host));
            }
            Package::NegotiateNtlm => {
                NegotiateConfig::new(Box::new(ntlm), Some("ntlm".to_owned()), workstation)
            }
            Package::NegotiateKerberos => {
                let kerberos = KerberosConfig {
                    kdc_resolution: KdcResolution::KdcUrl(None),
                    client_computer_name: workstation.clone(),
                };
                NegotiateConfig::new(Box::new(kerberos), Some("kerberos".to_owned()), workstation)
            }
        };
        let mut negotiate = Negotiate::new_client(config)?;
        let credentials = acquire(&mut negotiate, &Credentials::from(identity.clone()))?;
        let context = Context::Negotiate(Box::new(negotiate), credentials);
        Ok(Self::over(context, package, host))
    }

    fn over(context: Context, package: Package, host: &str) -> Self {
        Self {
            context,
            package,
            service: format!("HTTP/{host}"),
        }
    }

    fn token(&mut self, token: Vec<u8>, deadline: Instant) -> sspi::Result<Token> {
        let kdc = Kdc { deadline };
        let bytes = match &mut self.context {
            Context::Negotiate(context, credentials) => {
                step(context.as_mut(), credentials, &self.service, token, kdc)
            }
            Context::Ntlm(context, credentials) => {
                step(context.as_mut(), credentials, &self.service, token, kdc)
            }
        };
        Ok(Token {
            bytes: bytes?,
            is_kerberos: self.package == Package::NegotiateKerberos,
        })
    }
}

/// Returns whether `token` is a CHALLENGE_MESSAGE without the flag NTLMSSP_NEGOTIATE_TARGET_INFO, or too short for that
/// field ([MS-NLMP] section 2.2.1.2).
fn lacks_target(token: &[u8]) -> bool {
    const CHALLENGE: &[u8] = b"NTLMSSP\0\x02\0\0\0";
    const FLAGS: std::ops::Range<usize> = 20..24;
    const TARGET_INFO: u32 = 0x0080_0000;
    const TARGET_INFO_ENDS: usize = 48;
    let flags = token
        .get(FLAGS)
        .and_then(|flags| flags.try_into().ok())
        .map_or(0, u32::from_le_bytes);
    token.starts_with(CHALLENGE) && (flags & TARGET_INFO == 0 || token.len() < TARGET_INFO_ENDS)
}

fn no_token(error: &sspi::Error) -> NoToken {
    let wrong_password = matches!(
        error.error_type,
        ErrorKind::KdcInvalidRequest | ErrorKind::DecryptFailure | ErrorKind::LogonDenied
    );
    NoToken {
        why: if wrong_password {
            format!("the KDC does not accept the password: {}", said(error))
        } else {
            said(error)
        },
        wrong_password,
    }
}

fn said(error: &sspi::Error) -> String {
    // The rest of the text is for programs, and may be long.
    let text = error.description.split(". Additional").next();
    let text = text.unwrap_or_default();
    // The text may contain the standard library's errors in their debug form.
    let text = match text.split_once("Error {") {
        Some((_, _)) => "the proxy's or the KDC's token cannot be read completely",
        None => text,
    };
    let text: String = text.chars().take(MAX_TEXT).collect();
    text.escape_debug().to_string()
}

/// Returns the names by which a KDC may know the user: Windows looks up a name with a suffix as a whole, others split
/// it.
fn names(user: &str) -> Result<Vec<Username>, NoToken> {
    let unreadable = |_| NoToken::here("the user name is neither DOMAIN\\user nor user@REALM");
    let name = Username::parse(user).map_err(unreadable)?;
    let mut names = vec![name.clone()];
    if let UsernameParts::UserPrincipalName(parts) = name.parts() {
        let (user, realm) = (parts.account_name(), parts.suffix());
        names.push(Username::new_down_level_logon_name(user, realm).map_err(unreadable)?);
    }
    Ok(names)
}

fn suits_kerberos(user: &Username, host: &str) -> Result<(), NoToken> {
    if host.parse::<IpAddr>().is_ok() {
        return Err(NoToken::here(
            "Kerberos needs the proxy's name, not its address",
        ));
    }
    match user.parts() {
        UsernameParts::DownLevelLogonName(parts) if parts.netbios_domain().is_none() => Err(
            NoToken::here("Kerberos needs the user's realm, as in user@REALM"),
        ),
        UsernameParts::DownLevelLogonName(_) | UsernameParts::UserPrincipalName(_) => Ok(()),
    }
}

fn acquire<S: Sspi>(
    context: &mut S,
    identity: &S::AuthenticationData,
) -> sspi::Result<S::CredentialsHandle> {
    let acquired = context
        .acquire_credentials_handle()
        .with_credential_use(CredentialUse::Outbound)
        .with_auth_data(identity)
        .execute(context)?;
    Ok(acquired.credentials_handle)
}

fn step<S: Sspi>(
    context: &mut S,
    credentials: &mut S::CredentialsHandle,
    service: &str,
    token: Vec<u8>,
    kdc: Kdc,
) -> sspi::Result<Vec<u8>> {
    let mut input = [SecurityBuffer::new(token, BufferType::Token)];
    let mut output = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
    let mut builder = context
        .initialize_security_context()
        .with_credentials_handle(credentials)
        .with_context_requirements(ClientRequestFlags::empty())
        .with_target_data_representation(DataRepresentation::Native)
        .with_target_name(service)
        .with_input(&mut input)
        .with_output(&mut output);
    context
        .initialize_security_context_impl(&mut builder)?
        .resolve_with_client(&kdc)?;
    let [token] = output;
    Ok(token.buffer)
}

/// Maximum number of characters of a reason.
const MAX_TEXT: usize = 160;

//! Authentication to proxies: Negotiate (Kerberos or NTLM), NTLM, Digest and Basic, each behind the trait
//! [`scheme::Scheme`].

mod identification;
#[cfg(not(windows))]
mod kdc;
#[cfg(not(windows))]
mod negotiate;
mod password;
mod scheme;
mod user;
#[cfg(windows)]
mod windows;

pub(crate) use self::identification::Identification;
pub(crate) use self::password::{WITHHELD, is_of_a_domain};
pub(crate) use self::user::TokenUser;

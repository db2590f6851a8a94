//! The poses: what a device may do to each field of a testimony, and why some of it does no harm.

use proto::wire;

/// One way to pose.
pub(super) struct Row {
    pub(super) field: &'static str,
    pub(super) manner: Manner,
    /// What exactly is done, if one manner has several forms.
    pub(super) how: &'static str,
    pub(super) apply: fn(&mut wire::Testimony),
    /// Why this does no harm; `None` if it must never be judged open.
    pub(super) may: Option<&'static str>,
}

macro_rules! manners {
    ($($manner:ident),+ $(,)?) => {
        /// What is done to a field. Each field needs a pose in each manner, or an entry in [`LEFT_OUT`].
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub(super) enum Manner {
            $($manner),+
        }

        impl Manner {
            pub(super) const ALL: [Self; [$(Self::$manner),+].len()] = [$(Self::$manner),+];
        }
    };
}

manners! {
    Dropped,
    Changed,
    FromAnotherSession,
}

use Manner::{Changed, Dropped, FromAnotherSession};

const fn never(
    field: &'static str,
    manner: Manner,
    how: &'static str,
    apply: fn(&mut wire::Testimony),
) -> Row {
    Row {
        field,
        manner,
        how,
        apply,
        may: None,
    }
}

const fn may(
    field: &'static str,
    manner: Manner,
    how: &'static str,
    why: &'static str,
    apply: fn(&mut wire::Testimony),
) -> Row {
    Row {
        field,
        manner,
        how,
        apply,
        may: Some(why),
    }
}

const NETWORKS: &str = "networks translate addresses";
const PROCESSES: &str =
    "any process of the server's may answer; several in one session are a finding";
const CLOCKS: &str = "how far the clocks differ is a finding";
const SYNS: &str = "many platforms keep none, and what it shows of devices are findings";
const HEADS: &str = "HTTP devices rewrite heads, which is a finding";
const LESS: &str = "what was cut is compared as far as it was told";
const EXPORTER: &str = "the exporter covers the handshake";
const NOT_ASKED: &str = "a server need not ask for a certificate; that it got none is a finding";

/// Manners that a field cannot be posed in, and why.
pub(super) const LEFT_OUT: &[(&str, Manner, &str)] = &[
    (
        "version",
        FromAnotherSession,
        "all sessions of one dialogue have the same",
    ),
    (
        "truncated",
        Dropped,
        "nothing is cut in a session of these tests, and unset more is compared, not less",
    ),
    (
        "truncated",
        FromAnotherSession,
        "of two values one is the session's own, and the other is posed as changed",
    ),
];

pub(super) const POSES: &[Row] = &[
    never("version", Changed, "raised", |t| t.version += 1),
    never("version", Dropped, "", |t| t.version = 0),
    may("instance", Changed, "", PROCESSES, |t| {
        t.instance = "two".into()
    }),
    may("instance", Dropped, "", PROCESSES, |t| t.instance.clear()),
    may("instance", FromAnotherSession, "", PROCESSES, |t| {
        t.instance = another().instance
    }),
    never("client_nonce", Changed, "", |t| t.client_nonce[0] ^= 1),
    never("client_nonce", Dropped, "", |t| t.client_nonce.clear()),
    never("client_nonce", FromAnotherSession, "", |t| {
        t.client_nonce = another().client_nonce
    }),
    never("server_nonce", Changed, "", |t| t.server_nonce[0] ^= 1),
    never("server_nonce", Dropped, "", |t| t.server_nonce.clear()),
    never("server_nonce", FromAnotherSession, "", |t| {
        t.server_nonce = another().server_nonce
    }),
    never("local", Dropped, "", |t| t.local = None),
    never("local", Changed, "to another port", |t| {
        t.local.as_mut().unwrap().port += 1
    }),
    may("local", Changed, "to another address", NETWORKS, |t| {
        t.local.as_mut().unwrap().ip[3] ^= 1
    }),
    never("local", FromAnotherSession, "", |t| {
        t.local = another().local
    }),
    may("peer", Changed, "", NETWORKS, |t| {
        t.peer.as_mut().unwrap().port += 1
    }),
    may("peer", Dropped, "", NETWORKS, |t| t.peer = None),
    may("peer", FromAnotherSession, "", NETWORKS, |t| {
        t.peer = another().peer
    }),
    never("public_port", Changed, "", |t| t.public_port = 5902),
    never(
        "public_port",
        Dropped,
        "of a listener behind a translation",
        |t| t.local.as_mut().unwrap().port = 15_901,
    ),
    never("public_port", FromAnotherSession, "", |t| {
        t.public_port = another().public_port
    }),
    may("time_unix_ms", Changed, "", CLOCKS, |t| {
        t.time_unix_ms += 86_400_000
    }),
    may("time_unix_ms", Dropped, "", CLOCKS, |t| t.time_unix_ms = 0),
    may("time_unix_ms", FromAnotherSession, "", CLOCKS, |t| {
        t.time_unix_ms = another().time_unix_ms
    }),
    never("kind", Dropped, "", |t| t.kind = 0),
    never("kind", Changed, "to the next", |t| t.kind = t.kind % 6 + 1),
    never("kind", Changed, "to the third from it", |t| {
        t.kind = (t.kind + 2) % 6 + 1
    }),
    never("kind", FromAnotherSession, "", |t| {
        t.kind = (t.kind + 3) % 6 + 1
    }),
    may("connection_id", Changed, "", PROCESSES, |t| {
        t.connection_id[0] ^= 1
    }),
    may("connection_id", Dropped, "", PROCESSES, |t| {
        t.connection_id.clear()
    }),
    may("connection_id", FromAnotherSession, "", PROCESSES, |t| {
        t.connection_id = another().connection_id
    }),
    may("syn", Changed, "", SYNS, |t| t.syn = vec![1; 40]),
    may("syn", Dropped, "", SYNS, |t| t.syn.clear()),
    may("syn", FromAnotherSession, "", SYNS, |t| {
        t.syn = another().syn
    }),
    may("agreed_options", Changed, "", SYNS, |t| {
        t.agreed_options = Some(0)
    }),
    may("agreed_options", Dropped, "", SYNS, |t| {
        t.agreed_options = None
    }),
    may("agreed_options", FromAnotherSession, "", SYNS, |t| {
        t.agreed_options = another().agreed_options
    }),
    never("preface", Dropped, "", |t| t.preface.clear()),
    never("preface", Changed, "or added", |t| {
        match t.preface.last_mut() {
            Some(last) => *last ^= 1,
            None => t.preface = vec![3, 0, 0, 19],
        }
    }),
    never("preface", FromAnotherSession, "", |t| {
        t.preface = another().preface
    }),
    never("request_head", Dropped, "", |t| t.request_head.clear()),
    never("request_head", Changed, "from none", |t| {
        if t.request_head.is_empty() {
            t.request_head = b"POST / HTTP/1.1\r\n\r\n".to_vec();
        }
    }),
    may("request_head", Changed, "in one byte", HEADS, |t| {
        if let Some(byte) = t.request_head.get_mut(6) {
            *byte ^= 1;
        }
    }),
    never(
        "request_head",
        FromAnotherSession,
        "where none was sent",
        |t| {
            if t.request_head.is_empty() {
                t.request_head = another().request_head;
            }
        },
    ),
    may(
        "request_head",
        FromAnotherSession,
        "in place of its own",
        HEADS,
        |t| {
            if !t.request_head.is_empty() {
                t.request_head = another().request_head;
            }
        },
    ),
    may("truncated", Changed, "to set", LESS, |t| t.truncated = true),
    never("tls", Dropped, "", |t| t.tls = None),
    never("tls", Changed, "from none", |t| {
        t.tls.get_or_insert_default();
    }),
    never("tls", FromAnotherSession, "", |t| t.tls = another().tls),
    never("tls.version", Changed, "", |t| {
        of_tls(t, |tls| tls.version = 0x0303)
    }),
    never("tls.version", Dropped, "", |t| {
        of_tls(t, |tls| tls.version = 0)
    }),
    never("tls.version", FromAnotherSession, "", |t| {
        of_tls(t, |tls| tls.version = another_tls().version)
    }),
    never("tls.cipher_suite", Changed, "", |t| {
        of_tls(t, |tls| tls.cipher_suite = 0x1302)
    }),
    never("tls.cipher_suite", Dropped, "", |t| {
        of_tls(t, |tls| tls.cipher_suite = 0)
    }),
    never("tls.cipher_suite", FromAnotherSession, "", |t| {
        of_tls(t, |tls| tls.cipher_suite = another_tls().cipher_suite)
    }),
    never("tls.group", Changed, "", |t| {
        of_tls(t, |tls| tls.group = 0x0017)
    }),
    may("tls.group", Dropped, "", EXPORTER, |t| {
        of_tls(t, |tls| tls.group = 0)
    }),
    never("tls.group", FromAnotherSession, "", |t| {
        of_tls(t, |tls| tls.group = another_tls().group)
    }),
    never("tls.server_name", Changed, "", |t| {
        of_tls(t, |tls| tls.server_name = "elsewhere.example".into())
    }),
    never("tls.server_name", Dropped, "", |t| {
        of_tls(t, |tls| tls.server_name.clear())
    }),
    never("tls.server_name", FromAnotherSession, "", |t| {
        of_tls(t, |tls| tls.server_name = another_tls().server_name)
    }),
    never("tls.alpn", Changed, "", |t| {
        of_tls(t, |tls| tls.alpn = "h2".into())
    }),
    never("tls.alpn", Dropped, "", |t| {
        of_tls(t, |tls| tls.alpn.clear())
    }),
    never("tls.alpn", FromAnotherSession, "", |t| {
        of_tls(t, |tls| tls.alpn = another_tls().alpn)
    }),
    never("tls.exporter", Changed, "", |t| {
        of_tls(t, |tls| tls.exporter[0] ^= 1)
    }),
    never("tls.exporter", Dropped, "", |t| {
        of_tls(t, |tls| tls.exporter.clear())
    }),
    never("tls.exporter", FromAnotherSession, "", |t| {
        of_tls(t, |tls| tls.exporter = another_tls().exporter)
    }),
    never("tls.client_hello_sha256", Changed, "", |t| {
        of_tls(t, |tls| tls.client_hello_sha256[0] ^= 1)
    }),
    may("tls.client_hello_sha256", Dropped, "", EXPORTER, |t| {
        of_tls(t, |tls| tls.client_hello_sha256.clear())
    }),
    never("tls.client_hello_sha256", FromAnotherSession, "", |t| {
        of_tls(t, |tls| {
            tls.client_hello_sha256 = another_tls().client_hello_sha256
        })
    }),
    never("tls.client_certificate_sha256", Changed, "", |t| {
        of_tls(t, |tls| tls.client_certificate_sha256[0] ^= 1)
    }),
    may(
        "tls.client_certificate_sha256",
        Dropped,
        "",
        NOT_ASKED,
        |t| of_tls(t, |tls| tls.client_certificate_sha256.clear()),
    ),
    never(
        "tls.client_certificate_sha256",
        FromAnotherSession,
        "",
        |t| {
            of_tls(t, |tls| {
                tls.client_certificate_sha256 = another_tls().client_certificate_sha256
            })
        },
    ),
];

fn of_tls(testimony: &mut wire::Testimony, apply: fn(&mut wire::TlsTestimony)) {
    if let Some(tls) = &mut testimony.tls {
        apply(tls);
    }
}

/// Returns the testimony of a session that another client has at the same time. Only the version is the same: the
/// server process, the port and the TLS session differ.
fn another() -> wire::Testimony {
    wire::Testimony {
        version: proto::DIALOGUE_VERSION,
        instance: "three".into(),
        client_nonce: vec![0x31; 32],
        server_nonce: vec![0x32; 32],
        local: Some(wire::SocketAddress {
            ip: vec![192, 0, 2, 1],
            port: 3389,
        }),
        peer: Some(wire::SocketAddress {
            ip: vec![192, 0, 2, 77],
            port: 50_000,
        }),
        public_port: 443,
        time_unix_ms: 2_000,
        connection_id: vec![0x33; 8],
        syn: vec![0x46; 40],
        preface: b"\x03\0\0\x2a&\xe0\0\0\0\0\0Cookie: mstshash=another\r\n\x01\0\x08\0\x01\0\0\0"
            .to_vec(),
        request_head: b"POST /another HTTP/1.1\r\nHost: echo.example\r\n\r\n".to_vec(),
        tls: Some(another_tls()),
        agreed_options: Some(3),
        ..wire::Testimony::default()
    }
}

fn another_tls() -> wire::TlsTestimony {
    wire::TlsTestimony {
        version: 0x0303,
        cipher_suite: 0xc02f,
        group: 0x0018,
        server_name: "another.example".into(),
        alpn: "h2".into(),
        exporter: vec![0x34; 32],
        client_hello_sha256: vec![0x35; 32],
        client_certificate_sha256: vec![0x36; 32],
    }
}

//! Tests SYNs as kernels save them and as devices change them, and bytes that are not a SYN.

use proptest::prelude::*;

use super::*;

/// A SYN saved by Linux 6.18 on loopback; the client had set TTL 100 and MSS 1399.
const LINUX_V4: &str = "4500003ce80c4000640630ad7f0000017f000001\
    d44ec303f656603600000000a002fb62fe300000\
    020405770402080a7fd500480000000001\
    03030a";

/// A SYN saved in the same way over IPv6; the client had set hop limit 100.
const LINUX_V6: &str = "600eca2c00280664\
    0000000000000000000000000000000100000000000000000000000000000001\
    e650bf6f51bb3ba600000000a002fb6200300000\
    020405770402080a1a65e62600000000\
    0103030a";

/// The offset of the TCP header in the IPv4 sample; its options follow at `OPTIONS_AT`.
const TCP_AT: usize = 20;
const OPTIONS_AT: usize = 40;

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

/// Returns the IPv4 sample with other options, padded to whole words.
fn with_options(options: &[u8]) -> Vec<u8> {
    let mut syn = bytes(LINUX_V4);
    syn.truncate(OPTIONS_AT);
    syn.extend_from_slice(options);
    syn.resize(syn.len().next_multiple_of(4), 0);
    let words = u8::try_from((syn.len() - TCP_AT) / 4).unwrap();
    syn[TCP_AT + 12] = words << 4;
    syn
}

fn options_of(options: &[u8]) -> (Vec<TcpOption>, bool) {
    let syn = SynHeader::parse(&with_options(options)).unwrap();
    (syn.options, syn.options_intact)
}

/// Returns the IPv6 sample with `extensions` between the headers. The first extension header is of kind `next`.
fn with_extensions(next: u8, extensions: &[u8]) -> Vec<u8> {
    let mut syn = bytes(LINUX_V6);
    syn[6] = next;
    syn.splice(IPV6_HEADER..IPV6_HEADER, extensions.iter().copied());
    syn
}

#[test]
fn reads_what_linux_saved_over_ipv4() {
    let syn = SynHeader::parse(&bytes(LINUX_V4)).unwrap();
    assert_eq!(
        syn,
        SynHeader {
            source: "127.0.0.1:54350".parse().unwrap(),
            destination: "127.0.0.1:49923".parse().unwrap(),
            hop_limit: 100,
            window: 64354,
            ecn: false,
            options: vec![
                TcpOption::MaximumSegmentSize(1399),
                TcpOption::SackPermitted,
                TcpOption::Timestamps {
                    value: 0x7fd5_0048,
                    echo: 0
                },
                TcpOption::NoOperation,
                TcpOption::WindowScale(10),
            ],
            options_intact: true,
        }
    );
    assert_eq!(syn.maximum_segment_size(), Some(1399));
    assert!(syn.timestamps());
}

#[test]
fn reads_what_linux_saved_over_ipv6() {
    let syn = SynHeader::parse(&bytes(LINUX_V6)).unwrap();
    assert_eq!(syn.source, "[::1]:58960".parse().unwrap());
    assert_eq!(syn.destination, "[::1]:49007".parse().unwrap());
    assert_eq!(syn.hop_limit, 100);
    assert_eq!(syn.window, 64354);
    assert_eq!(syn.maximum_segment_size(), Some(1399));
}

#[test]
fn what_follows_the_headers_is_ignored() {
    let mut syn = bytes(LINUX_V4);
    let alone = SynHeader::parse(&syn);
    syn.extend_from_slice(b"Fast Open data");
    assert_eq!(SynHeader::parse(&syn), alone);
}

#[test]
fn skips_ipv4_options() {
    let mut syn = bytes(LINUX_V4);
    syn[0] = 0x46;
    syn.splice(20..20, [0x94, 4, 0, 0]);
    assert_eq!(SynHeader::parse(&syn), SynHeader::parse(&bytes(LINUX_V4)));
}

#[test]
fn follows_ipv6_extension_headers() {
    let plain = SynHeader::parse(&bytes(LINUX_V6));
    let hop_by_hop = [DESTINATION, 0, 5, 2, 0, 0, 1, 0];
    let destination = [PROTOCOL_TCP, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let fragment = [PROTOCOL_TCP, 255, 0, 0, 0, 0, 0, 1];
    let chain = [hop_by_hop.as_slice(), &destination].concat();
    assert_eq!(
        SynHeader::parse(&with_extensions(HOP_BY_HOP, &chain)),
        plain
    );
    assert_eq!(
        SynHeader::parse(&with_extensions(FRAGMENT, &fragment)),
        plain
    );
}

#[test]
fn gives_up_on_an_endless_chain_of_extension_headers() {
    let one = [DESTINATION, 0, 1, 4, 0, 0, 0, 0];
    let mut chain = one.repeat(EXTENSION_HEADERS_MAX);
    let last = chain.len() - one.len();
    chain[last] = PROTOCOL_TCP;
    assert!(SynHeader::parse(&with_extensions(DESTINATION, &chain)).is_ok());
    assert_eq!(
        SynHeader::parse(&with_extensions(
            DESTINATION,
            &one.repeat(EXTENSION_HEADERS_MAX + 1)
        )),
        Err(InvalidSyn::TooManyExtensions)
    );
}

#[test]
fn no_beginning_of_a_syn_is_a_syn() {
    for sample in [LINUX_V4, LINUX_V6] {
        let whole = bytes(sample);
        for length in 0..whole.len() {
            assert_eq!(
                SynHeader::parse(&whole[..length]),
                Err(InvalidSyn::Truncated),
                "{length} bytes"
            );
        }
    }
}

#[test]
fn refuses_what_is_not_a_syn() {
    let altered = |at: usize, value: u8| {
        let mut syn = bytes(LINUX_V4);
        syn[at] = value;
        SynHeader::parse(&syn)
    };
    assert_eq!(altered(0, 0x55), Err(InvalidSyn::IpVersion(5)));
    assert_eq!(altered(0, 0x44), Err(InvalidSyn::HeaderLength));
    assert_eq!(altered(9, 17), Err(InvalidSyn::NotTcp(17)));
    assert_eq!(altered(TCP_AT + 12, 0x40), Err(InvalidSyn::HeaderLength));
    assert_eq!(altered(TCP_AT + 13, 0x12), Err(InvalidSyn::NotSyn));
    assert_eq!(altered(TCP_AT + 13, 0x04), Err(InvalidSyn::NotSyn));
    let asks_for_ecn = SynHeader {
        ecn: true,
        ..SynHeader::parse(&bytes(LINUX_V4)).unwrap()
    };
    assert_eq!(altered(TCP_AT + 13, 0xc2), Ok(asks_for_ecn));
}

#[test]
fn stripped_options_show_as_padding() {
    let (options, intact) = options_of(&[2, 4, 3, 0xe8, 1, 1, 1, 1, 1, 3, 3, 10]);
    assert!(intact);
    assert_eq!(options[0], TcpOption::MaximumSegmentSize(1000));
    assert_eq!(options[1..6], [TcpOption::NoOperation; 5]);
    assert_eq!(options[6], TcpOption::WindowScale(10));
}

#[test]
fn unknown_kinds_do_not_hide_what_follows() {
    let multipath = [30, 12, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let (options, intact) = options_of(&[&multipath[..], &[34, 2, 4, 2]].concat());
    assert!(intact);
    assert_eq!(
        options,
        [
            TcpOption::Unknown {
                kind: 30,
                length: 12
            },
            TcpOption::Unknown {
                kind: 34,
                length: 2
            },
            TcpOption::SackPermitted,
        ]
    );
}

#[test]
fn a_known_kind_of_odd_length_is_unknown() {
    assert_eq!(
        options_of(&[2, 3, 5, 1]).0,
        [
            TcpOption::Unknown { kind: 2, length: 3 },
            TcpOption::NoOperation
        ]
    );
}

#[test]
fn the_end_of_the_list_ends_it() {
    assert_eq!(
        options_of(&[4, 2, 0, 99]),
        (vec![TcpOption::SackPermitted, TcpOption::EndOfList], true)
    );
}

#[test]
fn an_impossible_length_breaks_the_list_off() {
    for broken in [[4, 2, 3, 0], [4, 2, 3, 1], [4, 2, 3, 9], [4, 2, 1, 3]] {
        let (options, intact) = options_of(&broken);
        assert_eq!(options[0], TcpOption::SackPermitted);
        assert!(!intact, "{broken:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_give_an_answer(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = SynHeader::parse(&noise);
    }

    #[test]
    fn any_options_give_a_bounded_list(noise in proptest::collection::vec(any::<u8>(), 0..=40)) {
        let syn = SynHeader::parse(&with_options(&noise)).unwrap();
        prop_assert!(syn.options.len() <= 40);
        prop_assert_eq!(syn.destination.port(), 49923);
    }
}

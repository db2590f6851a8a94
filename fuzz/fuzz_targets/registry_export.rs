//! Any bytes can be read as a registry export within bounds, and all checks can be run on the result.
#![no_main]

use libfuzzer_sys::fuzz_target;
use probe_core::check::CheckDocument;
use probe_core::head_node::registry::parse_export;
use probe_core::head_node::{HeadNode, Origin};

fuzz_target!(|bytes: &[u8]| {
    let Ok(export) = parse_export(bytes) else {
        return;
    };
    assert!(export.problems.len() <= 10);
    let mut node = HeadNode::default();
    node.read_registry(&export.registry, &Origin::LiveRegistry(String::new()));
    let document = CheckDocument::new(&node, Default::default(), "0");
    assert!(document.checks.iter().all(|check| !check.text.is_empty()));
});

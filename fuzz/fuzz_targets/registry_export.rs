//! Any bytes can be read as a registry export within bounds, and all checks can be run on the result.
#![no_main]

use head_node::check::CheckDocument;
use head_node::registry::parse_export;
use head_node::{HeadNode, Origin};
use libfuzzer_sys::fuzz_target;

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

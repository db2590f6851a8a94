//! The three tables of a profile file, and the keys that each may have.

use settings_file::Section;

pub(super) static PROFILE: Section = Section::new(
    "a profile",
    &[
        ("id", r#"id = "my-cluster""#),
        ("also_known_as", r#"also_known_as = ["other-name"]"#),
        ("title", r#"title = "My cluster""#),
        ("summary", r#"summary = "What the head node needs""#),
        ("applies_to", r#"applies_to = "HPC Pack 2019""#),
        ("source", r#"source = "Change request 4711""#),
        ("notes", r#"[[notes]] with text = "...""#),
        ("rules", r#"[[rules]] with id, port, session and purpose"#),
    ],
);

pub(super) static NOTE: Section = Section::new(
    "a note",
    &[
        ("text", r#"text = "Restart the head node after the change""#),
        ("source", r#"source = "Operations manual, page 3""#),
        ("sourcing", r#"sourcing = "verified""#),
    ],
);

pub(super) static RULE: Section = Section::new(
    "a rule",
    &[
        ("id", r#"id = "https""#),
        ("port", "port = 443"),
        ("transport", r#"transport = "tcp""#),
        ("session", r#"session = "https""#),
        ("via_uri", r#"via_uri = "net.tcp://{host}:{port}/Service""#),
        ("nettcp_mode", r#"nettcp_mode = "duplex""#),
        ("legacy_hello", "legacy_hello = true"),
        ("purpose", r#"purpose = "Job submission""#),
        ("direction", r#"direction = "outbound""#),
        ("expect", r#"expect = "open""#),
        ("required", "required = false"),
        ("destination", r#"destination = "*.blob.core.windows.net""#),
        ("source", r#"source = "Change request 4711""#),
        ("source_date", r#"source_date = "2024-05-01""#),
        ("sourcing", r#"sourcing = "verified""#),
    ],
);

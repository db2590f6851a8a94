//! Opens a file with the desktop's own program for it.

use std::path::Path;

use anyhow::{Context as _, bail};

/// Opens `file` in the browser.
///
/// # Errors
///
/// There is no desktop, or it has no program for the file.
pub(crate) fn open(file: &Path) -> anyhow::Result<()> {
    let shown = file.display();
    if !is_there() {
        bail!("there is no desktop here; open {shown} in a browser");
    }
    open::that_detached(file).with_context(|| format!("{shown} cannot be opened"))
}

/// Returns whether there is a desktop, as far as fwprobe can determine it.
fn is_there() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(any(windows, target_os = "macos")) || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}

//! Limits what Windows Error Reporting keeps from a crashed process.

#![expect(unsafe_code, reason = "a call of the system without a safe wrapper")]

use windows_sys::Win32::System::ErrorReporting::{WER_FAULT_REPORTING_FLAG_NOHEAP, WerSetFlags};

/// Leaves the heap out of crash reports.
pub(crate) fn keep_memory_private() {
    // SAFETY: the call takes a number and touches no memory of this process.
    let _ = unsafe { WerSetFlags(WER_FAULT_REPORTING_FLAG_NOHEAP) };
}

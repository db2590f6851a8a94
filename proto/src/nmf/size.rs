//! Record sizes, with seven bits in each byte, least significant first (MC-NMF section 2.2).

use super::NmfError;
use crate::cursor::{Cursor, Stop};

/// Reads a size, and refuses it as soon as it is certain to exceed `limit`.
pub(super) fn read_size(cursor: &mut Cursor<'_>, limit: u32) -> Result<u32, Stop<NmfError>> {
    let mut size = 0_u32;
    for shift in SHIFTS {
        let byte = cursor.byte()?;
        let group = u32::from(byte & LOW_BITS);
        let shifted = group << shift;
        if shifted >> shift != group {
            return Err(Stop::Invalid(NmfError::SizeOverflow));
        }
        size |= shifted;
        if size > limit {
            return Err(Stop::Invalid(NmfError::TooLong { size, limit }));
        }
        if byte & MORE == 0 {
            return if byte == 0 && shift > 0 {
                Err(Stop::Invalid(NmfError::SizeOverlong))
            } else {
                Ok(size)
            };
        }
    }
    Err(Stop::Invalid(NmfError::SizeOverflow))
}

pub(super) fn encode_size(mut size: u32, out: &mut Vec<u8>) {
    loop {
        let low = size.to_le_bytes()[0] & LOW_BITS;
        size >>= 7;
        if size == 0 {
            out.push(low);
            return;
        }
        out.push(low | MORE);
    }
}

const LOW_BITS: u8 = 0x7F;
const MORE: u8 = 0x80;
/// The shifts of the five bytes that 32 bits need.
const SHIFTS: [u32; 5] = [0, 7, 14, 21, 28];

//! What one end of a connection sent again, and how much of that shows loss.

/// Counts of one end, SYNs left out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SentAgain {
    /// Segments sent again that the other end has not reported as needless.
    pub perhaps_lost: u32,
    /// Segments that the other end reported to have twice.
    pub needless: u32,
    /// How often segments were seen to overtake each other.
    pub overtaken: u32,
}

impl SentAgain {
    /// Returns how many segments are known to be lost.
    ///
    /// Where segments overtake each other, some are sent again that were late and not lost, and the session may end before
    /// the other end's report of that is there. So there loss is shown only by more than reordering explains.
    pub fn lost(self) -> u32 {
        let explained = self.needless.saturating_add(self.overtaken);
        if self.overtaken > 0 && self.perhaps_lost <= explained {
            0
        } else {
            self.perhaps_lost
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reordering_explains_is_no_loss() {
        let lost = |perhaps_lost, needless, overtaken| {
            let counts = SentAgain {
                perhaps_lost,
                needless,
                overtaken,
            };
            counts.lost()
        };
        assert_eq!(lost(5, 0, 0), 5);
        // Needless repetitions alone come of delays as well.
        assert_eq!(lost(3, 4, 0), 3);
        assert_eq!(lost(3, 14, 20), 0);
        assert_eq!(lost(9, 2, 1), 9);
    }
}

//! The buffers of a connection.

use ureq::unversioned::transport::Buffers;

use super::{INPUT_BUFFER, OUTPUT_BUFFER};

/// The first size of the input, in bytes: an ordinary answer fits.
const FIRST_INPUT: usize = 8 << 10;

/// Buffers that grow with what arrives. The input has to hold the largest header; ureq's own buffers have that size and
/// are zeroed from the start, which costs more than HTTP and JSON of an ordinary answer together.
#[derive(Debug, Default)]
pub struct GrowingBuffers {
    input: Vec<u8>,
    /// What of the input has been used, and what has been read: the rest is free.
    consumed: usize,
    filled: usize,
    output: Vec<u8>,
    /// Whether the last look at the input used any of it; if not, more has to be read first.
    progress: bool,
}

impl GrowingBuffers {
    /// Makes room for more input, and for output.
    fn make_room(&mut self) {
        if self.consumed > 0 {
            self.input.copy_within(self.consumed..self.filled, 0);
            self.filled -= self.consumed;
            self.consumed = 0;
        }
        if self.filled == self.input.len() {
            let size = (2 * self.filled).clamp(FIRST_INPUT, INPUT_BUFFER);
            self.input.resize(size, 0);
        }
        self.output.resize(OUTPUT_BUFFER, 0);
    }
}

impl Buffers for GrowingBuffers {
    fn output(&mut self) -> &mut [u8] {
        self.make_room();
        &mut self.output
    }

    fn input(&self) -> &[u8] {
        self.input.get(self.consumed..self.filled).unwrap_or_default()
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        self.make_room();
        self.input.get_mut(self.filled..).unwrap_or_default()
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        self.make_room();
        (self.input.get_mut(self.filled..).unwrap_or_default(), &mut self.output)
    }

    fn input_appended(&mut self, amount: usize) {
        self.filled += amount;
    }

    fn input_consume(&mut self, amount: usize) {
        self.progress = amount > 0;
        self.consumed += amount;
    }

    fn can_use_input(&self) -> bool {
        !self.input().is_empty() && self.progress
    }
}

//! Bytes handed out in pieces whose sizes the input itself chooses, so that kept seeds stay real files.

use std::io::Read;

/// A source that gives at most `sizes[n]` bytes (1 to 13) at the n-th read, over and over. Long inputs come in
/// larger pieces: a reader that is handed a long tag byte by byte looks at it anew each time.
pub struct Pieces<'a> {
    rest: &'a [u8],
    sizes: &'a [u8],
    next: usize,
    scale: usize,
}

impl<'a> Pieces<'a> {
    pub fn new(rest: &'a [u8], sizes: &'a [u8]) -> Pieces<'a> {
        Pieces { rest, sizes, next: 0, scale: 1 + rest.len() / 1024 }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let size = self.sizes.get(self.next).map_or(1, |&s| 1 + usize::from(s % 13)) * self.scale;
        self.next = (self.next + 1) % self.sizes.len().max(1);
        let count = size.min(self.rest.len()).min(out.len());
        let (now, later) = self.rest.split_at(count);
        out[..count].copy_from_slice(now);
        self.rest = later;
        Ok(count)
    }
}

/// The sizes: the input's last bytes.
pub fn sizes(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.len().saturating_sub(17)..]
}

/// A number that every byte has a say in.
pub fn sum(bytes: &[u8]) -> usize {
    let sum = bytes.iter().fold(0x811c_9dc5u32, |sum, &b| (sum ^ u32::from(b)).wrapping_mul(0x0100_0193));
    (sum ^ (sum >> 15)) as usize
}

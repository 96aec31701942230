//! A gzip stream without compression: the coding is what matters to a client, not the saving.

/// `bytes` as a gzip stream of stored blocks.
pub(crate) fn stored(bytes: &[u8]) -> Vec<u8> {
    // Signature, deflate, no flags, no time, no hints, system unknown.
    let mut stream = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = bytes.chunks(usize::from(u16::MAX)).peekable();
    if blocks.peek().is_none() {
        block(&mut stream, &[], true);
    }
    while let Some(data) = blocks.next() {
        block(&mut stream, data, blocks.peek().is_none());
    }
    stream.extend(crc32fast::hash(bytes).to_le_bytes());
    // The length modulo 2^32, says the format.
    stream.extend((bytes.len() as u32).to_le_bytes());
    stream
}

fn block(stream: &mut Vec<u8>, data: &[u8], last: bool) {
    let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
    stream.push(u8::from(last));
    stream.extend(length.to_le_bytes());
    stream.extend((!length).to_le_bytes());
    stream.extend(data);
}
